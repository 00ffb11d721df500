package amd64

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/twopass-softmax/twopass/tools/kernelgen/library"
)

// The kernels that prepare and convert rows have a few instructions for each vector, so that
// their loops are written down here once, without a description for all machines.

// Preparation is a kernel that writes f of every element of rows.
type Preparation struct {
	Name, Signature, Doc string

	src, dst, other int // the sizes of elements; other is 0 without a second row
	otherName       string
	// half: vectors are of half as many elements, as float64.
	half bool
	log  bool // log-softmax's gradient, which has the total in its frame, times 2^-100
	// again: f of what is f already is the same, or dst is never src, so that the last vector
	// of a row may overlap the one before.
	again  bool
	setup  func(w *prepareWriter)
	vector func(w *prepareWriter, at int)
	// These are optional. four does four vectors; unless always is set, it may go to the label "each" instead, which
	// takes them one by one. eight does eight. row comes before each row; it goes to the label "end" to leave the row
	// and those behind it.
	four   func(w *prepareWriter)
	always bool
	eight  func(w *prepareWriter)
	row    func(w *prepareWriter)
}

const (
	strides = "rows, cols, dstStride, srcStride int"
	ordered = operand.U8(7)  // neither is a NaN
	isNaN   = operand.U8(3)  // either is
	below   = operand.U8(17) // less
	infBits = 0x7f800000
)

// Preparations lists them.
var Preparations = []Preparation{
	{Name: "fmaRows", Signature: "func(dst, src, add []float32, mul, most float32, " + strides + ", otherStride int)",
		Doc: "x * mul + add, at most most in size where the elements are finite",
		src: 4, dst: 4, other: 4, otherName: "add", setup: setupMul, vector: fmaVector, four: fmaFour},
	{Name: "mulRows", Signature: "func(dst, src []float32, mul, most float32, " + strides + ")",
		Doc: "x * mul, at most most in size where x is finite",
		src: 4, dst: 4, setup: setupMul, vector: mulVector},
	{Name: "keepRows", Signature: "func(dst, src []float32, keep []bool, " + strides + ", otherStride int)",
		Doc: "x where keep is true, -Inf elsewhere",
		src: 4, dst: 4, other: 1, otherName: "keep", again: true,
		setup: func(w *prepareWriter) { w.bits(0xff800000, 4); w.VPXOR(view(5, 4), view(5, 4), view(5, 4)) }, vector: keepVector},
	{Name: "widenF16", Signature: "func(dst []float32, src []uint16, " + strides + ")", Doc: "binary16 as float32",
		src: 2, dst: 4, again: true, vector: widenF16Vector},
	{Name: "widenBF16", Signature: "func(dst []float32, src []uint16, " + strides + ")", Doc: "bfloat16 as float32",
		src: 2, dst: 4, again: true, vector: widenBF16Vector},
	{Name: "narrowF16", Signature: "func(dst []uint16, src []float32, " + strides + ")", Doc: "float32 rounded to binary16",
		src: 4, dst: 2, again: true, setup: func(w *prepareWriter) { w.bits(0x7fc00000, 4) }, vector: narrowF16Vector},
	{Name: "narrowBF16", Signature: "func(dst []uint16, src []float32, " + strides + ")", Doc: "float32 rounded to bfloat16",
		src: 4, dst: 2, again: true,
		setup:  func(w *prepareWriter) { w.bits(0x7fc0, 4); w.bits(0x7fff, 5); w.bits(1, 6); w.wordIndices() },
		vector: narrowBF16Vector, four: narrowBF16Four},
	{Name: "softmaxGradRows", Signature: "func(dst, src, dy []float32, total, scale float64, " + strides + ", otherStride int) (done int)",
		Doc: "x * (dy - total) * scale in float64, where nothing is a NaN; if total is a NaN, each row has its own, sum(x * dy), and rows end before the first whose total * scale is not finite",
		src: 4, dst: 4, other: 4, otherName: "dy", half: true, setup: setupGrad, row: softmaxGradTotal, vector: softmaxGradVector, four: softmaxGradFour, always: true},
	{Name: "logSoftmaxGradRows", Signature: "func(dst, src, dy []float32, total, scale float64, " + strides + ", otherStride int) (done int)",
		Doc: "(dy - exp(x) * total) * scale in float64, every NaN the same; if total is a NaN, each row has its own, sum(dy), and rows end before the first whose total * scale is not finite",
		src: 4, dst: 4, other: 4, otherName: "dy", half: true, setup: setupLogGrad, row: logSoftmaxGradTotal, vector: logSoftmaxGradVector, four: logSoftmaxGradFour, eight: logSoftmaxGradEight, always: true, log: true},
}

