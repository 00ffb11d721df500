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
	{"collect", "func(x []float32, index, hits []uint32, tops, src []float32, turn, at int, floor float32) (n, next int)",
		"the elements that reach the floor, with their indices from at on, turn by turn while there is room", func(w *prepareWriter) {
			if w.evex {
				w.collectHits()
			} else {
				w.collect()
			}
		}},
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

// collect looks at the lanes of turns whose largest element reaches the floor, as soon as it meets them.
func (w *prepareWriter) collect() {
	var (
		x, index    = reg.RDI, reg.R8
		tops        = reg.R9
		turn, turns = reg.R10, reg.R11
		end         = reg.R12 // of src
		n           = reg.R13
		room        = reg.R14 // the n from which there is none for a turn
		first       = reg.R15 // index of the first element
		lanes       = reg.RBX
		lane        = reg.RDX
		bits        = reg.RCX
	)
	const floor, rows, behind, elements, mask = 0, 1, 2, 3, 4
	w.MOVQ(w.param("x", "base"), x)
	w.MOVQ(w.param("x", "len"), room)
	w.SUBQ(operand.U32(library.Turn), room)
	w.MOVQ(w.param("index", "base"), index)
	w.MOVQ(w.param("tops", "base"), tops)
	w.MOVQ(w.param("tops", "len"), turns)
	w.SHRQ(operand.Imm(4), turns)
	w.MOVQ(w.param("src", "base"), src)
	w.MOVQ(w.param("src", "len"), end)
	w.MOVQ(w.param("turn", ""), turn)
	w.MOVQ(w.param("at", ""), first)
	w.VBROADCASTSS(w.param("floor", ""), w.r(floor))
	w.XORL(n.As32(), n.As32())
	w.distances(rows)
	w.MOVQ(turn, tmp)
	w.SHLQ(operand.Imm(6), tmp)
	w.ADDQ(tmp, tops)
	w.Label("turn")
	w.CMPQ(turn, turns)
	w.JGE(operand.LabelRef("end"))
	w.VCMPPS(atMost, operand.Mem{Base: tops}, w.r(floor), w.r(elements))
	w.VCMPPS(atMost, operand.Mem{Base: tops, Disp: 32}, w.r(floor), w.r(mask))
	w.VMOVMSKPS(w.r(elements), lanes.As32())
	w.VMOVMSKPS(w.r(mask), lane.As32())
	w.SHLL(operand.Imm(8), lane.As32())
	w.ORL(lane.As32(), lanes.As32())
	w.JNZ(operand.LabelRef("lanes"))
	w.Label("next")
	w.INCQ(turn)
	w.ADDQ(operand.Imm(4*library.Lanes), tops)
	w.JMP(operand.LabelRef("turn"))

	w.Label("lanes")
	w.CMPQ(n, room)
	w.JGT(operand.LabelRef("end"))
	w.Label("lane")
	w.TZCNTL(lanes.As32(), lane.As32())
	w.BLSRL(lanes.As32(), lanes.As32())
	w.MOVQ(turn, bits)
	w.SHLQ(operand.Imm(7), bits)
	w.ADDQ(bits, lane)
	w.Comment("Those of the lane that there are and that reach the floor.")
	w.MOVQ(end, tmp)
	w.SUBQ(lane, tmp)
	w.VMOVD(tmp.As32(), view(behind, 4))
	w.VPBROADCASTD(view(behind, 4), w.r(behind))
	w.VPCMPGTD(w.r(rows), w.r(behind), w.r(mask))
	w.VMOVAPS(w.r(mask), w.r(behind))
	w.LEAQ(operand.Mem{Base: src, Index: lane, Scale: 4}, tmp)
	w.VPXOR(w.r(elements), w.r(elements), w.r(elements))
	w.VGATHERDPS(w.r(behind), operand.Mem{Base: tmp, Index: w.r(rows), Scale: 4}, w.r(elements))
	w.VCMPPS(atMost, w.r(elements), w.r(floor), w.r(elements))
	w.VANDPS(w.r(mask), w.r(elements), w.r(elements))
	w.VMOVMSKPS(w.r(elements), bits.As32())
	w.TESTL(bits.As32(), bits.As32())
	w.JZ(operand.LabelRef("done"))
	w.Label("element")
	w.TZCNTL(bits.As32(), tmp.As32())
	w.BLSRL(bits.As32(), bits.As32())
	w.SHLL(operand.Imm(4), tmp.As32())
	w.ADDQ(lane, tmp)
	w.VMOVSS(operand.Mem{Base: src, Index: tmp, Scale: 4}, view(elements, 1))
	w.VMOVSS(view(elements, 1), operand.Mem{Base: x, Index: n, Scale: 4})
	w.ADDQ(first, tmp)
	w.MOVL(tmp.As32(), operand.Mem{Base: index, Index: n, Scale: 4})
	w.INCQ(n)
	w.TESTL(bits.As32(), bits.As32())
	w.JNZ(operand.LabelRef("element"))
	w.Label("done")
	w.TESTL(lanes.As32(), lanes.As32())
	w.JNZ(operand.LabelRef("lane"))
	w.JMP(operand.LabelRef("next"))
	w.Label("end")
	w.MOVQ(n, w.returns("n"))
	w.MOVQ(turn, w.returns("next"))
}

