package amd64

import (
	"bytes"
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/twopass-softmax/twopass/tools/kernelgen/library"
)

// ColumnKernel is a kernel that does columns side by side, up to 128 of them. The definition's
// lane l of a column has elements l, l+16, and so on: its sum and rest lie in memory, and four of its
// elements are done at a time, for one vector of columns after the other.
//
// What the kernels share, and where each begins and ends, is package arith's Columns.
type ColumnKernel struct {
	Name, Signature, Doc string

	write func(w *columnWriter)
}

// ColumnKernels lists them.
var ColumnKernels = []ColumnKernel{
	{"columnsBegin", "func(src *float32, st *Columns) (ok bool)",
		"empty sums, and N by each column's element in src; not ok if one is too large in size", (*columnWriter).begin},
	{"columnsSumStore", "func(src, e *float32, rows, srcStride int, st *Columns)",
		"adds exponentials to sums, and stores them", func(w *columnWriter) { w.sum(columnSum{store: true}) }},
	{"columnsSum", "func(src *float32, rows, srcStride int, st *Columns)",
		"adds exponentials to sums", func(w *columnWriter) { w.sum(columnSum{}) }},
	{"columnsSumKept", "func(src *float32, keep *uint32, rows, srcStride int, st *Columns)",
		"adds exponentials to sums of the rows that keep has ones for, not zeros", func(w *columnWriter) { w.sum(columnSum{kept: true}) }},
	{"columnsSumTop", "func(src *float32, rows, srcStride int, st *Columns)",
		"adds exponentials to sums, and keeps the largest elements of lanes", func(w *columnWriter) { w.sum(columnSum{top: true}) }},
	{"columnsSumOthers", "func(src *float32, rows, srcStride int, st *Columns)",
		"adds exponentials to sums but those of the columns' largest elements", func(w *columnWriter) { w.sum(columnSum{others: true}) }},
	{"columnsFactors", "func(st *Columns) (ok bool)",
		"the second pass's factors by the totals; not ok if a result may be 0", (*columnWriter).factors},
	{"columnsRests", "func(st *Columns)",
		"the largest elements, their exponentials, and the totals without those", (*columnWriter).rests},
	{"columnsTotals", "func(st *Columns)", "the totals, and the largest elements' exponentials", (*columnWriter).totals},
	{"columnsScale", "func(dst, e *float32, rows, dstStride int, st *Columns)",
		"the second pass over exponentials", (*columnWriter).scale},
	{"columnsExpScale", "func(dst, src *float32, rows, dstStride, srcStride int, st *Columns)",
		"the second pass over elements", (*columnWriter).expScale},
	{"columnsLogSub", "func(dst, src *float32, rows, dstStride, srcStride int, st *Columns)",
		"(x - max) * cHi + cLo", (*columnWriter).logSub},
}

// Where package arith's Columns has what, in bytes.
const (
	columnsExp1, columnsExp2, columnsExp3 = 0, 4, 8
	columnsHeadroom, columnsInteger       = 12, 16
	columnsBits, columnsDown              = 20, 24
	columnsUp, columnsMost                = 32, 40
	columnsWidth, columnsLast             = 48, 56
	columnsLanesAhead, columnsGroups      = 64, 72
	columnsDstAhead, columnsSrcAhead      = 80, 88
	columnsSums                           = 96 // by lane and vector: a sum, its rest, the largest element
	columnsTable, columnsUs               = 128, 192
	columnsKHi, columnsKLo                = 256, 256 + columnsRow
	columnsMagic                          = 256 + 2*columnsRow
	columnsCHi, columnsCLo                = 256 + 3*columnsRow, 256 + 4*columnsRow
	columnsMax, columnsTop                = 256 + 5*columnsRow, 256 + 6*columnsRow
	columnsRest                           = 256 + 7*columnsRow // float64
	columnsHigh                           = 256 + 9*columnsRow

	columnsRow  = 8 * 64 // the size of the most columns
	columnsLane = 3 * columnsRow
)

