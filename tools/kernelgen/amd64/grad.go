package amd64

import (
	"fmt"
	"math"
	"slices"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/twopass-softmax/twopass/tools/kernelgen/library"
)

// The kernels of gradients do row by row: a sum of products or elements in float64, and then the results. So the CPU
// begins the next row's sum while it ends this row's results.

// The frame of a kernel of gradients, in bytes.
const (
	gradScale = 0  // a vector
	gradTotal = 64 // a vector, for log-softmax
	// gradExp has the exponentials of four pairs of vectors. To load them from there as float64 takes an instruction
	// less than to convert registers.
	gradExp   = 128
	gradGiven = 384 // 1 if total is a number, and so given
	gradUnit  = 392 // 0 if the scale is 1
	gradFrame = 400
)

func gradIn(disp int) operand.Mem { return operand.Mem{Base: frame, Disp: disp} }

var (
	// sumNext and sumOther go over a row for its sum; src and other stay where the results begin.
	sumNext, sumOther = reg.R14, reg.R15
	// ahead is how far ahead the results ask for lines, in bytes.
	ahead = reg.R13
)

// The constants of exponentials, and by whether the machine has AVX-512 the registers of the first ones. Others stay in
// memory.
var (
	gradConstants = map[bool][]int{false: {8, 9, 10, 11, 12, 13, 14}, true: {16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27}}
	gradNames     = []string{"gradKHi", "gradKLo", "gradMagic", "gradTable", "gradZero", "gradLow", "gradExp3", "gradCHi", "gradCLo", "gradExp2", "gradExp1", "gradThr"}
)

// gradLow takes the place of lower elements: its exponential counts as 0, and its 2^n is still a float32.
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

// constant is the address of one of gradWords. The first use in a file writes it.
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

// inExp is one of gradNames, in a register or in memory.
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

// setupGrad fills the frame, and register 4 with the total if one is given.
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
	w.MOVQ(tmp, gradIn(gradUnit))
	w.Comment("How far ahead to ask for lines.")
	w.MOVL(operand.U32(aheadLeast), tmp.As32())
	w.MOVQ(columns, ahead)
	w.SHLQ(operand.Imm(2), ahead)
	w.CMPQ(ahead, tmp)
	w.CMOVQLT(tmp, ahead)
	w.CMPQ(ahead, operand.U32(aheadMost))
	w.CMOVQGT(tmp, ahead)
}

// setTotal puts the total from lane 0 of register 0 into all lanes of 4; log-softmax's into the frame instead.
func (w *prepareWriter) setTotal() {
	if w.p.log {
		w.Comment("Times 2^-100.")
		w.VMULSD(w.constant("gradDown"), view(0, 4), view(0, 4))
	}
	w.VBROADCASTSD(view(0, 4), w.d(0))
	if w.p.log {
		w.VMOVUPD(w.d(0), gradIn(gradTotal))
	} else {
		w.VMOVAPD(w.d(0), w.d(4))
	}
}

// setupLogGrad also loads the constants of exponentials.
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

// How far ahead gradients ask for lines, in bytes: the CPU itself asks for none of another page. The results ask for the
// next row's, so that memory has work in that pass too; no nearer than aheadLeast, and if a row is longer than aheadMost,
// only that near. To ask for what lies beyond a matrix does no harm.
const (
	sumAhead   = 2048
	aheadLeast = 8192
	aheadMost  = 32768
)

// gradAhead asks for the lines of so many vectors, to be spread out over the instructions of as many of this row.
func (w *prepareWriter) gradAhead(vectors int) (steps []step) {
	for at := 0; at < vectors*w.lanes; at += library.Lanes {
		for _, base := range []reg.GPPhysical{src, dst, other} {
			steps = append(steps, func() { w.PREFETCHT0(operand.Mem{Base: base, Index: ahead, Scale: 1, Disp: 4 * at}) })
		}
	}
	return steps
}

