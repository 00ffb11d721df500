package amd64

import (
	"math"
	"slices"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/twopass-softmax/twopass/tools/kernelgen/library"
)

// The kernels of gradients do whole rows: a sum of products or elements in float64, and then the results, so that the
// sum of the next row overlaps with the results of this one.

// Where a kernel of gradients has what in its frame, in bytes.
const (
	gradScale = 0   // a vector
	gradExp   = 64  // two vectors of exponentials, which are loaded from there as float64: that takes an instruction less
	gradGiven = 192 // whether there is a total
	gradFrame = 200
)

func gradIn(disp int) operand.Mem { return operand.Mem{Base: frame, Disp: disp} }

// The registers of sums, beside src and other, which they restore.
var (
	sumNext, sumOther = reg.R14, reg.R15
	// sumMasks is where the masks of what is left begin, for AVX2.
	sumMasks = reg.R13
)

// The registers of exponentials. AVX2 has none for those from the last on.
var (
	gradConstants = map[bool][]int{false: {6, 7, 8, 9, 10, 11, 12, 13, 14}, true: {16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27}}
	gradNames     = []string{"gradKHi", "gradKLo", "gradMagic", "gradTable", "gradExp3", "gradCLo", "gradCHi", "gradZero", "gradLow", "gradExp2", "gradExp1", "gradThr"}
)

// gradLow is so low an element that its exponential counts as 0, and 2^n is a float32.
const gradLow = -88

// gradWords are the constants. Exponentials stay multiplied by 2^100, and the total is divided by that: both are
// exact.
var gradWords = func() map[string][]uint32 {
	const total = library.Factor * (1 << library.Headroom)
	cHi := float32(library.Up / total)
	numbers := map[string]float32{
		"gradKHi": library.Log2EHi, "gradKLo": library.Log2ELo, "gradMagic": library.Magic + library.Headroom,
		"gradExp1": library.Exp1, "gradExp2": library.Exp2, "gradExp3": library.Exp3,
		"gradCHi": cHi, "gradCLo": float32(library.Up/total - float64(cHi)), "gradThr": float32(total * library.Threshold),
		"gradZero": 0, "gradLow": gradLow, "gradNaN": math.Float32frombits(0x7fc00000),
	}
	words := map[string][]uint32{"gradTable": library.Exp2Table[:]}
	for name, x := range numbers {
		words[name] = slices.Repeat([]uint32{math.Float32bits(x)}, 8)
	}
	down := math.Float64bits(library.Down)
	words["gradDown"] = []uint32{uint32(down), uint32(down >> 32)}
	ones := slices.Repeat([]uint32{math.MaxUint32}, library.Lanes)
	words["laneMasks"] = append(ones, make([]uint32, library.Lanes)...)
	return words
}()

// constant is the address of one of them.
func (w *prepareWriter) constant(name string) operand.Mem {
	m, ok := w.constants[name]
	if !ok {
		m = w.StaticGlobal(name)
		w.DataAttributes(attr.RODATA | attr.NOPTR)
		for _, x := range gradWords[name] {
			w.AppendDatum(operand.U32(x))
		}
		w.constants[name] = m
	}
	return m
}

// d is a register of a vector of float64, or of twice as many floats.
func (w *prepareWriter) d(i int) reg.VecPhysical { return view(i, 2*w.lanes) }

// inExp is a constant of exponentials.
func (w *prepareWriter) inExp(name string) operand.Op {
	if at := slices.Index(gradNames, name); at < len(gradConstants[w.evex]) {
		return w.d(gradConstants[w.evex][at])
	}
	return w.constant(name)
}

// loadDouble loads a vector of floats as float64.
func (w *prepareWriter) loadDouble(m operand.Mem, to int) {
	switch {
	case !w.left:
		w.VCVTPS2PD(m, w.d(to))
	case w.evex:
		w.VCVTPS2PD_Z(m, rest512, w.d(to))
	default:
		w.load(m, to)
		w.VCVTPS2PD(w.r(to), w.d(to))
	}
}