// The registers of these kernels.
var (
	columnsSrc     = reg.RSI
	columnsDst     = reg.RDI
	columnsVector  = reg.RAX // where the vector is in a row of vectors, in bytes
	columnsAt      = reg.RBX // and where that is in a row of the matrix; its address
	columnsStep    = reg.RCX // 16 rows, or one
	columnsStep3   = reg.RDX
	columnsSum     = reg.R8 // of a lane and vector
	columnsE       = reg.R9
	columnsEStep   = reg.R10
	columnsEStep3  = reg.R11
	columnsLeft    = reg.R12
	columnsOther   = reg.R13
	columnsState   = reg.R14
	columnsAddress = reg.R15
)

// columnWriter writes them.
type columnWriter struct {
	*build.Context
	evex  bool
	lanes int
	size  int // of a vector
}

// ColumnsFile writes the kernels of a level as an assembly file.
func ColumnsFile(l Level, header string) ([]byte, error) {
	c := build.NewContext()
	c.ConstraintExpr("!purego")
	lanes := l.ISA.Lanes()
	w := &columnWriter{Context: c, evex: lanes == library.Lanes, lanes: lanes, size: 4 * lanes}
	for _, k := range ColumnKernels {
		w.Function(k.Name + l.Suffix)
		w.Attributes(attr.NOSPLIT)
		w.SignatureExpr(string(bytes.ReplaceAll([]byte(k.Signature), []byte("*Columns"), []byte("*byte"))))
		w.Commentf("%s: %s.", k.Name+l.Suffix, k.Doc)
		w.MOVQ(w.param("st"), columnsState)
		k.write(w)
		w.VZEROUPPER()
		w.RET()
	}
	return assembly(c, "arith", header)
}

func (w *columnWriter) param(name string) operand.Mem {
	return (&writer{Context: w.Context}).param(name, "")
}

func (w *columnWriter) result(name string) operand.Mem {
	return (&writer{Context: w.Context}).result(name)
}

func (w *columnWriter) r(i int) reg.VecPhysical { return view(i, w.lanes) }

// field is what the state has there, and of what it has for the vector.
func (w *columnWriter) field(disp int) operand.Mem {
	return operand.Mem{Base: columnsState, Disp: disp}
}

func (w *columnWriter) of(disp int) operand.Mem {
	return operand.Mem{Base: columnsState, Index: columnsVector, Scale: 1, Disp: disp}
}

func (w *columnWriter) splat(disp, to int) { w.VBROADCASTSS(w.field(disp), w.r(to)) }

func (w *columnWriter) zero(to int) { w.VPXOR(view(to, 8), view(to, 8), view(to, 8)) }

func (w *columnWriter) or(x, to int) {
	if w.evex {
		w.VPORD(w.r(x), w.r(to), w.r(to))
	} else {
		w.VPOR(w.r(x), w.r(to), w.r(to))
	}
}

// stride loads a parameter in elements as bytes.
func (w *columnWriter) stride(name string, to reg.GPPhysical) {
	w.MOVQ(w.param(name), to)
	w.SHLQ(operand.Imm(2), to)
}

// each loops over the vectors of a row.
func (w *columnWriter) each(label string, f func()) {
	w.XORL(columnsVector.As32(), columnsVector.As32())
	w.Label(label)
	f()
	w.ADDQ(operand.U32(w.size), columnsVector)
	w.CMPQ(columnsVector, w.field(columnsWidth))
	w.JNE(operand.LabelRef(label))
}

// where sets columnsAt to where the vector's columns are in a row of the matrix: the last vector
// may have some of those before it again.
func (w *columnWriter) where() {
	w.MOVQ(columnsVector, columnsAt)
	w.CMPQ(columnsVector, w.field(columnsLast))
	w.CMOVQGT(w.field(columnsLast), columnsAt)
}