// distances are those of a lane's elements.
func (w *prepareWriter) distances(to int) {
	w.Comment("The distances of a lane's elements.")
	w.MOVQ(operand.U64(0x0706050403020100), tmp)
	w.VMOVQ(tmp, view(to, 4))
	w.VPMOVZXBD(view(to, 4), view(to, 8))
	w.VPSLLD(operand.U8(4), view(to, 8), view(to, 8))
}

// collectHits lists the lanes that reach the floor first, of as many turns as there is room for, and then
// looks at two of them at a time: which those are is nothing that a branch could tell beforehand.
func (w *prepareWriter) collectHits() {
	var (
		x, index    = reg.RDI, reg.R8
		tops        = reg.R9
		turn, turns = reg.R10, reg.R11
		last        = reg.R12 // turn of the list
		n           = reg.R13
		room        = reg.R14 // the n from which there is none for two lanes
		hits, hit   = reg.R15, reg.RBX
		count       = reg.RDX
		first       = reg.RCX // index of the first element
	)
	const floor, rows, end, at, lanes, turnLen, halves, indices, elements, found, numbers = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
	w.MOVQ(w.param("x", "base"), x)
	w.MOVQ(w.param("x", "len"), room)
	w.SUBQ(operand.U32(2*library.Rows), room)
	w.MOVQ(w.param("index", "base"), index)
	w.MOVQ(w.param("tops", "base"), tops)
	w.MOVQ(w.param("tops", "len"), turns)
	w.SHRQ(operand.Imm(4), turns)
	w.MOVQ(w.param("src", "base"), src)
	w.MOVQ(w.param("hits", "base"), hits)
	w.MOVQ(w.param("turn", ""), turn)
	w.MOVQ(w.param("at", ""), first)
	w.MOVQ(w.param("src", "len"), tmp)
	w.VBROADCASTSS(w.param("floor", ""), w.r(floor))
	w.VPBROADCASTD(tmp.As32(), w.r(end))
	w.VPBROADCASTD(first.As32(), w.r(at))
	w.XORL(n.As32(), n.As32())
	w.distances(rows)
	w.VINSERTI64X4(operand.Imm(1), view(rows, 8), w.r(rows), w.r(rows))
	table := w.StaticGlobal("laneNumbers")
	w.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range library.Lanes {
		w.AppendDatum(operand.U32(uint32(i)))
	}
	w.VMOVUPS(table, w.r(numbers))
	w.VPSRLD(operand.U8(3), w.r(numbers), w.r(halves))
	w.MOVL(operand.U32(library.Turn), tmp.As32())
	w.VPBROADCASTD(tmp.As32(), w.r(turnLen))
	w.MOVQ(turn, tmp)
	w.SHLQ(operand.Imm(6), tmp)
	w.ADDQ(tmp, tops)

	// few stores the first lanes, as most often no more are wanted: whole vectors lie in two lines each.
	few := func(label string, n reg.GPPhysical, store func(lanes int)) {
		store(4)
		w.CMPL(n.As32(), operand.Imm(4))
		w.JLE(operand.LabelRef(label))
		store(16)
		w.Label(label)
	}

	w.Label("list")
	w.CMPQ(turn, turns)
	w.JGE(operand.LabelRef("end"))
	w.LEAQ(operand.Mem{Base: turn, Disp: hitTurns}, last)
	w.CMPQ(last, turns)
	w.CMOVQGT(turns, last)
	w.XORL(count.As32(), count.As32())
	const quad = 4
	topsOf := func(i int) operand.Mem { return operand.Mem{Base: tops, Disp: 4 * library.Lanes * i} }
	lanesOf := func(i int) {
		w.VCMPPS(atMost, topsOf(i%quad), w.r(floor), reg.K1)
		w.VPCOMPRESSD_Z(w.r(lanes), reg.K1, w.r(found))
		w.KMOVW(reg.K1, tmp.As32())
		w.POPCNTL(tmp.As32(), tmp.As32())
		few(fmt.Sprint("hits", i), tmp, func(lanes int) { w.VMOVUPS(view(found, lanes), operand.Mem{Base: hits, Index: count, Scale: 4}) })
		w.ADDQ(tmp, count)
		w.VPADDD(w.r(turnLen), w.r(lanes), w.r(lanes))
	}
	begin := func() {
		w.MOVQ(turn, tmp)
		w.SHLQ(operand.Imm(7), tmp)
		w.VPBROADCASTD(tmp.As32(), w.r(lanes))
		w.VPADDD(w.r(numbers), w.r(lanes), w.r(lanes))
	}
	w.Comment("Four turns at a time, as most have none.")
	w.SUBQ(operand.Imm(quad), last)
	w.JMP(operand.LabelRef("quads"))
	w.Label("quad")
	w.VMOVUPS(topsOf(0), w.r(found))
	for i := 1; i < quad; i++ {
		w.VMAXPS(topsOf(i), w.r(found), w.r(found))
	}
	w.VCMPPS(atMost, w.r(found), w.r(floor), reg.K1)
	w.KORTESTW(reg.K1, reg.K1)
	w.JZ(operand.LabelRef("none"))
	begin()
	for i := range quad {
		lanesOf(i)
	}
	w.Label("none")
	w.ADDQ(operand.U32(quad*4*library.Lanes), tops)
	w.ADDQ(operand.Imm(quad), turn)
	w.Label("quads")
	w.CMPQ(turn, last)
	w.JLE(operand.LabelRef("quad"))
	w.ADDQ(operand.Imm(quad), last)
	begin()
	w.JMP(operand.LabelRef("turns"))
	w.Label("turn")
	lanesOf(quad)
	w.ADDQ(operand.Imm(4*library.Lanes), tops)
	w.INCQ(turn)
	w.Label("turns")
	w.CMPQ(turn, last)
	w.JNE(operand.LabelRef("turn"))
	w.Comment("Behind the list is one without elements.")
	w.MOVL(operand.U32(math.MaxInt32), operand.Mem{Base: hits, Index: count, Scale: 4})
	w.LEAQ(operand.Mem{Base: hits, Index: count, Scale: 4}, last)
	w.MOVQ(hits, hit)
	w.Label("hit")
	w.CMPQ(hit, last)
	w.JCC(operand.LabelRef("list"))
	w.CMPQ(n, room)
	w.JGT(operand.LabelRef("full"))
	w.VPBROADCASTQ(operand.Mem{Base: hit}, w.r(indices))
	w.VPERMD(w.r(indices), w.r(halves), w.r(indices))
	w.VPADDD(w.r(rows), w.r(indices), w.r(indices))
	w.VPCMPUD(operand.Imm(1), w.r(end), w.r(indices), reg.K2)
	w.KMOVW(reg.K2, reg.K3)
	w.VPXORD(w.r(elements), w.r(elements), w.r(elements))
	w.VGATHERDPS(operand.Mem{Base: src, Index: w.r(indices), Scale: 4}, reg.K3, w.r(elements))
	w.VCMPPS(atMost, w.r(elements), w.r(floor), reg.K2, reg.K1)
	w.VCOMPRESSPS_Z(w.r(elements), reg.K1, w.r(elements))
	w.VPADDD(w.r(at), w.r(indices), w.r(indices))
	w.VPCOMPRESSD_Z(w.r(indices), reg.K1, w.r(indices))
	w.KMOVW(reg.K1, tmp.As32())
	w.POPCNTL(tmp.As32(), tmp.As32())
	few("elements", tmp, func(lanes int) {
		w.VMOVUPS(view(elements, lanes), operand.Mem{Base: x, Index: n, Scale: 4})
		w.VMOVUPS(view(indices, lanes), operand.Mem{Base: index, Index: n, Scale: 4})
	})
	w.ADDQ(tmp, n)
	w.ADDQ(operand.Imm(8), hit)
	w.JMP(operand.LabelRef("hit"))

	w.Comment("Without the elements of the turn that there is no room for.")
	w.Label("full")
	w.MOVL(operand.Mem{Base: hit}, turn.As32())
	w.SHRQ(operand.Imm(7), turn)
	w.Label("back")
	w.TESTQ(n, n)
	w.JZ(operand.LabelRef("end"))
	w.MOVL(operand.Mem{Base: index, Index: n, Scale: 4, Disp: -4}, tmp.As32())
	w.SUBL(first.As32(), tmp.As32())
	w.SHRL(operand.Imm(7), tmp.As32())
	w.CMPL(tmp.As32(), turn.As32())
	w.JNE(operand.LabelRef("end"))
	w.DECQ(n)
	w.JMP(operand.LabelRef("back"))
	w.Label("end")
	w.MOVQ(n, w.returns("n"))
	w.MOVQ(turn, w.returns("next"))
}

// hitTurns is how many turns are listed at a time.
const hitTurns = 128

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