// setupGrad puts the total into 4 if there is one, and the scale into the frame; tmp is 0 if that is 1.
func setupGrad(w *prepareWriter) {
	local := w.AllocLocal(gradFrame + 64)
	w.LEAQ(local.Offset(63), frame)
	w.ANDQ(operand.I32(-64), frame)
	w.VBROADCASTSD(w.param("scale", ""), w.d(0))
	w.VMOVUPD(w.d(0), gradIn(gradScale))
	w.Comment("Whether there is a total.")
	w.VMOVSD(w.param("total", ""), view(0, 4))
	w.XORL(tmp.As32(), tmp.As32())
	w.VUCOMISD(view(0, 4), view(0, 4))
	w.SETPC(tmp.As8())
	w.MOVQ(tmp, gradIn(gradGiven))
	w.setTotal()
	w.sumMasks()
	w.MOVQ(operand.U64(math.Float64bits(1)), tmp)
	w.SUBQ(w.param("scale", ""), tmp)
}

// setTotal puts the total in 0 into 4.
func (w *prepareWriter) setTotal() {
	if w.p.log {
		w.Comment("Times 2^-100.")
		w.VMULSD(w.constant("gradDown"), view(0, 4), view(0, 4))
	}
	w.VBROADCASTSD(view(0, 4), w.d(4))
}

// setupLogGrad has also what exponentials take.
func setupLogGrad(w *prepareWriter) {
	setupGrad(w)
	for i, to := range gradConstants[w.evex] {
		m := w.constant(gradNames[i])
		switch {
		case gradNames[i] != "gradTable":
			w.VBROADCASTSS(m, w.d(to))
		case w.evex:
			w.VBROADCASTF64X4(m, w.d(to))
		default:
			w.VMOVUPS(m, w.d(to))
		}
	}
}

// Gradients ask for the elements so far ahead: they take little time, and the CPU itself asks for no lines of another
// page. In short rows the next rows lie there; what lies beyond a matrix does no harm.
const (
	ahead    = 1024
	dotAhead = 512 // while it adds up
)

// gradAhead asks for what the next rows need, and once more for what is to be written soon. In another
// order it took longer.
func (w *prepareWriter) gradAhead() {
	for at := 0; at < 4*w.lanes; at += library.Lanes {
		w.PREFETCHT0(w.srcAt(ahead + at))
		w.PREFETCHT0(w.dstAt(64 + at))
		w.PREFETCHT0(w.dstAt(ahead + at))
		w.PREFETCHT0(w.otherAt(ahead + at))
	}
}

// gradFour writes four vectors without the scale if that is 1, and with it.
func (w *prepareWriter) gradFour(vector func(i int)) {
	w.TESTQ(tmp, tmp)
	w.JNZ(operand.LabelRef("scaled"))
	for i := range 4 {
		vector(i)
		w.storeSingle(0, i*w.lanes)
	}
	w.Label("done")
	w.later = append(w.later, func() {
		w.Label("scaled")
		for i := range 4 {
			vector(i)
			w.scaled()
			w.storeSingle(0, i*w.lanes)
		}
		w.JMP(operand.LabelRef("done"))
	})
}

// scaled multiplies by the scale.
func (w *prepareWriter) scaled() {
	w.Comment("Times the scale.")
	w.VMULPD(gradIn(gradScale), w.d(0), w.d(0))
}

// storeSingle stores a vector of float64 as floats.
func (w *prepareWriter) storeSingle(z, at int) {
	if w.evex {
		w.VCVTPD2PS(w.d(z), w.r(z))
	} else {
		w.VCVTPD2PSY(w.d(z), w.r(z))
	}
	w.store(z, w.dstAt(at))
}

// softmaxGrad makes a gradient without the scale, in 0.
func (w *prepareWriter) softmaxGrad(at int) {
	w.loadDouble(w.srcAt(at), 0)
	w.loadDouble(w.otherAt(at), 1)
	w.Comment("x * (dy - total)")
	w.VSUBPD(w.d(4), w.d(1), w.d(1))
	w.VMULPD(w.d(1), w.d(0), w.d(0))
}

func softmaxGradVector(w *prepareWriter, at int) {
	w.softmaxGrad(at)
	w.scaled()
	w.storeSingle(0, at)
}