// constants are where exp has them.
const columnsTableIn, columnsC1, columnsC2, columnsC3, columnsUsIn, columnsMagicIn = 10, 11, 12, 13, 14, 15

func (w *columnWriter) constants() {
	w.splat(columnsExp1, columnsC1)
	w.splat(columnsExp2, columnsC2)
	w.splat(columnsExp3, columnsC3)
	w.VMOVUPS(w.field(columnsTable), w.r(columnsTableIn))
}

// segment loads what the vector's exponentials depend on, kHi and kLo to 8 and 9.
func (w *columnWriter) segment() {
	w.VMOVUPS(w.of(columnsKHi), w.r(8))
	w.VMOVUPS(w.of(columnsKLo), w.r(9))
	w.VMOVUPS(w.of(columnsMagic), w.r(columnsMagicIn))
}

// exp is the exponential of the near elements in x, which becomes something else, in y. See package
// library. What shows whether they are near is handed to seen in y.
func (w *columnWriter) exp(x, y, f int, seen func(u int)) {
	const kHi, kLo, table, magic = 8, 9, columnsTableIn, columnsMagicIn
	w.VMOVAPS(w.r(magic), w.r(y))
	w.VFMADD231PS(w.r(x), w.r(kHi), w.r(y))
	seen(y)
	w.VSUBPS(w.r(y), w.r(magic), w.r(f))
	w.VFMADD231PS(w.r(x), w.r(kHi), w.r(f))
	w.VFMADD231PS(w.r(x), w.r(kLo), w.r(f))
	w.VPERMPS(w.r(table), w.r(y), w.r(x))
	w.VPSLLD(operand.U8(20), w.r(y), w.r(y))
	w.VPADDD(w.r(y), w.r(x), w.r(x))
	w.VMOVAPS(w.r(columnsC3), w.r(y))
	w.VFMADD213PS(w.r(columnsC2), w.r(f), w.r(y))
	w.VFMADD213PS(w.r(columnsC1), w.r(f), w.r(y))
	w.VMULPS(w.r(f), w.r(y), w.r(y))
	w.VFMADD213PS(w.r(x), w.r(x), w.r(y))
}

func (w *columnWriter) begin() {
	const headroom, integer, zero, inf, size, bad = 2, 3, 4, 5, 6, 7
	w.MOVQ(w.param("src"), columnsSrc)
	w.splat(columnsHeadroom, headroom)
	w.splat(columnsInteger, integer)
	w.zero(zero)
	w.zero(bad)
	w.VMOVUPS(w.r(zero), w.field(columnsUs))
	if w.evex {
		w.VPTERNLOGD(operand.U8(0xff), w.r(inf), w.r(inf), w.r(inf))
	} else {
		w.VPCMPEQD(w.r(inf), w.r(inf), w.r(inf))
	}
	w.VPSRLD(operand.U8(1), w.r(inf), w.r(size)) // without the sign
	w.VPSLLD(operand.U8(23), w.r(inf), w.r(inf)) // -Inf
	w.MOVQ(w.field(columnsSums), columnsSum)
	w.each("begin", func() {
		w.where()
		w.VMOVUPS(operand.Mem{Base: columnsSrc, Index: columnsAt, Scale: 1}, w.r(0))
		if w.evex {
			w.VPANDD(w.r(size), w.r(0), w.r(1))
			w.VCMPPS(notAtMost, w.of(columnsHigh), w.r(1), reg.K1)
			w.VMOVAPS(w.r(size), reg.K1, w.r(bad))
		} else {
			w.VPAND(w.r(size), w.r(0), w.r(1))
			w.VCMPPS(notAtMost, w.of(columnsHigh), w.r(1), w.r(1))
			w.VPOR(w.r(1), w.r(bad), w.r(bad))
		}
		w.VMULPS(w.of(columnsKHi), w.r(0), w.r(0))
		w.VSUBPS(w.r(0), w.r(headroom), w.r(1))
		w.VSUBPS(w.r(integer), w.r(1), w.r(1))
		w.VMOVUPS(w.r(1), w.of(columnsMagic))
		for l := range library.Lanes {
			for i, x := range []int{zero, zero, inf} {
				w.VMOVUPS(w.r(x), operand.Mem{Base: columnsSum, Disp: l*columnsLane + i*w.size})
			}
		}
		w.ADDQ(operand.U32(3*w.size), columnsSum)
	})
	if w.evex {
		w.VPTESTMD(w.r(bad), w.r(bad), reg.K1)
		w.KORTESTW(reg.K1, reg.K1)
	} else {
		w.VPTEST(w.r(bad), w.r(bad))
	}
	w.SETEQ(w.result("ok"))
}

