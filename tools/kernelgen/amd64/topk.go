package amd64

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/twopass-softmax/twopass/tools/kernelgen/library"
)

// TopKernel is a kernel that looks for the largest elements of a row.
type TopKernel struct {
	Name, Signature, Doc string
	write                func(w *prepareWriter)
}

// TopKernels lists them.
var TopKernels = []TopKernel{
	{"floorOf", "func(x []float32, k, most int) (floor float32)",
		"a number that k elements of x or more reach, and at most most, unless more are equal", (*prepareWriter).floorOf},
	{"listLanes", "func(lanes []uint32, tops []float32, turn, at int, floor float32) (n, next int)",
		"the numbers of the first elements of lanes whose largest element reaches the floor", (*prepareWriter).listLanes},
	{"gatherLanes", "func(x []float32, index, lanes []uint32, src []float32, at int, floor float32) (n int)",
		"the elements of lanes that reach the floor, with their indices", (*prepareWriter).gatherLanes},
	{"ranksOf", "func(ranks []uint32, x []float32, n int)",
		"how many of the first n elements each of x is less than", (*prepareWriter).ranksOf},
}

// atMost and lessThan are predicates that are false for NaN.
const (
	atMost   = operand.U8(18)
	lessThan = operand.U8(17)
)

func (w *prepareWriter) topKernel(k TopKernel, name string) {
	w.Function(name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr(k.Signature)
	w.Commentf("%s: %s.", name, k.Doc)
	k.write(w)
	w.VZEROUPPER()
	w.RET()
}

func (w *prepareWriter) returns(name string) operand.Mem {
	return (&writer{Context: w.Context}).result(name)
}

// floorOf bisects the numbers as they are ordered: as integers, where what is behind the sign of a
// negative one is inverted. X has whole rows of lanes, k of them or more.
func (w *prepareWriter) floorOf() {
	var (
		x, end    = reg.RSI, reg.RDI
		k, most   = reg.R8, reg.R9
		low, high = reg.R10, reg.R11 // k elements reach low, fewer high
		mid       = reg.R12
		count     = reg.R13
		at        = reg.RBX
	)
	size := 4 * w.lanes
	vector := operand.Mem{Base: at}
	w.MOVQ(w.param("x", "base"), x)
	w.MOVQ(w.param("x", "len"), end)
	w.LEAQ(operand.Mem{Base: x, Index: end, Scale: 4}, end)
	w.MOVQ(w.param("k", ""), k)
	w.MOVQ(w.param("most", ""), most)
	w.VMOVUPS(operand.Mem{Base: x}, w.r(0))
	w.VMOVAPS(w.r(0), w.r(1))
	w.MOVQ(x, at)
	w.Label("bounds")
	w.VMINPS(vector, w.r(0), w.r(0))
	w.VMAXPS(vector, w.r(1), w.r(1))
	w.ADDQ(operand.U32(size), at)
	w.CMPQ(at, end)
	w.JNE(operand.LabelRef("bounds"))
	fold := func(r int, op func(...operand.Op), to reg.GPPhysical) {
		if w.evex {
			w.VEXTRACTF64X4(operand.Imm(1), view(r, 16), view(2, 8))
			op(view(2, 8), view(r, 8), view(r, 8))
		}
		w.VEXTRACTF128(operand.Imm(1), view(r, 8), view(2, 4))
		op(view(2, 4), view(r, 4), view(r, 4))
		w.VPERMILPS(operand.Imm(0b01_00_11_10), view(r, 4), view(2, 4))
		op(view(2, 4), view(r, 4), view(r, 4))
		w.VPERMILPS(operand.Imm(0b10_11_00_01), view(r, 4), view(2, 4))
		op(view(2, 4), view(r, 4), view(r, 4))
		w.VMOVD(view(r, 4), to.As32())
	}
	// ordered changes between bits and integers.
	ordered := func(r reg.GPPhysical) {
		w.MOVL(r.As32(), tmp.As32())
		w.SARL(operand.Imm(31), tmp.As32())
		w.ANDL(operand.U32(math.MaxInt32), tmp.As32())
		w.XORL(tmp.As32(), r.As32())
		w.MOVLQSX(r.As32(), r)
	}
	fold(0, w.VMINPS, low)
	fold(1, w.VMAXPS, high)
	w.Comment("The largest number for one.")
	w.CMPQ(k, operand.Imm(1))
	w.JNE(operand.LabelRef("several"))
	w.VMOVSS(view(1, 4), w.returns("floor"))
	w.JMP(operand.LabelRef("done"))
	w.Label("several")
	ordered(low)
	ordered(high)
	w.INCQ(high)
	w.Label("bisect")
	w.LEAQ(operand.Mem{Base: low, Index: high, Scale: 1}, mid)
	w.SARQ(operand.Imm(1), mid)
	w.CMPQ(mid, low)
	w.JLE(operand.LabelRef("end"))
	w.MOVQ(mid, count)
	ordered(count)
	w.VMOVD(count.As32(), view(0, 4))
	w.VBROADCASTSS(view(0, 4), w.r(0))
	w.MOVQ(x, at)
	w.XORL(count.As32(), count.As32())
	if !w.evex {
		w.VPXOR(view(2, 8), view(2, 8), view(2, 8))
	}
	w.Label("count")
	if w.evex {
		w.VCMPPS(atMost, vector, w.r(0), reg.K1)
		w.KMOVW(reg.K1, tmp.As32())
		w.POPCNTL(tmp.As32(), tmp.As32())
		w.ADDQ(tmp, count)
	} else {
		w.VCMPPS(atMost, vector, w.r(0), w.r(1))
		w.VPSUBD(w.r(1), w.r(2), w.r(2))
	}
	w.ADDQ(operand.U32(size), at)
	w.CMPQ(at, end)
	w.JNE(operand.LabelRef("count"))
	if !w.evex {
		w.VEXTRACTI128(operand.Imm(1), view(2, 8), view(1, 4))
		w.VPADDD(view(1, 4), view(2, 4), view(2, 4))
		w.VPSHUFD(operand.Imm(0b01_00_11_10), view(2, 4), view(1, 4))
		w.VPADDD(view(1, 4), view(2, 4), view(2, 4))
		w.VPSHUFD(operand.Imm(0b10_11_00_01), view(2, 4), view(1, 4))
		w.VPADDD(view(1, 4), view(2, 4), view(2, 4))
		w.VMOVD(view(2, 4), count.As32())
	}
	w.CMPQ(count, k)
	w.JGE(operand.LabelRef("enough"))
	w.MOVQ(mid, high)
	w.JMP(operand.LabelRef("bisect"))
	w.Label("enough")
	w.MOVQ(mid, low)
	w.CMPQ(count, most)
	w.JGT(operand.LabelRef("bisect"))
	w.Label("end")
	ordered(low)
	w.MOVL(low.As32(), w.returns("floor"))
	w.Label("done")
}

// listLanes writes down the lanes of turns whose largest element reaches the floor. It looks at four turns
// at a time, as most have none.
func (w *prepareWriter) listLanes() {
	var (
		lanes       = reg.R8
		tops        = reg.R9
		turn, turns = reg.R10, reg.R11
		last        = reg.R12 // the turn from which there are less than four
		n           = reg.R13
		room        = reg.R14 // the n from which there is none for four turns
		element     = reg.R15 // the first one of the turn
		hits, lane  = reg.RBX, reg.RDX
	)
	const floor, most, second, numbers, found, turnLen = 0, 1, 2, 3, 4, 5
	const quad = 4
	w.MOVQ(w.param("lanes", "len"), room)
	w.SUBQ(operand.U32((quad+1)*library.Lanes), room)
	w.MOVQ(w.param("lanes", "base"), lanes)
	w.MOVQ(w.param("tops", "base"), tops)
	w.MOVQ(w.param("tops", "len"), turns)
	w.SHRQ(operand.Imm(4), turns)
	w.MOVQ(w.param("turn", ""), turn)
	w.VBROADCASTSS(w.param("floor", ""), w.r(floor))
	w.XORL(n.As32(), n.As32())
	w.MOVQ(turn, element)
	w.SHLQ(operand.Imm(7), element)
	w.ADDQ(w.param("at", ""), element)
	w.MOVQ(turn, tmp)
	w.SHLQ(operand.Imm(6), tmp)
	w.ADDQ(tmp, tops)
	w.LEAQ(operand.Mem{Base: turns, Disp: -quad}, last)
	if w.evex {
		table := w.StaticGlobal("laneNumbers")
		w.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range library.Lanes {
			w.AppendDatum(operand.U32(uint32(i)))
		}
		w.VMOVUPS(table, w.r(numbers))
		w.MOVL(operand.U32(library.Turn), tmp.As32())
		w.VPBROADCASTD(tmp.As32(), w.r(turnLen))
	}
	topsOf := func(i int) operand.Mem { return operand.Mem{Base: tops, Disp: 4 * w.lanes * i} }
	parts := library.Lanes / w.lanes // of a turn
	// lanesOf writes down those of turn i from here, with labels of its own.
	lanesOf := func(i int, own string) {
		if w.evex {
			w.VCMPPS(atMost, topsOf(i), w.r(floor), reg.K1)
			w.VPCOMPRESSD_Z(w.r(second), reg.K1, w.r(found))
			w.KMOVW(reg.K1, hits.As32())
			w.POPCNTL(hits.As32(), hits.As32())
			w.few("lanes"+own, hits, func(v int) { w.VMOVUPS(view(found, v), operand.Mem{Base: lanes, Index: n, Scale: 4}) })
			w.VPADDD(w.r(turnLen), w.r(second), w.r(second))
			w.ADDQ(hits, n)
			return
		}
		each, none := "lane"+own, "last"+own
		w.VCMPPS(atMost, topsOf(2*i), w.r(floor), w.r(most))
		w.VCMPPS(atMost, topsOf(2*i+1), w.r(floor), w.r(second))
		w.VMOVMSKPS(w.r(most), hits.As32())
		w.VMOVMSKPS(w.r(second), lane.As32())
		w.SHLL(operand.Imm(8), lane.As32())
		w.ORL(lane.As32(), hits.As32())
		w.JZ(operand.LabelRef(none))
		w.Label(each)
		w.TZCNTL(hits.As32(), lane.As32())
		w.BLSRL(hits.As32(), hits.As32())
		w.LEAQ(operand.Mem{Base: lane, Index: element, Scale: 1, Disp: i * library.Turn}, tmp)
		w.MOVL(tmp.As32(), operand.Mem{Base: lanes, Index: n, Scale: 4})
		w.INCQ(n)
		w.TESTL(hits.As32(), hits.As32())
		w.JNZ(operand.LabelRef(each))
		w.Label(none)
	}
	begin := func() {
		if w.evex {
			w.VPBROADCASTD(element.As32(), w.r(second))
			w.VPADDD(w.r(numbers), w.r(second), w.r(second))
		}
	}
	next := func(turns int) {
		w.ADDQ(operand.U32(turns*4*library.Lanes), tops)
		w.ADDQ(operand.U32(turns*library.Turn), element)
		w.ADDQ(operand.Imm(uint64(turns)), turn)
	}
	w.JMP(operand.LabelRef("quads"))
	w.Label("quad")
	w.VMOVUPS(topsOf(0), w.r(most))
	for i := 1; i < quad*parts; i++ {
		w.VMAXPS(topsOf(i), w.r(most), w.r(most))
	}
	if w.evex {
		w.VCMPPS(atMost, w.r(most), w.r(floor), reg.K1)
		w.KORTESTW(reg.K1, reg.K1)
	} else {
		w.VCMPPS(atMost, w.r(most), w.r(floor), w.r(most))
		w.VMOVMSKPS(w.r(most), hits.As32())
		w.TESTL(hits.As32(), hits.As32())
	}
	w.JZ(operand.LabelRef("none"))
	w.CMPQ(n, room)
	w.JGT(operand.LabelRef("end"))
	begin()
	for i := range quad {
		lanesOf(i, fmt.Sprint(i))
	}
	w.Label("none")
	next(quad)
	w.Label("quads")
	w.CMPQ(turn, last)
	w.JLE(operand.LabelRef("quad"))
	w.JMP(operand.LabelRef("turns"))
	w.Label("turn")
	w.CMPQ(n, room)
	w.JGT(operand.LabelRef("end"))
	begin()
	lanesOf(0, "")
	next(1)
	w.Label("turns")
	w.CMPQ(turn, turns)
	w.JLT(operand.LabelRef("turn"))
	w.Label("end")
	w.MOVQ(n, w.returns("n"))
	w.MOVQ(turn, w.returns("next"))
}

// few stores n lanes by store, the first four alone if there are no more: whole vectors lie in two lines each.
func (w *prepareWriter) few(label string, n reg.GPPhysical, store func(lanes int)) {
	store(4)
	w.CMPL(n.As32(), operand.Imm(4))
	w.JLE(operand.LabelRef(label))
	store(16)
	w.Label(label)
}

// gatherLanes looks at all elements of lanes, those of two at a time with AVX-512: how many of them reach the
// floor is nothing that a branch could tell beforehand.
func (w *prepareWriter) gatherLanes() {
	var (
		x, index   = reg.RDI, reg.R8
		lane, last = reg.R9, reg.R10
		n          = reg.R13
		element    = reg.R14
		bits       = reg.RCX
	)
	const floor, rows, end, at, halves, elements, indices, mask = 0, 1, 2, 3, 4, 5, 6, 7
	w.MOVQ(w.param("x", "base"), x)
	w.MOVQ(w.param("index", "base"), index)
	w.MOVQ(w.param("lanes", "base"), lane)
	w.MOVQ(w.param("lanes", "len"), last)
	w.LEAQ(operand.Mem{Base: lane, Index: last, Scale: 4}, last)
	w.MOVQ(w.param("src", "base"), src)
	w.VBROADCASTSS(w.param("floor", ""), w.r(floor))
	w.VPBROADCASTD(w.param("src", "len"), w.r(end))
	w.VPBROADCASTD(w.param("at", ""), w.r(at))
	w.XORL(n.As32(), n.As32())
	w.Comment("The distances of a lane's elements.")
	w.MOVQ(operand.U64(0x0706050403020100), tmp)
	w.VMOVQ(tmp, view(rows, 4))
	w.VPMOVZXBD(view(rows, 4), view(rows, 8))
	w.VPSLLD(operand.U8(4), view(rows, 8), view(rows, 8))
	if !w.evex {
		w.JMP(operand.LabelRef("lanes"))
		w.Label("lane")
		w.VPBROADCASTD(operand.Mem{Base: lane}, w.r(indices))
		w.MOVL(operand.Mem{Base: lane}, element.As32())
		w.VPADDD(w.r(rows), w.r(indices), w.r(indices))
		w.VPSUBD(w.r(at), w.r(indices), w.r(indices))
		w.VPCMPGTD(w.r(indices), w.r(end), w.r(mask))
		w.VMOVAPS(w.r(mask), w.r(halves))
		w.VPXOR(w.r(elements), w.r(elements), w.r(elements))
		w.VGATHERDPS(w.r(halves), operand.Mem{Base: src, Index: w.r(indices), Scale: 4}, w.r(elements))
		w.VCMPPS(atMost, w.r(elements), w.r(floor), w.r(elements))
		w.VANDPS(w.r(mask), w.r(elements), w.r(elements))
		w.VMOVMSKPS(w.r(elements), bits.As32())
		w.TESTL(bits.As32(), bits.As32())
		w.JZ(operand.LabelRef("next"))
		w.SUBQ(w.param("at", ""), element)
		w.Label("element")
		w.TZCNTL(bits.As32(), tmp.As32())
		w.BLSRL(bits.As32(), bits.As32())
		w.SHLL(operand.Imm(4), tmp.As32())
		w.ADDQ(element, tmp)
		w.VMOVSS(operand.Mem{Base: src, Index: tmp, Scale: 4}, view(elements, 1))
		w.VMOVSS(view(elements, 1), operand.Mem{Base: x, Index: n, Scale: 4})
		w.ADDQ(w.param("at", ""), tmp)
		w.MOVL(tmp.As32(), operand.Mem{Base: index, Index: n, Scale: 4})
		w.INCQ(n)
		w.TESTL(bits.As32(), bits.As32())
		w.JNZ(operand.LabelRef("element"))
		w.Label("next")
		w.ADDQ(operand.Imm(4), lane)
		w.Label("lanes")
		w.CMPQ(lane, last)
		w.JCS(operand.LabelRef("lane"))
		w.MOVQ(n, w.returns("n"))
		return
	}
	w.VINSERTI64X4(operand.Imm(1), view(rows, 8), w.r(rows), w.r(rows))
	w.Comment("The number of the lane for each half.")
	w.MOVQ(operand.U64(0x0101010101010101), tmp)
	w.VMOVQ(tmp, view(halves, 4))
	w.VPSLLDQ(operand.U8(8), view(halves, 4), view(halves, 4))
	w.VPMOVZXBD(view(halves, 4), w.r(halves))
	w.MOVL(operand.U32(0xffff), tmp.As32())
	w.KMOVW(tmp.As32(), reg.K4)
	w.SUBQ(operand.Imm(4), last)
	w.JMP(operand.LabelRef("lanes"))
	w.Label("single")
	w.VPBROADCASTD(operand.Mem{Base: lane}, w.r(indices))
	w.MOVL(operand.U32(0xff), tmp.As32())
	w.KMOVW(tmp.As32(), reg.K4)
	w.JMP(operand.LabelRef("look"))
	w.Label("pair")
	w.VPBROADCASTQ(operand.Mem{Base: lane}, w.r(indices))
	w.VPERMD(w.r(indices), w.r(halves), w.r(indices))
	w.Label("look")
	w.VPADDD(w.r(rows), w.r(indices), w.r(indices))
	w.VPSUBD(w.r(at), w.r(indices), w.r(mask))
	w.VPCMPUD(operand.Imm(1), w.r(end), w.r(mask), reg.K4, reg.K2)
	w.KMOVW(reg.K2, reg.K3)
	w.VPXORD(w.r(elements), w.r(elements), w.r(elements))
	w.VGATHERDPS(operand.Mem{Base: src, Index: w.r(mask), Scale: 4}, reg.K3, w.r(elements))
	w.VCMPPS(atMost, w.r(elements), w.r(floor), reg.K2, reg.K1)
	w.VCOMPRESSPS_Z(w.r(elements), reg.K1, w.r(elements))
	w.VPCOMPRESSD_Z(w.r(indices), reg.K1, w.r(indices))
	w.KMOVW(reg.K1, tmp.As32())
	w.POPCNTL(tmp.As32(), tmp.As32())
	w.few("elements", tmp, func(lanes int) {
		w.VMOVUPS(view(elements, lanes), operand.Mem{Base: x, Index: n, Scale: 4})
		w.VMOVUPS(view(indices, lanes), operand.Mem{Base: index, Index: n, Scale: 4})
	})
	w.ADDQ(tmp, n)
	w.ADDQ(operand.Imm(8), lane)
	w.Label("lanes")
	w.CMPQ(lane, last)
	w.JLT(operand.LabelRef("pair"))
	w.JEQ(operand.LabelRef("single"))
	w.MOVQ(n, w.returns("n"))
}

// ranksOf keeps the ranks of some vectors at a time in registers. Behind the first n elements, x has
// numbers up to a whole row of lanes, and so has ranks.
func (w *prepareWriter) ranksOf() {
	const most, one, element = 4, 8, 9
	var (
		ranks, x = reg.RDI, reg.RSI
		end      = reg.R8 // of the first n elements
		vectors  = reg.R9
		next     = reg.RBX
		at       = reg.R10
	)
	size := 4 * w.lanes
	w.MOVQ(w.param("ranks", "base"), ranks)
	w.MOVQ(w.param("x", "base"), x)
	w.MOVQ(w.param("n", ""), end)
	w.LEAQ(operand.Mem{Base: end, Disp: w.lanes - 1}, vectors)
	w.SHRQ(operand.Imm(uint64(bits.TrailingZeros(uint(w.lanes)))), vectors)
	w.LEAQ(operand.Mem{Base: x, Index: end, Scale: 4}, end)
	w.MOVQ(x, at)
	if w.evex {
		w.bits(1, one)
	}
	for _, v := range []int{most, 1} {
		label := func(s string) string { return fmt.Sprint(s, v) }
		w.Label(label("block"))
		w.SUBQ(operand.Imm(uint64(v)), vectors)
		w.JLT(operand.LabelRef(label("fewer")))
		for i := range v {
			w.VMOVUPS(operand.Mem{Base: at, Disp: i * size}, w.r(i))
			w.VPXOR(view(most+i, 8), view(most+i, 8), view(most+i, 8))
		}
		w.MOVQ(x, next)
		w.Label(label("each"))
		w.VBROADCASTSS(operand.Mem{Base: next}, w.r(element))
		for i := range v {
			if w.evex {
				w.VCMPPS(lessThan, w.r(element), w.r(i), kmask[i])
				w.VPADDD(w.r(one), w.r(most+i), kmask[i], w.r(most+i))
			} else {
				w.VCMPPS(lessThan, w.r(element), w.r(i), w.r(10+i))
				w.VPSUBD(w.r(10+i), w.r(most+i), w.r(most+i))
			}
		}
		w.ADDQ(operand.Imm(4), next)
		w.CMPQ(next, end)
		w.JNE(operand.LabelRef(label("each")))
		for i := range v {
			w.VMOVUPS(w.r(most+i), operand.Mem{Base: ranks, Disp: i * size})
		}
		w.ADDQ(operand.U32(v*size), at)
		w.ADDQ(operand.U32(v*size), ranks)
		w.JMP(operand.LabelRef(label("block")))
		w.Label(label("fewer"))
		w.ADDQ(operand.Imm(uint64(v)), vectors)
	}
}