func softmaxGradFour(w *prepareWriter) {
	w.gradAhead()
	w.gradFour(func(i int) { w.softmaxGrad(i * w.lanes) })
}

// logSoftmaxGrad makes a gradient of exponentials in the frame, without the scale, in 0.
func (w *prepareWriter) logSoftmaxGrad(exp operand.Mem, at int) {
	w.VCVTPS2PD(exp, w.d(0))
	w.loadDouble(w.otherAt(at), 1)
	w.Comment("dy - exp(x) * total")
	w.VMULPD(w.d(4), w.d(0), w.d(0))
	w.VSUBPD(w.d(0), w.d(1), w.d(0))
}

func logSoftmaxGradVector(w *prepareWriter, at int) {
	w.load(w.srcAt(at), 0)
	w.exp(w.d(0), 1, 0)
	w.sameNaN(1)
	w.VMOVUPS(w.d(1), gradIn(gradExp))
	w.logSoftmaxGrad(gradIn(gradExp), at)
	w.scaled()
	w.storeSingle(0, at)
}

func logSoftmaxGradFour(w *prepareWriter) {
	size := 8 * w.lanes
	w.gradAhead()
	for i := range 2 {
		w.exp(w.srcAt(2*i*w.lanes), 1+i, 0)
		w.VMOVUPS(w.d(1+i), gradIn(gradExp+i*size))
	}
	w.Comment("Whether there is a NaN.")
	if w.evex {
		w.VCMPPS(isNaN, w.d(1), w.d(2), reg.K2)
		w.KORTESTW(reg.K2, reg.K2)
	} else {
		w.VCMPPS(isNaN, w.d(1), w.d(2), w.d(0))
		w.VTESTPS(w.d(0), w.d(0))
	}
	w.JNZ(operand.LabelRef("nan"))
	w.Label("number")
	w.gradFour(func(i int) { w.logSoftmaxGrad(gradIn(gradExp+i*size/2), i*w.lanes) })
	w.later = append(w.later, func() {
		w.Label("nan")
		for i := range 2 {
			w.sameNaN(1 + i)
			w.VMOVUPS(w.d(1+i), gradIn(gradExp+i*size))
		}
		w.JMP(operand.LabelRef("number"))
	})
}

// sameNaN makes every NaN in a vector of twice as many floats the same.
func (w *prepareWriter) sameNaN(x int) {
	if w.evex {
		w.VCMPPS(isNaN, w.d(x), w.d(x), reg.K2)
		w.VBROADCASTSS(w.constant("gradNaN"), reg.K2, w.d(x))
		return
	}
	w.VCMPPS(isNaN, w.d(x), w.d(x), w.d(3))
	w.VBLENDVPS(w.d(3), w.constant("gradNaN"), w.d(x), w.d(x))
}

// exp is exp(x) * 2^100, or 0 where exp(x) is below 2^-126, in y, by way of 3 and f. What is above 0 counts as 0.
// In VMINPS and VMAXPS a NaN is the result only as the second operand, which is Go's first.
func (w *prepareWriter) exp(x operand.Op, y, f int) {
	s := 3
	w.VMINPS(x, w.inExp("gradZero"), w.d(s))
	w.VMAXPS(w.d(s), w.inExp("gradLow"), w.d(s))
	w.Comment("u = x * kHi + magic - N")
	w.VMOVAPS(w.inExp("gradMagic"), w.d(y))
	w.VFMADD231PS(w.d(s), w.inExp("gradKHi"), w.d(y))
	w.Comment("f = x * (kHi + kLo) - n")
	w.VSUBPS(w.d(y), w.inExp("gradMagic"), w.d(f))
	w.VFMADD231PS(w.d(s), w.inExp("gradKHi"), w.d(f))
	w.VFMADD231PS(w.d(s), w.inExp("gradKLo"), w.d(f))
	w.Comment("s = 2^(n - N) * K")
	w.VPERMPS(w.inExp("gradTable"), w.d(y), w.d(s))
	w.VPSLLD(operand.U8(20), w.d(y), w.d(y))
	w.VPADDD(w.d(y), w.d(s), w.d(s))
	w.Comment("s*q + s for q = f * ((exp3*f + exp2)*f + exp1)")
	w.VMOVUPS(w.inExp("gradExp2"), w.d(y))
	w.VFMADD231PS(w.inExp("gradExp3"), w.d(f), w.d(y))
	w.VFMADD213PS(w.inExp("gradExp1"), w.d(f), w.d(y))
	w.VMULPS(w.d(f), w.d(y), w.d(y))
	w.VFMADD213PS(w.d(s), w.d(s), w.d(y))
	w.Comment("e*cHi + e*cLo, and 0 where e < thr")
	w.VMULPS(w.inExp("gradCLo"), w.d(y), w.d(f))
	if w.evex {
		w.VCMPPS(notLess, w.inExp("gradThr"), w.d(y), reg.K2)
		w.VFMADD132PS_Z(w.inExp("gradCHi"), w.d(f), reg.K2, w.d(y))
	} else {
		w.VFMADD231PS(w.inExp("gradCHi"), w.d(y), w.d(f))
		w.VCMPPS(notLess, w.inExp("gradThr"), w.d(y), w.d(y))
		w.VANDPS(w.d(f), w.d(y), w.d(y))
	}
}