// steps is row i of a lane.
func steps(base, step, step3 reg.GPPhysical, i int) operand.Mem {
	m := operand.Mem{Base: base}
	switch i {
	case 1, 2:
		m.Index, m.Scale = step, uint8(i)
	case 3:
		m.Index, m.Scale = step3, 1
	}
	return m
}

// columnSum is what a kernel of sums does besides.
type columnSum struct{ store, top, others, kept bool }

// sum writes a kernel that adds rows to sums, 64 at a time and what is left. All calls but the last
// one have a multiple of 64 rows.
func (w *columnWriter) sum(k columnSum) {
	const group = library.GroupRows * library.Lanes
	w.MOVQ(w.param("src"), columnsSrc)
	w.stride("srcStride", columnsStep)
	w.MOVQ(w.field(columnsLanesAhead), columnsAddress)
	w.IMULQ(columnsStep, columnsAddress)
	w.ADDQ(columnsSrc, columnsAddress)
	w.SHLQ(operand.Imm(4), columnsStep)
	w.LEAQ(operand.Mem{Base: columnsStep, Index: columnsStep, Scale: 2}, columnsStep3)
	if k.store {
		w.MOVQ(w.param("e"), columnsE)
		w.MOVQ(w.field(columnsWidth), columnsEStep)
		w.SHLQ(operand.Imm(4), columnsEStep)
		w.LEAQ(operand.Mem{Base: columnsEStep, Index: columnsEStep, Scale: 2}, columnsEStep3)
	}
	if k.kept {
		w.MOVQ(w.param("keep"), columnsDst)
	}
	w.constants()
	w.VMOVUPS(w.field(columnsUs), w.r(columnsUsIn))

	// A vector of one lane: rows of its elements.
	one := func(rows int, ahead bool) {
		w.where()
		if ahead {
			w.LEAQ(operand.Mem{Base: columnsAddress, Index: columnsAt, Scale: 1}, columnsOther) // free yet
		}
		w.ADDQ(columnsSrc, columnsAt)
		w.segment()
		if ahead {
			for i := range rows {
				w.PREFETCHT0(steps(columnsOther, columnsStep, columnsStep3, i))
			}
		}
		x := []int{2, 5, 1, 5}
		y := []int{0, 3, 6, 3}
		f := []int{1, 4, 7, 4}
		exp := func(i int) {
			m := steps(columnsAt, columnsStep, columnsStep3, i)
			w.VMOVUPS(m, w.r(x[i]))
			keep := []int{7, 2, 2, 2}[i]
			if k.kept {
				w.VBROADCASTSS(operand.Mem{Base: columnsDst, Disp: 4 * library.Lanes * i}, w.r(keep))
			}
			w.exp(x[i], y[i], f[i], func(u int) {
				if k.kept {
					w.VANDPS(w.r(keep), w.r(u), w.r(f[i])) // free yet
					u = f[i]
				}
				w.or(u, columnsUsIn)
			})
			if k.kept {
				w.VANDPS(w.r(keep), w.r(y[i]), w.r(y[i]))
			}
			if k.others {
				w.VMOVUPS(m, w.r(x[i]))
				if w.evex {
					w.VCMPPS(notEqual, w.of(columnsMax), w.r(x[i]), reg.K1)
					w.VMOVAPS_Z(w.r(y[i]), reg.K1, w.r(y[i]))
				} else {
					w.VCMPPS(notEqual, w.of(columnsMax), w.r(x[i]), w.r(x[i]))
					w.VANDPS(w.r(x[i]), w.r(y[i]), w.r(y[i]))
				}
			}
			if k.store {
				w.VMOVUPS(w.r(y[i]), steps(columnsE, columnsEStep, columnsEStep3, i))
			}
		}
		exp(0)
		if rows > 1 {
			exp(1)
			w.VADDPS(w.r(3), w.r(0), w.r(0))
		}
		if rows > 2 {
			exp(2)
		}
		if rows > 3 {
			exp(3)
			w.VADDPS(w.r(3), w.r(6), w.r(6))
		}
		if rows > 2 {
			w.VADDPS(w.r(6), w.r(0), w.r(0))
		}
		sum, rest, largest := operand.Mem{Base: columnsSum}, operand.Mem{Base: columnsSum, Disp: w.size}, operand.Mem{Base: columnsSum, Disp: 2 * w.size}
		w.VMOVUPS(sum, w.r(1))
		w.VADDPS(w.r(0), w.r(1), w.r(2))
		w.VMAXPS(w.r(0), w.r(1), w.r(3))
		w.VMINPS(w.r(0), w.r(1), w.r(4))
		w.VSUBPS(w.r(3), w.r(2), w.r(5))
		w.VSUBPS(w.r(5), w.r(4), w.r(4))
		w.VADDPS(rest, w.r(4), w.r(4))
		w.VMOVUPS(w.r(2), sum)
		w.VMOVUPS(w.r(4), rest)
		if k.top {
			w.VMOVUPS(largest, w.r(0))
			for i := range rows {
				w.VMAXPS(steps(columnsAt, columnsStep, columnsStep3, i), w.r(0), w.r(0))
			}
			w.VMOVUPS(w.r(0), largest)
		}
		if k.store {
			w.ADDQ(operand.U32(w.size), columnsE)
		}
		w.ADDQ(operand.U32(3*w.size), columnsSum)
	}
	body := func(label string, rows int, ahead bool) {
		w.each(label, func() { one(rows, ahead) })
		w.stride("srcStride", columnsAt)
		w.ADDQ(columnsAt, columnsSrc)
		if ahead {
			w.ADDQ(columnsAt, columnsAddress)
		}
		if k.kept {
			w.ADDQ(operand.Imm(4), columnsDst)
		}
		w.LEAQ(operand.Mem{Base: columnsVector, Index: columnsVector, Scale: 2}, columnsVector)
		w.SUBQ(columnsVector, columnsSum)
		w.ADDQ(operand.U32(columnsLane), columnsSum)
	}
	w.MOVQ(w.param("rows"), columnsLeft)
	w.SHRQ(operand.Imm(6), columnsLeft)
	w.JZ(operand.LabelRef("rest"))
	w.MOVQ(columnsLeft, w.field(columnsGroups))
	w.Label("group")
	w.MOVQ(w.field(columnsSums), columnsSum)
	w.MOVL(operand.U32(library.Lanes), columnsLeft.As32())
	w.Instruction(align64())
	w.Label("lane")
	w.Comment("What is asked for is so many lanes ahead, the last ones' in the next group.")
	w.CMPQ(columnsLeft, w.field(columnsLanesAhead))
	w.JNE(operand.LabelRef("ahead"))
	w.ADDQ(columnsStep3, columnsAddress)
	w.Label("ahead")
	body("vector", library.GroupRows, true)
	w.DECQ(columnsLeft)
	w.JNZ(operand.LabelRef("lane"))
	w.ADDQ(columnsStep3, columnsSrc)
	if k.kept {
		w.ADDQ(operand.U32(4*(group-library.Lanes)), columnsDst)
	}
	if k.store {
		w.ADDQ(columnsEStep3, columnsE)
	}
	w.DECQ(w.field(columnsGroups))
	w.JNZ(operand.LabelRef("group"))

	w.Comment("The last group: some lanes have an element more than the others.")
	w.Label("rest")
	w.MOVQ(w.field(columnsSums), columnsSum)
	count := columnsAddress // of the elements of a lane
	w.MOVQ(w.param("rows"), count)
	w.ANDQ(operand.Imm(group-1), count)
	w.MOVQ(count, columnsLeft)
	w.SHRQ(operand.Imm(4), count)
	w.ANDQ(operand.Imm(library.Lanes-1), columnsLeft)
	w.MOVL(operand.U32(library.Lanes), columnsOther.As32())
	w.SUBQ(columnsLeft, columnsOther)
	w.INCQ(count)
	w.TESTQ(columnsLeft, columnsLeft)
	w.JZ(operand.LabelRef("fewer"))
	w.Label("dispatch")
	for rows := 1; rows < library.GroupRows; rows++ {
		w.CMPQ(count, operand.Imm(uint64(rows)))
		w.JEQ(operand.LabelRef(fmt.Sprint("lanes", rows)))
	}
	for rows := library.GroupRows; rows >= 1; rows-- {
		w.Label(fmt.Sprint("lanes", rows))
		body(fmt.Sprint("vectors", rows), rows, false)
		w.DECQ(columnsLeft)
		w.JNZ(operand.LabelRef(fmt.Sprint("lanes", rows)))
		w.JMP(operand.LabelRef("fewer"))
	}
	w.Label("fewer")
	w.DECQ(count)
	w.JZ(operand.LabelRef("summed"))
	w.MOVQ(columnsOther, columnsLeft)
	w.XORQ(columnsOther, columnsOther)
	w.TESTQ(columnsLeft, columnsLeft)
	w.JNZ(operand.LabelRef("dispatch"))
	w.Label("summed")
	w.VMOVUPS(w.r(columnsUsIn), w.field(columnsUs))
}