// scaled multiplies by the scale.
func (w *prepareWriter) scaled() {
	w.Comment("Times the scale.")
	w.VMULPD(gradIn(gradScale), w.d(0), w.d(0))
}

// storeSingle stores the float64 in register 0 as floats.
func (w *prepareWriter) storeSingle(at int) {
	if w.evex {
		w.VCVTPD2PS(w.d(0), w.r(0))
	} else {
		w.VCVTPD2PSY(w.d(0), w.r(0))
	}
	w.store(0, w.dstAt(at))
}

// softmaxGrad leaves a gradient without the scale in register 0.
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
	w.storeSingle(at)
}

func softmaxGradFour(w *prepareWriter) {
	w.unscaled("", func(scaled bool) {
		var steps []step
		for i := range 4 {
			steps = append(steps, func() { w.softmaxGrad(i * w.lanes) })
			if scaled {
				steps = append(steps, w.scaled)
			}
			steps = append(steps, func() { w.storeSingle(i * w.lanes) })
		}
		write(side(steps, w.gradAhead(4)))
	})
}

// unscaled writes the body for a scale of 1 here, and behind the function's end the one for other scales.
func (w *prepareWriter) unscaled(suffix string, body func(scaled bool)) {
	w.CMPQ(gradIn(gradUnit), operand.Imm(0))
	w.JNE(operand.LabelRef("scaled" + suffix))
	body(false)
	w.Label("done" + suffix)
	w.later = append(w.later, func() {
		w.Label("scaled" + suffix)
		body(true)
		w.JMP(operand.LabelRef("done" + suffix))
	})
}

// logSoftmaxGrad leaves a gradient without the scale in register 0, by exponentials in the frame.
func (w *prepareWriter) logSoftmaxGrad(exp operand.Mem, at int) {
	w.VCVTPS2PD(exp, w.d(0))
	w.loadDouble(w.otherAt(at), 1)
	w.Comment("dy - exp(x) * total")
	w.VMULPD(gradIn(gradTotal), w.d(0), w.d(0))
	w.VSUBPD(w.d(0), w.d(1), w.d(0))
}

func logSoftmaxGradVector(w *prepareWriter, at int) {
	w.load(w.srcAt(at), 0)
	write(w.exp(w.d(0), 2))
	w.sameNaN(2)
	w.VMOVUPS(w.d(2), gradIn(gradExp))
	w.logSoftmaxGrad(gradIn(gradExp), at)
	w.scaled()
	w.storeSingle(at)
}

// expAt is the register of the exponentials of pair i of vectors.
func expAt(i int) int { return 2 + 3*(i%2) }

// exps computes the exponentials of pairs i and i+1, side by side.
func (w *prepareWriter) exps(i int) []step {
	return side(w.expTo(i), w.expTo(i+1))
}

func (w *prepareWriter) expTo(i int) []step {
	return append(w.exp(w.srcAt(2*i*w.lanes), expAt(i)), func() { w.VMOVUPS(w.d(expAt(i)), w.expIn(i)) })
}

func (w *prepareWriter) expIn(i int) operand.Mem { return gradIn(gradExp + i*8*w.lanes) }

// grads are the results of pairs i and i+1, by exponentials in the frame.
func (w *prepareWriter) grads(i int, scaled bool) (all []step) {
	for j := range 4 {
		at := 2*i + j
		all = append(all, func() { w.logSoftmaxGrad(gradIn(gradExp+4*at*w.lanes), at*w.lanes) })
		if scaled {
			all = append(all, w.scaled)
		}
		all = append(all, func() { w.storeSingle(at * w.lanes) })
	}
	return all
}

func logSoftmaxGradFour(w *prepareWriter) { w.logGrads("", 2) }

func logSoftmaxGradEight(w *prepareWriter) { w.logGrads("8", 4) }

