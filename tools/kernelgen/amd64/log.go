package amd64

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
)

// The logarithm of a sum: x = log(total * 2^N), and then x - log(K) rounded to float32, as all exponentials have a
// factor K.

// logPolynomial is (log(1+r) - r) / r^2 for -0.0084 < r < 2^-6, to 2^-45 when multiplied by r^2.
var logPolynomial = [...]float64{-0x1.000000020ae16p-1, 0x1.555564818347dp-2, -0x1.0000a4f64a328p-2, 0x1.92f36837eea83p-3}

// doubt and logK are those of package arith.
const (
	doubt = 0x1p-41
	logK  = 0x1.58634f11c578ap-4
)

// The constants of float64 that these take. Those of packed instructions have two elements.
var logConstants = []struct {
	name  string
	words []float64
}{
	{"ln2D", []float64{math.Ln2}},
	{"minusOneD", []float64{-1}},
	{"logPolynomial", logPolynomial[:]},
	{"logDoubt", []float64{-logK - doubt, -logK + doubt}},
	{"mantissa", []float64{math.Float64frombits(1<<52 - 1), 0}},
	{"oneD", []float64{1, 0}},
	{"exponent", []float64{0x1p52, 0}},
	{"exponentBias", []float64{0x1p52 + 1023}},
}

func (w *writer) logConstant(name string) operand.Mem {
	for i, c := range logConstants {
		if c.name == name {
			var words []uint32
			for _, x := range c.words {
				b := math.Float64bits(x)
				words = append(words, uint32(b), uint32(b>>32))
			}
			return w.data(math.MaxUint32-20-uint32(i), name, words)
		}
	}
	panic("amd64: no constant " + name)
}

// logScratch is one of the last registers, of [ir.Block.Scratch].
func (w *writer) logScratch(i int) reg.VecPhysical { return view(w.Registers()-1-i, 4) }

// logTotal writes [ir.LogTotal], by the table of package arith.
func (w *writer) logTotal(in ir.Instr) {
	total, minusN, y := w.reg(in.Src[0], 4), w.reg(in.Src[1], 4), w.reg(in.Dst, 4)
	r, x, p := w.logScratch(0), w.logScratch(1), w.logScratch(2)
	at, table := tmp, factor
	w.Comment("total * 2^N")
	w.VPSLLQ(operand.Imm(52), minusN, r)
	w.VPSUBQ(r, total, r)
	w.Comment("k, and r = m*c - 1, for m * 2^k and c near 1/m")
	w.VMOVQ(r, at)
	w.SHRQ(operand.Imm(42), at)
	w.ANDL(operand.U32(63<<4), at.As32())
	w.LEAQ(operand.Mem{Symbol: operand.Symbol{Name: "·logTable"}, Base: reg.StaticBase}, table)
	if w.evex {
		w.VGETEXPSD(r, r, y)
		w.VGETMANTSD(operand.Imm(0), r, r, r)
	} else {
		w.VPSRLQ(operand.Imm(52), r, y)
		w.VPOR(w.logConstant("exponent"), y, y)
		w.VSUBSD(w.logConstant("exponentBias"), y, y)
		w.VPAND(w.logConstant("mantissa"), r, r)
		w.VPOR(w.logConstant("oneD"), r, r)
	}
	c := operand.Mem{Base: table, Index: at, Scale: 1}
	w.VMOVSD(w.logConstant("minusOneD"), x)
	w.VFMADD132SD(c, x, r)
	w.Comment("k*ln2 - log(c) + r + r^2 * p(r)")
	w.VMOVSD(c.Offset(8), x)
	w.VFMADD132SD(w.logConstant("ln2D"), x, y)
	w.VADDSD(r, y, y)
	p0 := w.logConstant("logPolynomial")
	w.VMOVSD(p0.Offset(24), p)
	for i := 2; i >= 0; i-- {
		w.VFMADD213SD(p0.Offset(8*i), r, p)
	}
	w.VMULSD(r, r, r)
	w.VFMADD231SD(p, r, y)
}

// certain rounds x - log(K) to float32, in y and, as bits, in tmp. It leaves for the label if a number within doubt of that
// rounds to another float32.
func (w *writer) certain(x, y reg.VecPhysical, label string) {
	other := factor
	w.Comment("Leave if the last bit is not certain.")
	w.VMOVDDUP(x, y)
	w.VADDPD(w.logConstant("logDoubt"), y, y)
	w.VCVTPD2PSX(y, y)
	w.VMOVQ(y, tmp)
	w.MOVQ(tmp, other)
	w.SHRQ(operand.Imm(32), other)
	w.CMPL(other.As32(), tmp.As32())
	w.JNE(operand.LabelRef(label))
}

// logInstr writes the operations of logarithms, and reports whether this is one.
func (w *writer) logInstr(in ir.Instr) bool {
	switch in.Op {
	case ir.LogTotal:
		w.logTotal(in)
	case ir.Certain:
		w.certain(w.reg(in.Src[0], 4), w.reg(in.Dst, 4), in.Name)
	case ir.LogAlone:
		soft := w.label()
		w.TESTQ(dst, dst)
		w.JNZ(operand.LabelRef(soft))
		w.certain(w.reg(in.Src[0], 4), w.logScratch(0), in.Name)
		w.MOVL(tmp.As32(), w.result("y"))
		w.MOVB(operand.Imm(1), w.result("how"))
		w.VZEROUPPER()
		w.RET()
		w.Label(soft)
	default:
		return false
	}
	return true
}