// halves calls f for the total of the first half of a vector's columns, in 0, and of the second one.
// Without, lanes are without what stands in the place of their largest elements.
func (w *columnWriter) halves(without bool, f func(half int)) {
	for half := range 2 {
		var tree func(l, step, to int)
		tree = func(l, step, to int) {
			if step == library.Lanes {
				m := operand.Mem{Base: columnsSum, Disp: l*columnsLane + half*w.size/2}
				w.VCVTPS2PD(m, w.r(to))
				if without {
					m.Disp += 2 * w.size
					w.VCVTPS2PD(m, w.r(to+1))
					w.VSUBPD(w.r(to+1), w.r(to), w.r(to))
					m.Disp -= 2 * w.size
				}
				m.Disp += w.size
				w.VCVTPS2PD(m, w.r(to+1))
			} else {
				tree(l, 2*step, to)
				tree(l+step, 2*step, to+1)
			}
			w.VADDPD(w.r(to+1), w.r(to), w.r(to))
		}
		tree(0, 1, 0)
		f(half)
	}
	w.ADDQ(operand.U32(3*w.size), columnsSum)
}

func (w *columnWriter) factors() {
	ok := w.result("ok")
	w.MOVB(operand.Imm(0), ok)
	w.VBROADCASTSD(w.field(columnsUp), w.r(8))
	w.VBROADCASTSD(w.field(columnsMost), w.r(9))
	w.MOVQ(w.field(columnsSums), columnsSum)
	w.each("total", func() {
		w.halves(false, func(half int) {
			if w.evex {
				w.VCMPPD(greaterOnly, w.r(9), w.r(0), reg.K1)
				w.KORTESTW(reg.K1, reg.K1)
			} else {
				w.VCMPPD(greaterOnly, w.r(9), w.r(0), w.r(1))
				w.VPTEST(w.r(1), w.r(1))
			}
			w.JNZ(operand.LabelRef("end"))
			w.VDIVPD(w.r(0), w.r(8), w.r(0))
			narrow := func(disp int) {
				y := view(1, w.lanes/2)
				if w.evex {
					w.VCVTPD2PS(w.r(0), y)
				} else {
					w.VCVTPD2PSY(w.r(0), y)
				}
				w.VMOVUPS(y, w.of(disp+half*w.size/2))
			}
			narrow(columnsCHi)
			w.VCVTPS2PD(view(1, w.lanes/2), w.r(1))
			w.VSUBPD(w.r(1), w.r(0), w.r(0))
			narrow(columnsCLo)
		})
	})
	w.MOVB(operand.Imm(1), ok)
	w.Label("end")
}