// prepareWriter writes one of them.
type prepareWriter struct {
	*build.Context
	p     Preparation
	evex  bool
	lanes int // of a vector; 1 while single elements are written
	left  bool
	later []func() // write what stands behind the function's end

	constants map[string]operand.Mem // of the file, see grad.go
}

// More registers.
var (
	other     = reg.R8  // next element of the second row
	otherStep = reg.R11 // from the end of the second row to the next one
	columns   = reg.R12
)

// rest is the mask of what is left of a row: of AVX-512, and of AVX2.
var (
	rest512 = reg.K1
	rest256 = 15
)

// PrepareFile writes the kernels of a level as an assembly file.
func PrepareFile(l Level, header string) ([]byte, error) {
	c := build.NewContext()
	c.ConstraintExpr("!purego")
	evex := l.ISA.Lanes() == library.Lanes
	constants := make(map[string]operand.Mem)
	for _, p := range Preparations {
		w := &prepareWriter{Context: c, p: p, evex: evex, lanes: l.ISA.Lanes(), constants: constants}
		if p.half {
			w.lanes /= 2
		}
		w.function(p.Name + l.Suffix)
	}
	for _, d := range Dots {
		(&prepareWriter{Context: c, evex: evex, lanes: l.ISA.Lanes() / 2, constants: constants}).dot(d, d.Name+l.Suffix)
	}
	for _, k := range TopKernels {
		(&prepareWriter{Context: c, evex: evex, lanes: l.ISA.Lanes()}).topKernel(k, k.Name+l.Suffix)
	}
	if evex {
		(&prepareWriter{Context: c}).touch()
	} else {
		for i, name := range TransposeNames {
			(&prepareWriter{Context: c}).transpose(name, i > 0)
		}
	}
	return assembly(c, "arith", header)
}

func (w *prepareWriter) param(name, part string) operand.Mem {
	return (&writer{Context: w.Context}).param(name, part)
}