// logGrads does n pairs of vectors. The results of two pairs stand beside the exponentials of the next two.
func (w *prepareWriter) logGrads(suffix string, n int) {
	w.unscaled(suffix, func(scaled bool) {
		lines := w.gradAhead(2 * n)
		name := suffix
		if scaled {
			name += "Scaled"
		}
		var before []step
		for i := 0; i < n; i += 2 {
			write(side(side(w.exps(i), before), lines[i*len(lines)/n:(i+2)*len(lines)/n]))
			nan, number := fmt.Sprintf("nan%d%s", i, name), fmt.Sprintf("number%d%s", i, name)
			w.Comment("Whether there is a NaN.")
			if w.evex {
				w.VCMPPS(isNaN, w.d(expAt(0)), w.d(expAt(1)), reg.K2)
				w.KORTESTW(reg.K2, reg.K2)
			} else {
				w.VCMPPS(isNaN, w.d(expAt(0)), w.d(expAt(1)), w.d(0))
				w.VTESTPS(w.d(0), w.d(0))
			}
			w.JNZ(operand.LabelRef(nan))
			w.Label(number)
			w.later = append(w.later, func() {
				w.Label(nan)
				for j := range 2 {
					w.sameNaN(expAt(j))
					w.VMOVUPS(w.d(expAt(j)), w.expIn(i+j))
				}
				w.JMP(operand.LabelRef(number))
			})
			before = w.grads(i, scaled)
		}
		write(before)
	})
}

// step writes some instructions.
type step = func()

// side spreads the shorter list of steps out over the longer one.
func side(a, b []step) (all []step) {
	if len(a) < len(b) {
		a, b = b, a
	}
	for i, s := range a {
		all = append(all, s)
		all = append(all, b[i*len(b)/len(a):(i+1)*len(b)/len(a)]...)
	}
	return all
}

// write writes the steps.
func write(steps []step) {
	for _, s := range steps {
		s()
	}
}

// sameNaN makes every NaN of a pair of vectors the same, by way of the next register.
func (w *prepareWriter) sameNaN(x int) {
	if w.evex {
		w.VCMPPS(isNaN, w.d(x), w.d(x), reg.K2)
		w.VBROADCASTSS(w.constant("gradNaN"), reg.K2, w.d(x))
		return
	}
	w.VCMPPS(isNaN, w.d(x), w.d(x), w.d(x+1))
	w.VBLENDVPS(w.d(x+1), w.constant("gradNaN"), w.d(x), w.d(x))
}