// The predicates GT_OQ and EQ_OQ, which are false for NaN, and NLE_UQ, NEQ_UQ, which are true.
const (
	greaterOnly = operand.U8(30)
	equal       = operand.U8(0)
	notAtMost   = operand.U8(22)
	notEqual    = operand.U8(4)
)

// storeHalves stores totals.
func (w *columnWriter) storeHalves(without bool) {
	w.halves(without, func(half int) {
		m := operand.Mem{Base: columnsState, Index: columnsVector, Scale: 2, Disp: columnsRest + half*w.size}
		w.VMOVUPS(w.r(0), m)
	})
}

// topOf stores the exponential of the largest element, in 0, and leaves it in 3.
func (w *columnWriter) topOf() {
	w.segment()
	w.exp(0, 3, 4, func(int) {})
	w.VMOVUPS(w.r(3), w.of(columnsTop))
}

func (w *columnWriter) rests() {
	w.constants()
	w.MOVQ(w.field(columnsSums), columnsSum)
	w.each("rest", func() {
		largest := func(l int) operand.Mem {
			return operand.Mem{Base: columnsSum, Disp: l*columnsLane + 2*w.size}
		}
		w.VMOVUPS(largest(0), w.r(0))
		for l := 1; l < library.Lanes; l++ {
			w.VMAXPS(largest(l), w.r(0), w.r(0))
		}
		w.Comment("A zero is stored without its sign.")
		w.zero(1)
		w.VADDPS(w.r(1), w.r(0), w.r(0))
		w.VMOVUPS(w.r(0), w.of(columnsMax))
		w.VMOVAPS(w.r(0), w.r(2))
		w.topOf()
		w.Comment("Of the lanes that have it, the first one goes without.")
		if w.evex {
			w.KXNORW(reg.K2, reg.K2, reg.K2)
		} else {
			w.VPCMPEQD(w.r(5), w.r(5), w.r(5))
		}
		for l := range library.Lanes {
			if w.evex {
				w.VCMPPS(equal, largest(l), w.r(2), reg.K2, reg.K1)
				w.KANDNW(reg.K2, reg.K1, reg.K2)
				w.VMOVAPS_Z(w.r(3), reg.K1, w.r(4))
			} else {
				w.VCMPPS(equal, largest(l), w.r(2), w.r(4))
				w.VANDPS(w.r(5), w.r(4), w.r(4))
				w.VANDNPS(w.r(5), w.r(4), w.r(5))
				w.VANDPS(w.r(3), w.r(4), w.r(4))
			}
			w.VMOVUPS(w.r(4), largest(l))
		}
		w.storeHalves(true)
	})
}

