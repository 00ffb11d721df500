package amd64

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/twopass-softmax/twopass/tools/kernelgen/library"
)

// ColumnsSignature is that of the kernel that does columns.
const ColumnsSignature = "func(dst, src, e []float32, rows, dstStride, srcStride int, st *Columns) (ok bool)"

// Where package arith's Columns has what, in bytes.
const (
	columnsKHi, columnsKLo                = 0, 4
	columnsExp1, columnsExp2, columnsExp3 = 8, 12, 16
	columnsHeadroom, columnsInteger       = 20, 24
	columnsBits, columnsDown              = 28, 32
	columnsUp, columnsTotal               = 40, 48
	columnsWidth                          = 56 // the size of a row of vectors
	columnsTable                          = 64
	columnsMagic, columnsCHi, columnsCLo  = 128, 128 + columnsWide, 128 + 2*columnsWide
	columnsSums                           = 128 + 3*columnsWide // a sum and a rest by lane and vector

	columnsWide  = 8 * 64 // the size of a row of the most vectors of AVX-512
	columnsGroup = library.GroupRows * library.Lanes
)

// greaterOnly is the predicate GT_OQ, which is false for NaN.
const greaterOnly = operand.U8(30)

// columns writes the kernel that does the softmax of columns side by side, up to 8 vectors of them. The
// definition's lane l of a column has elements l, l+16, and so on: its sum and rest lie in memory, and
// four of its elements are done at a time, for one vector of columns after the other. Exponentials go
// to e. It stops, with nothing in dst, if an element is not near, as the library's other kernels call it.
func (w *prepareWriter) columns(name string) {
	const (
		y0, f0, x0 = 0, 1, 2
		y1, f1, x1 = 3, 4, 5
		y2, f2, x2 = 6, 7, 1
		y3, f3, x3 = 3, 4, 5
	)
	const kHi, kLo, table, c1, c2, c3, us, magic = 8, 9, 10, 11, 12, 13, 14, 15
	var (
		e, st       = reg.RBX, reg.R14
		sums        = reg.R8           // of a lane and vector
		step, step3 = reg.R10, reg.R11 // 16 rows
		eStep       = reg.RDI
		eStep3      = reg.R15
		groups      = reg.R12
		second      = reg.R13
		vector      = tmp // of the row, in bytes
	)
	size := 4 * w.lanes
	at := func(disp int) operand.Mem { return operand.Mem{Base: st, Disp: disp} }
	splat := func(disp, to int) { w.VBROADCASTSS(at(disp), w.r(to)) }
	or := func(x, y, to reg.VecPhysical) {
		if w.evex {
			w.VPORD(x, y, to)
		} else {
			w.VPOR(x, y, to)
		}
	}
	w.Function(name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(dst, src, e []float32, rows, dstStride, srcStride int, st *byte) (ok bool)")
	ok := (&writer{Context: w.Context}).result("ok")
	w.Commentf("%s: the softmax of up to 8 vectors of columns of near elements.", name)
	w.MOVQ(w.param("src", "base"), src)
	w.MOVQ(w.param("e", "base"), e)
	w.MOVQ(w.param("st", ""), st)
	w.MOVQ(w.param("srcStride", ""), srcStride)
	w.SHLQ(operand.Imm(2), srcStride)
	w.MOVQ(srcStride, step)
	w.SHLQ(operand.Imm(4), step)
	w.LEAQ(operand.Mem{Base: step, Index: step, Scale: 2}, step3)
	w.MOVQ(at(columnsWidth), eStep)
	w.SHLQ(operand.Imm(4), eStep)
	w.LEAQ(operand.Mem{Base: eStep, Index: eStep, Scale: 2}, eStep3)
	splat(columnsKHi, kHi)
	splat(columnsKLo, kLo)
	splat(columnsExp1, c1)
	splat(columnsExp2, c2)
	splat(columnsExp3, c3)
	w.VMOVUPS(at(columnsTable), w.r(table))
	w.VPXOR(view(us, 8), view(us, 8), view(us, 8))
	of := func(disp int) operand.Mem { return operand.Mem{Base: st, Index: vector, Scale: 1, Disp: disp} }
	eachVector := func(label string, f func()) {
		w.XORL(vector.As32(), vector.As32())
		w.Label(label)
		f()
		w.ADDQ(operand.U32(size), vector)
		w.CMPQ(vector, at(columnsWidth))
		w.JNE(operand.LabelRef(label))
	}
	w.Comment("magic - N, for each column's first element, and empty sums.")
	splat(columnsHeadroom, 2)
	splat(columnsInteger, 3)
	w.VPXOR(view(4, 8), view(4, 8), view(4, 8))
	eachVector("begin", func() {
		w.VMULPS(operand.Mem{Base: src, Index: vector, Scale: 1}, w.r(kHi), w.r(0))
		w.VSUBPS(w.r(0), w.r(2), w.r(1))
		w.VSUBPS(w.r(3), w.r(1), w.r(1))
		w.VMOVUPS(w.r(1), of(columnsMagic))
	})
	w.LEAQ(at(columnsSums), sums)
	w.MOVL(operand.U32(library.Lanes*2*columnsWide/size), left.As32())
	w.Label("clear")
	w.VMOVUPS(w.r(4), operand.Mem{Base: sums})
	w.ADDQ(operand.U32(size), sums)
	w.DECQ(left)
	w.JNZ(operand.LabelRef("clear"))

	exp := func(m operand.Mem, y, f, x int) {
		w.VMOVUPS(m, w.r(x))
		w.VMOVAPS(w.r(magic), w.r(y))
		w.VFMADD231PS(w.r(x), w.r(kHi), w.r(y))
		or(w.r(y), w.r(us), w.r(us))
		w.VSUBPS(w.r(y), w.r(magic), w.r(f))
		w.VFMADD231PS(w.r(x), w.r(kHi), w.r(f))
		w.VFMADD231PS(w.r(x), w.r(kLo), w.r(f))
		w.VPERMPS(w.r(table), w.r(y), w.r(x))
		w.VPSLLD(operand.U8(20), w.r(y), w.r(y))
		w.VPADDD(w.r(y), w.r(x), w.r(x))
		w.VMOVAPS(w.r(c3), w.r(y))
		w.VFMADD213PS(w.r(c2), w.r(f), w.r(y))
		w.VFMADD213PS(w.r(c1), w.r(f), w.r(y))
		w.VMULPS(w.r(f), w.r(y), w.r(y))
		w.VFMADD213PS(w.r(x), w.r(x), w.r(y))
	}
	steps := func(base, step, step3 reg.GPPhysical, i int) operand.Mem {
		m := operand.Mem{Base: base}
		switch i {
		case 1, 2:
			m.Index, m.Scale = step, uint8(i)
		case 3:
			m.Index, m.Scale = step3, 1
		}
		return m
	}
	// A vector of one lane: rows of its elements, of which the exponentials are stored and added.
	one := func(rows int, ahead bool) {
		line := func(i int) operand.Mem { return steps(src, step, step3, i) }
		store := func(y, i int) { w.VMOVUPS(w.r(y), steps(e, eStep, eStep3, i)) }
		w.VMOVUPS(of(columnsMagic), w.r(magic))
		if ahead { // the next lane, whose lines are far away
			w.LEAQ(operand.Mem{Base: src, Index: srcStride, Scale: 1}, second) // free yet
			for i := range rows {
				w.PREFETCHT0(steps(second, step, step3, i))
			}
		}
		exp(line(0), y0, f0, x0)
		store(y0, 0)
		if rows > 1 {
			exp(line(1), y1, f1, x1)
			store(y1, 1)
			w.VADDPS(w.r(y1), w.r(y0), w.r(y0))
		}
		if rows > 2 {
			exp(line(2), y2, f2, x2)
			store(y2, 2)
		}
		if rows > 3 {
			exp(line(3), y3, f3, x3)
			store(y3, 3)
			w.VADDPS(w.r(y3), w.r(y2), w.r(y2))
		}
		if rows > 2 {
			w.VADDPS(w.r(y2), w.r(y0), w.r(y0))
		}
		sum, rest := operand.Mem{Base: sums}, operand.Mem{Base: sums, Disp: size}
		w.VMOVUPS(sum, w.r(1))
		w.VADDPS(w.r(0), w.r(1), w.r(2))
		w.VMAXPS(w.r(0), w.r(1), w.r(3))
		w.VMINPS(w.r(0), w.r(1), w.r(4))
		w.VSUBPS(w.r(3), w.r(2), w.r(5))
		w.VSUBPS(w.r(5), w.r(4), w.r(4))
		w.VADDPS(rest, w.r(4), w.r(4))
		w.VMOVUPS(w.r(2), sum)
		w.VMOVUPS(w.r(4), rest)
		w.ADDQ(operand.U32(size), src)
		w.ADDQ(operand.U32(size), e)
		w.ADDQ(operand.U32(2*size), sums)
	}
	body := func(label string, rows int, ahead bool) {
		eachVector(label, func() { one(rows, ahead) })
		w.SUBQ(vector, src)
		w.ADDQ(srcStride, src)
		w.LEAQ(operand.Mem{Base: vector, Index: vector, Scale: 1}, vector)
		w.SUBQ(vector, sums)
		w.ADDQ(operand.U32(2*columnsWide), sums)
	}
	w.MOVQ(w.param("rows", ""), groups)
	w.SHRQ(operand.Imm(6), groups)
	w.JZ(operand.LabelRef("rest"))
	w.Label("group")
	w.LEAQ(at(columnsSums), sums)
	w.MOVL(operand.U32(library.Lanes), left.As32())
	w.Instruction(align64())
	w.Label("lane")
	body("vector", library.GroupRows, true)
	w.DECQ(left)
	w.JNZ(operand.LabelRef("lane"))
	w.ADDQ(step3, src)
	w.ADDQ(eStep3, e)
	w.DECQ(groups)
	w.JNZ(operand.LabelRef("group"))

	w.Comment("The last group: some lanes have an element more than the others.")
	w.Label("rest")
	w.LEAQ(at(columnsSums), sums)
	w.MOVQ(w.param("rows", ""), tmp2)
	w.ANDQ(operand.Imm(columnsGroup-1), tmp2)
	w.MOVQ(tmp2, left)
	w.SHRQ(operand.Imm(4), tmp2)
	w.ANDQ(operand.Imm(library.Lanes-1), left)
	w.MOVL(operand.U32(library.Lanes), second.As32())
	w.SUBQ(left, second)
	w.INCQ(tmp2)
	w.TESTQ(left, left)
	w.JZ(operand.LabelRef("fewer"))
	w.Label("dispatch")
	for rows := 1; rows < library.GroupRows; rows++ {
		w.CMPQ(tmp2, operand.Imm(uint64(rows)))
		w.JEQ(operand.LabelRef(fmt.Sprint("lanes", rows)))
	}
	for rows := library.GroupRows; rows >= 1; rows-- {
		w.Label(fmt.Sprint("lanes", rows))
		body(fmt.Sprint("vectors", rows), rows, false)
		w.DECQ(left)
		w.JNZ(operand.LabelRef(fmt.Sprint("lanes", rows)))
		w.JMP(operand.LabelRef("fewer"))
	}
	w.Label("fewer")
	w.DECQ(tmp2)
	w.JZ(operand.LabelRef("summed"))
	w.MOVQ(second, left)
	w.XORQ(second, second)
	w.TESTQ(left, left)
	w.JNZ(operand.LabelRef("dispatch"))

	w.Label("summed")
	w.MOVB(operand.Imm(0), ok)
	splat(columnsBits, 0)
	if w.evex {
		w.VPTESTMD(w.r(0), w.r(us), reg.K1)
		w.KORTESTW(reg.K1, reg.K1)
	} else {
		w.VPTEST(w.r(0), w.r(us))
	}
	w.JNZ(operand.LabelRef("end"))
	w.Comment("Totals, half of the columns at a time.")
	w.VBROADCASTSD(at(columnsUp), w.r(8))
	w.VBROADCASTSD(at(columnsTotal), w.r(9))
	eachVector("total", func() {
		for half := range 2 {
			var tree func(l, step, to int)
			tree = func(l, step, to int) {
				if step == library.Lanes {
					m := operand.Mem{Base: st, Index: vector, Scale: 2, Disp: columnsSums + l*2*columnsWide + half*size/2}
					w.VCVTPS2PD(m, w.r(to))
					m.Disp += size
					w.VCVTPS2PD(m, w.r(to+1))
				} else {
					tree(l, 2*step, to)
					tree(l+step, 2*step, to+1)
				}
				w.VADDPD(w.r(to+1), w.r(to), w.r(to))
			}
			tree(0, 1, 0)
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
				w.VMOVUPS(y, of(disp+half*size/2))
			}
			narrow(columnsCHi)
			w.VCVTPS2PD(view(1, w.lanes/2), w.r(1))
			w.VSUBPD(w.r(1), w.r(0), w.r(0))
			narrow(columnsCLo)
		}
	})
	w.MOVB(operand.Imm(1), ok)
	w.Comment("The second pass: e*cHi + e*cLo.")
	w.MOVQ(w.param("dst", "base"), dst)
	w.MOVQ(w.param("e", "base"), e)
	w.MOVQ(w.param("dstStride", ""), step)
	w.SHLQ(operand.Imm(2), step)
	w.LEAQ(operand.Mem{Base: dst, Index: step, Scale: 4}, step3) // asked for
	splat(columnsDown, 10)
	w.MOVQ(w.param("rows", ""), left)
	w.Instruction(align64())
	w.Label("result")
	eachVector("results", func() {
		w.PREFETCHT0(operand.Mem{Base: step3, Index: vector, Scale: 1})
		w.VMOVUPS(operand.Mem{Base: e, Index: vector, Scale: 1}, w.r(0))
		w.VMULPS(of(columnsCLo), w.r(0), w.r(1))
		w.VFMADD132PS(of(columnsCHi), w.r(1), w.r(0))
		w.VMULPS(w.r(10), w.r(0), w.r(0))
		w.VMOVUPS(w.r(0), operand.Mem{Base: dst, Index: vector, Scale: 1})
	})
	w.ADDQ(vector, e)
	w.ADDQ(step, dst)
	w.ADDQ(step, step3)
	w.DECQ(left)
	w.JNZ(operand.LabelRef("result"))
	w.Label("end")
	w.VZEROUPPER()
	w.RET()
}