// exp computes exp(x) * 2^100 of a pair of vectors into register y, by way of the next two: 0 where exp(x) is below
// 2^-126, and as for 0 where x is above. VMINPS and VMAXPS keep a NaN only of their second operand, Go's first.
func (w *prepareWriter) exp(x operand.Op, y int) []step {
	f, s := y+1, y+2
	steps := []step{
		func() { w.VMINPS(x, w.inExp("gradZero"), w.d(s)) },
		func() { w.VMAXPS(w.d(s), w.inExp("gradLow"), w.d(s)) },
		// u = x * kHi + magic - N
		func() { w.VMOVAPS(w.inExp("gradMagic"), w.d(y)) },
		func() { w.VFMADD231PS(w.d(s), w.inExp("gradKHi"), w.d(y)) },
		// f = x * (kHi + kLo) - n
		func() { w.VSUBPS(w.d(y), w.inExp("gradMagic"), w.d(f)) },
		func() { w.VFMADD231PS(w.d(s), w.inExp("gradKHi"), w.d(f)) },
		func() { w.VFMADD231PS(w.d(s), w.inExp("gradKLo"), w.d(f)) },
		// s = 2^(n - N) * K
		func() { w.VPERMPS(w.inExp("gradTable"), w.d(y), w.d(s)) },
		func() { w.VPSLLD(operand.U8(20), w.d(y), w.d(y)) },
		func() { w.VPADDD(w.d(y), w.d(s), w.d(s)) },
		// s*q + s for q = f * ((exp3*f + exp2)*f + exp1)
		func() { w.VMOVUPS(w.inExp("gradExp2"), w.d(y)) },
		func() { w.VFMADD231PS(w.inExp("gradExp3"), w.d(f), w.d(y)) },
		func() { w.VFMADD213PS(w.inExp("gradExp1"), w.d(f), w.d(y)) },
		func() { w.VMULPS(w.d(f), w.d(y), w.d(y)) },
		func() { w.VFMADD213PS(w.d(s), w.d(s), w.d(y)) },
		// e*cHi + e*cLo, and 0 where e < thr
		func() { w.VMULPS(w.inExp("gradCLo"), w.d(y), w.d(f)) },
	}
	if w.evex {
		k := []reg.Register{reg.K2, reg.K5}[y/3%2]
		return append(steps,
			func() { w.VCMPPS(notLess, w.inExp("gradThr"), w.d(y), k) },
			func() { w.VFMADD132PS_Z(w.inExp("gradCHi"), w.d(f), k, w.d(y)) })
	}
	return append(steps,
		func() { w.VFMADD231PS(w.inExp("gradCHi"), w.d(y), w.d(f)) },
		func() { w.VCMPPS(notLess, w.inExp("gradThr"), w.d(y), w.d(y)) },
		func() { w.VANDPS(w.d(f), w.d(y), w.d(y)) })
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

// dot writes one of Dots.
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

// sumMasks sets K3 and K4, with AVX-512, to which of the last 16 lanes a row of that many columns has.
func (w *prepareWriter) sumMasks() {
	if !w.evex {
		return
	}
	w.MOVQ(columns, left)
	w.ANDQ(operand.Imm(library.Lanes-1), left)
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

// sums adds up as many elements as left says, from sumNext and, of products, sumOther. A product is exact, so it may be
// fused. The lanes that the row's end lacks add +0.
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
	w.PREFETCHT0(operand.Mem{Base: sumNext, Disp: sumAhead})
	w.ADDQ(operand.Imm(4*library.Lanes), sumNext)
	if products {
		w.PREFETCHT0(operand.Mem{Base: sumOther, Disp: sumAhead})
		w.ADDQ(operand.Imm(4*library.Lanes), sumOther)
	}
	w.SUBQ(operand.Imm(library.Lanes), left)
	w.JGE(operand.LabelRef("sum"))
	w.Label("sumLeft")
	w.ADDQ(operand.Imm(library.Lanes), left)
	w.JZ(operand.LabelRef("sumDone"))
	if !w.evex {
		w.LEAQ(w.constant("laneMasks").Offset(4*library.Lanes), tmp)
		w.SHLQ(operand.Imm(2), left)
		w.SUBQ(left, tmp)
	}
	row(func(next reg.GPPhysical, p, to int) {
		if w.evex {
			w.VCVTPS2PD_Z(at(next, p), []reg.Register{reg.K3, reg.K4}[p], w.d(to))
			return
		}
		w.VMOVUPS(operand.Mem{Base: tmp, Disp: 4 * w.lanes * p}, w.r(to))
		w.VMASKMOVPS(at(next, p), w.r(to), w.r(to))
		w.VCVTPS2PD(w.r(to), w.d(to))
	})
	w.Label("sumDone")
}

// byHalves adds the lanes up, into lane 0 of register 0.
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

// rowTotal computes the row's total for the results, unless one is given.
func (w *prepareWriter) rowTotal(products bool) {
	w.Comment("Behind the last row there may be nothing to ask for.")
	w.MOVL(operand.U32(aheadLeast), tmp.As32())
	w.CMPQ(tmp2, operand.Imm(1))
	w.CMOVQEQ(tmp, ahead)
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

func softmaxGradTotal(w *prepareWriter)    { w.rowTotal(true) }
func logSoftmaxGradTotal(w *prepareWriter) { w.rowTotal(false) }