func (w *columnWriter) totals() {
	w.constants()
	w.MOVQ(w.field(columnsSums), columnsSum)
	w.each("total", func() {
		w.VMOVUPS(w.of(columnsMax), w.r(0))
		w.topOf()
		w.storeHalves(false)
	})
}

// secondPass loops over rows of elements, or of exponentials, and asks for lines ahead. Result makes a
// result in 0 of what is in x.
func (w *columnWriter) secondPass(elements bool, x int, result func()) {
	const lastIn = 7
	widthButLast := columnsE
	if !elements {
		widthButLast = columnsOther
		w.MOVQ(w.param("e"), columnsE)
	}
	w.MOVQ(w.param("dst"), columnsDst)
	w.stride("dstStride", columnsStep)
	w.MOVQ(w.field(columnsDstAhead), columnsAddress)
	w.ADDQ(columnsDst, columnsAddress)
	if elements {
		w.MOVQ(w.param("src"), columnsSrc)
		w.stride("srcStride", columnsStep3)
		w.MOVQ(w.field(columnsSrcAhead), columnsOther)
		w.ADDQ(columnsSrc, columnsOther)
	}
	w.MOVQ(w.field(columnsWidth), widthButLast)
	w.SUBQ(operand.U32(w.size), widthButLast)
	w.MOVQ(w.param("rows"), columnsLeft)
	w.MOVQ(w.field(columnsLast), columnsAt)
	w.Instruction(align64())
	w.Label("row")
	in := func(base, at reg.GPPhysical) operand.Mem { return operand.Mem{Base: base, Index: at, Scale: 1} }
	if elements {
		w.Comment("The last vector, before others overwrite it.")
		w.VMOVUPS(in(columnsSrc, columnsAt), w.r(lastIn))
		w.PREFETCHT0(in(columnsOther, columnsAt))
	}
	w.PREFETCHT0(in(columnsAddress, columnsAt))
	w.XORL(columnsVector.As32(), columnsVector.As32())
	w.TESTQ(widthButLast, widthButLast)
	w.JZ(operand.LabelRef("last"))
	w.Label("vector")
	if elements {
		w.PREFETCHT0(in(columnsOther, columnsVector))
		w.VMOVUPS(in(columnsSrc, columnsVector), w.r(x))
	} else {
		w.VMOVUPS(in(columnsE, columnsVector), w.r(x))
	}
	w.PREFETCHT0(in(columnsAddress, columnsVector))
	result()
	w.VMOVUPS(w.r(0), in(columnsDst, columnsVector))
	w.ADDQ(operand.U32(w.size), columnsVector)
	w.CMPQ(columnsVector, widthButLast)
	w.JNE(operand.LabelRef("vector"))
	w.Label("last")
	if elements {
		w.VMOVAPS(w.r(lastIn), w.r(x))
	} else {
		w.VMOVUPS(in(columnsE, columnsVector), w.r(x))
		w.LEAQ(operand.Mem{Base: columnsE, Index: columnsVector, Scale: 1, Disp: w.size}, columnsE)
	}
	result()
	w.VMOVUPS(w.r(0), in(columnsDst, columnsAt))
	w.ADDQ(columnsStep, columnsDst)
	w.ADDQ(columnsStep, columnsAddress)
	if elements {
		w.ADDQ(columnsStep3, columnsSrc)
		w.ADDQ(columnsStep3, columnsOther)
	}
	w.DECQ(columnsLeft)
	w.JNZ(operand.LabelRef("row"))
}

// scaled is e*cHi + e*cLo for e in 0.
func (w *columnWriter) scaled() {
	w.VMULPS(w.of(columnsCLo), w.r(0), w.r(1))
	w.VFMADD132PS(w.of(columnsCHi), w.r(1), w.r(0))
	w.VMULPS(w.r(6), w.r(0), w.r(0))
}

func (w *columnWriter) scale() {
	w.splat(columnsDown, 6)
	w.secondPass(false, 0, w.scaled)
}

func (w *columnWriter) expScale() {
	w.constants()
	w.splat(columnsDown, 6)
	w.secondPass(true, 3, func() {
		w.segment()
		w.exp(3, 0, 1, func(int) {})
		w.scaled()
	})
}

func (w *columnWriter) logSub() {
	w.secondPass(true, 0, func() {
		w.VSUBPS(w.of(columnsMax), w.r(0), w.r(0))
		w.VMOVUPS(w.of(columnsCHi), w.r(1))
		w.VFMADD213PS(w.of(columnsCLo), w.r(1), w.r(0))
	})
}