// Dot is a kernel that adds up a row in 16 lanes of float64.
type Dot struct {
	Name, Signature, Doc string
	products             bool
}

// Dots lists them.
var Dots = []Dot{
	{"dot", "func(src, dy []float32, s *[16]float64) (sum float64)", "adds x * dy to the lanes in s, which are 0 if s is nil; the sum of those", true},
	{"sum64", "func(src []float32, s *[16]float64) (sum float64)", "adds x to the lanes in s, which are 0 if s is nil; the sum of those", false},
}

// laneSums is where the lanes are between calls.
var laneSums = reg.R12

// dot writes one of them.
func (w *prepareWriter) dot(d Dot, name string) {
	w.Function(name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr(d.Signature)
	w.Commentf("%s: %s.", name, d.Doc)
	w.MOVQ(w.param("src", "base"), sumNext)
	w.MOVQ(w.param("src", "len"), columns)
	if d.products {
		w.MOVQ(w.param("dy", "base"), sumOther)
	}
	w.sumMasks()
	w.MOVQ(columns, left)
	w.MOVQ(w.param("s", ""), laneSums)
	w.noSums()
	w.TESTQ(laneSums, laneSums)
	w.JZ(operand.LabelRef("begin"))
	for p := range w.parts() {
		w.VMOVUPD(operand.Mem{Base: laneSums, Disp: 8 * w.lanes * p}, w.d(p))
	}
	w.Label("begin")
	w.sums(d.products)
	w.TESTQ(laneSums, laneSums)
	w.JZ(operand.LabelRef("add"))
	for p := range w.parts() {
		w.VMOVUPD(w.d(p), operand.Mem{Base: laneSums, Disp: 8 * w.lanes * p})
	}
	w.Label("add")
	w.byHalves()
	w.VMOVSD(view(0, 4), w.returns("sum"))
	w.VZEROUPPER()
	w.RET()
}

// parts is how many vectors the lanes of a row take, which are in the registers from 0 up.
func (w *prepareWriter) parts() int { return library.Lanes / w.lanes }

// sumMasks makes the masks of what the row in columns has of its last 16 lanes: K3 and K4 of AVX-512.
func (w *prepareWriter) sumMasks() {
	w.MOVQ(columns, left)
	w.ANDQ(operand.Imm(library.Lanes-1), left)
	if !w.evex {
		w.LEAQ(w.constant("laneMasks").Offset(4*library.Lanes), sumMasks)
		w.SHLQ(operand.Imm(2), left)
		w.SUBQ(left, sumMasks)
		return
	}
	w.MOVL(operand.U32(1), tmp.As32())
	w.SHLL(reg.CL, tmp.As32())
	w.DECL(tmp.As32())
	w.KMOVW(tmp.As32(), reg.K3)
	w.SHRL(operand.Imm(uint64(w.lanes)), tmp.As32())
	w.KMOVW(tmp.As32(), reg.K4)
}

func (w *prepareWriter) noSums() {
	for p := range w.parts() {
		w.VXORPD(view(p, 8), view(p, 8), view(p, 8))
	}
}

// sums adds what sumNext, and sumOther, point to: so many elements as are left. A product is exact, so that it may be
// fused; what is left of a row adds +0 to the lanes that it lacks.
func (w *prepareWriter) sums(products bool) {
	row := func(load func(next reg.GPPhysical, p, to int)) {
		for p := range w.parts() {
			load(sumNext, p, 4)
			if products {
				load(sumOther, p, 5)
				w.VFMADD231PD(w.d(4), w.d(5), w.d(p))
			} else {
				w.VADDPD(w.d(4), w.d(p), w.d(p))
			}
		}
	}
	at := func(next reg.GPPhysical, p int) operand.Mem { return operand.Mem{Base: next, Disp: 4 * w.lanes * p} }
	w.SUBQ(operand.Imm(library.Lanes), left)
	w.JLT(operand.LabelRef("sumLeft"))
	w.Instruction(align64())
	w.Label("sum")
	row(func(next reg.GPPhysical, p, to int) { w.VCVTPS2PD(at(next, p), w.d(to)) })
	w.PREFETCHT0(operand.Mem{Base: sumNext, Disp: 4 * dotAhead})
	w.ADDQ(operand.Imm(4*library.Lanes), sumNext)
	if products {
		w.PREFETCHT0(operand.Mem{Base: sumOther, Disp: 4 * dotAhead})
		w.ADDQ(operand.Imm(4*library.Lanes), sumOther)
	}
	w.SUBQ(operand.Imm(library.Lanes), left)
	w.JGE(operand.LabelRef("sum"))
	w.Label("sumLeft")
	w.ADDQ(operand.Imm(library.Lanes), left)
	w.JZ(operand.LabelRef("sumDone"))
	row(func(next reg.GPPhysical, p, to int) {
		if w.evex {
			w.VCVTPS2PD_Z(at(next, p), []reg.Register{reg.K3, reg.K4}[p], w.d(to))
			return
		}
		w.VMOVUPS(operand.Mem{Base: sumMasks, Disp: 4 * w.lanes * p}, w.r(to))
		w.VMASKMOVPS(at(next, p), w.r(to), w.r(to))
		w.VCVTPS2PD(w.r(to), w.d(to))
	})
	w.Label("sumDone")
}

// byHalves adds the lanes up, in 0.
func (w *prepareWriter) byHalves() {
	for n := w.parts() / 2; n > 0; n /= 2 {
		for p := range n {
			w.VADDPD(w.d(p+n), w.d(p), w.d(p))
		}
	}
	if w.evex {
		w.VEXTRACTF64X4(operand.Imm(1), view(0, 16), view(1, 8))
		w.VADDPD(view(1, 8), view(0, 8), view(0, 8))
	}
	w.VEXTRACTF128(operand.Imm(1), view(0, 8), view(1, 4))
	w.VADDPD(view(1, 4), view(0, 4), view(0, 4))
	w.VUNPCKHPD(view(0, 4), view(0, 4), view(1, 4))
	w.VADDSD(view(1, 4), view(0, 4), view(0, 4))
}

// gradTotal puts the row's total into 4, unless one is given.
func (w *prepareWriter) gradTotal(products bool) {
	w.CMPQ(gradIn(gradGiven), operand.Imm(0))
	w.JNE(operand.LabelRef("given"))
	if products {
		w.MOVQ(src, sumNext)
		w.MOVQ(other, sumOther)
	} else {
		w.MOVQ(other, sumNext)
	}
	w.MOVQ(columns, left)
	w.noSums()
	w.sums(products)
	w.byHalves()
	w.Comment("Leave unless total * scale is finite.")
	w.VMULSD(w.param("scale", ""), view(0, 4), view(1, 4))
	w.VSUBSD(view(1, 4), view(1, 4), view(1, 4))
	w.VUCOMISD(view(1, 4), view(1, 4))
	w.JPS(operand.LabelRef("end"))
	w.setTotal()
	w.Label("given")
}

func softmaxGradTotal(w *prepareWriter)    { w.gradTotal(true) }
func logSoftmaxGradTotal(w *prepareWriter) { w.gradTotal(false) }