func (w *prepareWriter) function(name string) {
	w.Function(name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr(w.p.Signature)
	w.Commentf("%s: %s.", name, w.p.Doc)
	w.MOVQ(w.param("src", "base"), src)
	w.MOVQ(w.param("dst", "base"), dst)
	w.MOVQ(w.param("rows", ""), tmp2)
	w.MOVQ(w.param("cols", ""), columns)
	// What lies between a row's end and the next row, in bytes.
	step := func(name string, size int, to reg.GPPhysical) {
		w.MOVQ(w.param(name, ""), to)
		w.SUBQ(columns, to)
		if size > 1 {
			w.SHLQ(operand.Imm(uint64(size/2)), to)
		}
	}
	step("srcStride", w.p.src, srcStride)
	step("dstStride", w.p.dst, dstStride)
	if w.p.other > 0 {
		w.MOVQ(w.param(w.p.otherName, "base"), other)
		step("otherStride", w.p.other, otherStep)
	}
	w.rest()
	if w.p.setup != nil {
		w.p.setup(w)
	}
	lanes := w.lanes

	w.Label("row")
	if w.p.row != nil {
		w.p.row(w)
	}
	w.MOVQ(columns, left)
	w.SUBQ(operand.U32(4*lanes), left)
	w.JLT(operand.LabelRef("few"))
	if w.p.eight != nil {
		w.SUBQ(operand.U32(4*lanes), left)
		w.JLT(operand.LabelRef("eightDone"))
		w.Instruction(align64())
		w.Label("eight")
		w.p.eight(w)
		w.advance(8 * lanes)
		w.SUBQ(operand.U32(8*lanes), left)
		w.JGE(operand.LabelRef("eight"))
		w.Label("eightDone")
		w.ADDQ(operand.U32(4*lanes), left)
		w.JLT(operand.LabelRef("few"))
	}
	w.Instruction(align64())
	w.Label("four")
	if w.p.four != nil {
		w.p.four(w)
	}
	if !w.p.always {
		if w.p.four != nil {
			w.JMP(operand.LabelRef("fourDone"))
			w.Label("each")
		}
		for i := range 4 {
			w.p.vector(w, i*lanes)
		}
		if w.p.four != nil {
			w.Label("fourDone")
		}
	}
	w.advance(4 * lanes)
	w.SUBQ(operand.U32(4*lanes), left)
	w.JGE(operand.LabelRef("four"))
	w.Label("few")
	w.ADDQ(operand.U32(3*lanes), left)
	w.JLT(operand.LabelRef("left"))
	w.Label("one")
	w.p.vector(w, 0)
	w.advance(lanes)
	w.SUBQ(operand.U32(lanes), left)
	w.JGE(operand.LabelRef("one"))
	w.Label("left")
	w.ADDQ(operand.U32(lanes), left)
	w.JZ(operand.LabelRef("next"))
	switch {
	case w.evex || !w.p.again:
		w.left = true
		w.p.vector(w, 0)
		w.left = false
		w.move(left)
	default:
		w.CMPQ(columns, operand.U32(lanes))
		w.JLT(operand.LabelRef("single"))
		w.Comment("The last vector of the row.")
		w.SUBQ(operand.U32(lanes), left)
		w.move(left)
		w.p.vector(w, 0)
		w.advance(lanes)
		w.JMP(operand.LabelRef("next"))
		w.Label("single")
		w.lanes = 1
		w.p.vector(w, 0)
		w.advance(1)
		w.lanes = lanes
		w.DECQ(left)
		w.JNZ(operand.LabelRef("single"))
	}
	w.Label("next")
	w.ADDQ(srcStride, src)
	w.ADDQ(dstStride, dst)
	if w.p.other > 0 {
		w.ADDQ(otherStep, other)
	}
	w.DECQ(tmp2)
	w.JNZ(operand.LabelRef("row"))
	if w.p.row != nil {
		w.Label("end")
		w.MOVQ(w.param("rows", ""), left)
		w.SUBQ(tmp2, left)
		w.MOVQ(left, w.returns("done"))
	}
	w.VZEROUPPER()
	w.RET()
	for len(w.later) > 0 {
		f := w.later[0]
		w.later = w.later[1:]
		f()
	}
}

// rest makes the mask of what is left of each row.
func (w *prepareWriter) rest() {
	switch {
	case w.evex:
		w.MOVQ(columns, left)
		w.ANDQ(operand.Imm(uint64(w.lanes-1)), left)
		w.MOVL(operand.U32(1), tmp.As32())
		w.SHLL(reg.CL, tmp.As32())
		w.DECL(tmp.As32())
		w.KMOVW(tmp.As32(), rest512)
	case !w.p.again:
		w.MOVQ(columns, left)
		w.ANDQ(operand.Imm(uint64(w.lanes-1)), left)
		w.MOVQ(operand.U64(0x0706050403020100), tmp)
		w.VMOVQ(tmp, view(0, 4))
		w.VPMOVZXBD(view(0, 4), view(0, 8))
		w.VMOVD(left.As32(), view(1, 4))
		w.VPBROADCASTD(view(1, 4), view(1, 8))
		w.VPCMPGTD(view(0, 8), view(1, 8), view(rest256, 8))
	}
}

// advance goes on by so many elements, and move by as many as the register says.
func (w *prepareWriter) advance(n int) {
	w.ADDQ(operand.U32(n*w.p.src), src)
	w.ADDQ(operand.U32(n*w.p.dst), dst)
	if w.p.other > 0 {
		w.ADDQ(operand.U32(n*w.p.other), other)
	}
}

func (w *prepareWriter) move(by reg.GPPhysical) {
	w.LEAQ(operand.Mem{Base: src, Index: by, Scale: uint8(w.p.src)}, src)
	w.LEAQ(operand.Mem{Base: dst, Index: by, Scale: uint8(w.p.dst)}, dst)
	if w.p.other > 0 {
		w.LEAQ(operand.Mem{Base: other, Index: by, Scale: uint8(w.p.other)}, other)
	}
}

// r is a register of a vector.
func (w *prepareWriter) r(i int) reg.VecPhysical { return view(i, w.lanes) }

// bitsOf are the constants in words.
var bitsOf = map[uint32]string{
	0: "0", 1 << 31: "the sign bit", infBits: "+Inf", 0xff800000: "-Inf", 0x7fc00000: "NaN",
	0x7fc0: "NaN, in bfloat16", 0x7fff: "what rounds to bfloat16, with the next", 1: "a last bit",
}

// bits puts these bits into every lane of a register, and splat a parameter.
func (w *prepareWriter) bits(bits uint32, to int) {
	w.Commentf("%s: %s.", w.r(to).Asm(), bitsOf[bits])
	w.MOVL(operand.U32(bits), tmp.As32())
	w.VMOVD(tmp.As32(), view(0, 4))
	w.VPBROADCASTD(view(0, 4), w.r(to))
}

func (w *prepareWriter) splat(name string, to int) { w.VBROADCASTSS(w.param(name, ""), w.r(to)) }

func (w *prepareWriter) srcAt(at int) operand.Mem {
	return operand.Mem{Base: src, Disp: w.p.src * at}
}

func (w *prepareWriter) dstAt(at int) operand.Mem {
	return operand.Mem{Base: dst, Disp: w.p.dst * at}
}

func (w *prepareWriter) otherAt(at int) operand.Mem {
	return operand.Mem{Base: other, Disp: w.p.other * at}
}

// restAVX2 is the mask of what is left, as wide as a vector.
func (w *prepareWriter) restAVX2() reg.VecPhysical { return w.r(rest256) }

// load loads a vector of floats.
func (w *prepareWriter) load(m operand.Mem, to int) {
	switch {
	case w.lanes == 1:
		w.VMOVSS(m, w.r(to))
	case !w.left:
		w.VMOVUPS(m, w.r(to))
	case w.evex:
		w.VMOVUPS_Z(m, rest512, w.r(to))
	default:
		w.VMASKMOVPS(m, w.restAVX2(), w.r(to))
	}
}

// store stores it.
func (w *prepareWriter) store(from int, m operand.Mem) {
	switch {
	case w.lanes == 1:
		w.VMOVSS(w.r(from), m)
	case !w.left:
		w.VMOVUPS(w.r(from), m)
	case w.evex:
		w.VMOVUPS(w.r(from), rest512, m)
	default:
		w.VMASKMOVPS(w.r(from), w.restAVX2(), m)
	}
}

// setupMul: 4 holds mul, 5 most, 6 -most, and 7 +Inf.
func setupMul(w *prepareWriter) {
	w.bits(1<<31, 6)
	w.bits(infBits, 7)
	w.splat("mul", 4)
	w.splat("most", 5)
	if w.evex {
		w.VPORD(w.r(5), w.r(6), w.r(6))
	} else {
		w.VPOR(w.r(5), w.r(6), w.r(6))
	}
}

// saturate brings z in 0 to most and -most where elements are finite: of VMINPS and VMAXPS
// a NaN is the result only as the second operand, which is Go's first.
func saturate(w *prepareWriter) {
	w.Comment("From -most to most, if so.")
	if w.evex {
		w.VMINPS(w.r(0), w.r(5), reg.K2, w.r(0))
		w.VMAXPS(w.r(0), w.r(6), reg.K2, w.r(0))
		return
	}
	w.VMINPS(w.r(0), w.r(5), w.r(3))
	w.VMAXPS(w.r(3), w.r(6), w.r(3))
	w.VBLENDVPS(w.r(2), w.r(3), w.r(0), w.r(0))
}

func fmaVector(w *prepareWriter, at int) {
	w.load(w.srcAt(at), 0)
	w.load(w.otherAt(at), 1)
	w.Comment("Whether both are finite.")
	if w.evex { // the larger one in size is
		w.VRANGEPS(operand.U8(0b1011), w.r(1), w.r(0), w.r(2))
		w.VCMPPS(below, w.r(7), w.r(2), reg.K2)
	} else {
		w.VSUBPS(w.r(0), w.r(0), w.r(2))
		w.VSUBPS(w.r(1), w.r(1), w.r(3))
		w.VCMPPS(ordered, w.r(3), w.r(2), w.r(2))
	}
	w.Comment("x * mul + add")
	w.VFMADD213PS(w.r(1), w.r(4), w.r(0))
	saturate(w)
	w.store(0, w.dstAt(at))
}

// fmaFour does four vectors unless one has a result that is infinite and differs from what is added by an
// infinity: where a mask is added, both are -Inf, and their difference is a NaN.
func fmaFour(w *prepareWriter) {
	const greatest, least = 12, 13 // of the differences and 0
	w.Comment("x * mul + add, and the greatest and least of what the sum adds.")
	w.VXORPS(view(greatest, 8), view(greatest, 8), view(greatest, 8))
	if !w.evex {
		w.VXORPS(view(least, 8), view(least, 8), view(least, 8))
	}
	for i := range 4 {
		w.load(w.srcAt(i*w.lanes), 8+i)
		w.load(w.otherAt(i*w.lanes), 1)
		w.VFMADD213PS(w.r(1), w.r(4), w.r(8+i))
		w.VSUBPS(w.r(1), w.r(8+i), w.r(0))
		if w.evex { // of one number and a NaN, the number
			w.VRANGEPS(operand.U8(0b1011), w.r(0), w.r(greatest), w.r(greatest))
		} else { // of a NaN and something else, the second operand, which is Go's first
			w.VMAXPS(w.r(greatest), w.r(0), w.r(greatest))
			w.VMINPS(w.r(least), w.r(0), w.r(least))
		}
	}
	w.Comment("One by one if a difference is infinite.")
	if w.evex {
		w.VCMPPS(equal, w.r(7), w.r(greatest), reg.K2)
		w.KORTESTW(reg.K2, reg.K2)
	} else {
		w.VSUBPS(w.r(least), w.r(greatest), w.r(0))
		w.VCMPPS(equal, w.r(7), w.r(0), w.r(0))
		w.VTESTPS(w.r(0), w.r(0))
	}
	w.JNZ(operand.LabelRef("each"))
	for i := range 4 {
		w.store(8+i, w.dstAt(i*w.lanes))
	}
}

func mulVector(w *prepareWriter, at int) {
	w.load(w.srcAt(at), 0)
	w.Comment("Whether x is finite.")
	w.VSUBPS(w.r(0), w.r(0), w.r(2))
	to := operand.Op(w.r(2))
	if w.evex {
		to = reg.K2
	}
	w.VCMPPS(ordered, w.r(2), w.r(2), to)
	w.Comment("x * mul")
	w.VMULPS(w.r(4), w.r(0), w.r(0))
	saturate(w)
	w.store(0, w.dstAt(at))
}

// keepVector: 4 holds -Inf, and 5 zeros.
func keepVector(w *prepareWriter, at int) {
	switch {
	case w.evex && w.left:
		w.VMOVDQU8_Z(w.otherAt(at), rest512, view(1, 4))
		w.VPTESTMB(view(1, 4), view(1, 4), reg.K2)
		w.VBLENDMPS(w.srcAt(at), w.r(4), reg.K2, w.r(0))
	case w.evex:
		w.VPCMPUB(operand.U8(4), w.otherAt(at), view(5, 4), reg.K2) // not equal
		w.VBLENDMPS(w.srcAt(at), w.r(4), reg.K2, w.r(0))
	default:
		w.load(w.srcAt(at), 0)
		if w.lanes == 1 {
			w.MOVBLZX(w.otherAt(at), tmp.As32())
			w.VMOVD(tmp.As32(), w.r(1))
		} else {
			w.VPMOVZXBD(w.otherAt(at), w.r(1))
		}
		w.VPCMPEQD(w.r(5), w.r(1), w.r(1))
		w.VBLENDVPS(w.r(1), w.r(4), w.r(0), w.r(0))
	}
	w.store(0, w.dstAt(at))
}

// words loads 16-bit words by an instruction for each of three cases.
func (w *prepareWriter) words(at int, all func(...operand.Op), masked func(m, k, to operand.Op)) {
	switch {
	case w.lanes == 1:
		w.MOVWLZX(w.srcAt(at), tmp.As32())
		w.VMOVD(tmp.As32(), w.r(0))
	case w.left:
		masked(w.srcAt(at), rest512, w.r(0))
	default:
		all(w.srcAt(at), w.r(0))
	}
}

func widenF16Vector(w *prepareWriter, at int) {
	w.words(at, w.VCVTPH2PS, w.VCVTPH2PS_Z)
	if w.lanes == 1 {
		w.VCVTPH2PS(w.r(0), w.r(0))
	}
	w.store(0, w.dstAt(at))
}

func widenBF16Vector(w *prepareWriter, at int) {
	w.words(at, w.VPMOVZXWD, w.VPMOVZXWD_Z)
	w.VPSLLD(operand.U8(16), w.r(0), w.r(0))
	w.store(0, w.dstAt(at))
}

// narrowF16Vector: 4 holds NaN.
func narrowF16Vector(w *prepareWriter, at int) {
	w.load(w.srcAt(at), 0)
	if w.evex {
		w.VCMPPS(isNaN, w.r(0), w.r(0), reg.K2)
		w.VMOVAPS(w.r(4), reg.K2, w.r(0))
	} else {
		w.VCMPPS(isNaN, w.r(0), w.r(0), w.r(1))
		w.VBLENDVPS(w.r(1), w.r(4), w.r(0), w.r(0))
	}
	w.Comment("Rounded, to even.")
	switch {
	case w.lanes == 1:
		w.VCVTPS2PH(toNearest, w.r(0), w.r(0))
		w.VPEXTRW(operand.Imm(0), w.r(0), w.dstAt(at))
	case w.left:
		w.VCVTPS2PH(toNearest, w.r(0), rest512, w.dstAt(at))
	default:
		w.VCVTPS2PH(toNearest, w.r(0), w.dstAt(at))
	}
}

// narrowBF16Vector: 4 holds NaN's word, 5 half of the last bit that stays, less a bit, which
// is in 6 and added if that bit is 1. A carry goes on to the exponent, where it belongs.
func narrowBF16Vector(w *prepareWriter, at int) {
	w.load(w.srcAt(at), 0)
	w.Comment("The upper half, after half of its last bit is added, to even; and NaN.")
	w.VPSRLD(operand.U8(16), w.r(0), w.r(2))
	w.VPADDD(w.r(5), w.r(0), w.r(3))
	if w.evex {
		w.VCMPPS(isNaN, w.r(0), w.r(0), reg.K2)
		w.VPANDD(w.r(6), w.r(2), w.r(2))
	} else {
		w.VCMPPS(isNaN, w.r(0), w.r(0), w.r(1))
		w.VPAND(w.r(6), w.r(2), w.r(2))
	}
	w.VPADDD(w.r(3), w.r(2), w.r(0))
	w.VPSRLD(operand.U8(16), w.r(0), w.r(0))
	if w.evex {
		w.VMOVAPS(w.r(4), reg.K2, w.r(0))
		if w.left {
			w.VPMOVDW(w.r(0), rest512, w.dstAt(at))
		} else {
			w.VPMOVDW(w.r(0), w.dstAt(at))
		}
		return
	}
	w.VBLENDVPS(w.r(1), w.r(4), w.r(0), w.r(0))
	if w.lanes == 1 {
		w.VPEXTRW(operand.Imm(0), w.r(0), w.dstAt(at))
		return
	}
	w.VPACKUSDW(w.r(0), w.r(0), w.r(0))
	w.VPERMQ(operand.U8(0b00_00_10_00), w.r(0), w.r(0)) // from both halves of the register
	w.VMOVUPS(view(0, 4), w.dstAt(at))
}

// wordIndices puts into 7 the indices of the upper words of the lanes of two vectors.
func (w *prepareWriter) wordIndices() {
	if !w.evex {
		return
	}
	m := w.StaticGlobal("upperWords")
	w.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range uint32(2 * library.Lanes) {
		w.AppendDatum(operand.U16(2*i + 1))
	}
	w.VMOVUPS(m, w.r(7))
}

// narrowBF16Four is for vectors without a NaN.
func narrowBF16Four(w *prepareWriter) {
	for i := range 4 {
		w.load(w.srcAt(i*w.lanes), 8+i)
	}
	w.Comment("One by one if there is a NaN.")
	if w.evex {
		w.VCMPPS(isNaN, w.r(8), w.r(9), reg.K2)
		w.VCMPPS(isNaN, w.r(10), w.r(11), reg.K3)
		w.KORTESTW(reg.K2, reg.K3)
	} else {
		w.VCMPPS(isNaN, w.r(8), w.r(9), w.r(0))
		w.VCMPPS(isNaN, w.r(10), w.r(11), w.r(1))
		w.VPOR(w.r(0), w.r(1), w.r(0))
		w.VPTEST(w.r(0), w.r(0))
	}
	w.JNZ(operand.LabelRef("each"))
	for i := range 4 {
		x := w.r(8 + i)
		w.Comment("The upper half, after half of its last bit is added, to even.")
		w.VPSRLD(operand.U8(16), x, w.r(i))
		w.VPADDD(w.r(5), x, x)
		if w.evex {
			w.VPANDD(w.r(6), w.r(i), w.r(i))
		} else {
			w.VPAND(w.r(6), w.r(i), w.r(i))
		}
		w.VPADDD(w.r(i), x, x)
		if !w.evex {
			w.VPSRLD(operand.U8(16), x, x)
		}
		if i%2 == 0 {
			continue
		}
		before := w.r(8 + i - 1)
		if w.evex {
			w.VPERMT2W(x, w.r(7), before)
		} else {
			w.VPACKUSDW(x, before, before)
			w.VPERMQ(operand.U8(0b11_01_10_00), before, before) // quarters of both by turns
		}
		w.VMOVUPS(before, w.dstAt((i-1)*w.lanes))
	}
}

// touch writes the kernel that asks for rows of words, which somebody is to write.
func (w *prepareWriter) touch() {
	w.Function("touchRows")
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(dst []uint16, rows, cols, stride int)")
	w.Comment("touchRows asks for the lines of the cache that rows lie in.")
	w.MOVQ(w.param("dst", "base"), dst)
	w.MOVQ(w.param("rows", ""), tmp2)
	w.MOVQ(w.param("cols", ""), columns)
	w.MOVQ(w.param("stride", ""), dstStride)
	w.SHLQ(operand.Imm(1), columns)
	w.SHLQ(operand.Imm(1), dstStride)
	w.Label("row")
	w.LEAQ(operand.Mem{Base: dst, Index: columns, Scale: 1}, left)
	w.MOVQ(dst, src)
	w.Label("line")
	w.PREFETCHT0(operand.Mem{Base: src})
	w.ADDQ(operand.Imm(64), src)
	w.CMPQ(src, left)
	w.JCS(operand.LabelRef("line"))
	w.ADDQ(dstStride, dst)
	w.DECQ(tmp2)
	w.JNZ(operand.LabelRef("row"))
	w.RET()
}
