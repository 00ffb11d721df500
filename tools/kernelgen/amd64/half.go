package amd64

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/ukernel"
)

// half writes the operations of kernels of binary16 numbers alone.
func (w *writer) half(in ir.Instr) {
	switch in.Op {
	case ir.ParamHalf:
		x := view(in.Dst.Index, 1)
		w.MOVWLZX(w.param(in.Name, ""), tmp.As32())
		w.VMOVD(tmp.As32(), x)
		w.VCVTPH2PS(x, x)
		w.splatRegister(x, in.Dst)
	case ir.ReturnHalf:
		w.VPEXTRW(operand.Imm(0), w.reg(in.Src[0], 1), w.result(in.Name))
	case ir.Join: // the upper half of the one, the lower of the other
		w.VMOVSD(w.reg(in.Src[0], 4), w.reg(in.Src[1], 4), w.reg(in.Dst, 4))
	}
}

// splatRegister puts the lowest lane of a register into every lane of another.
func (w *writer) splatRegister(from reg.VecPhysical, to ir.Operand) {
	if w.k.ISA != ukernel.F16C { // which has no AVX2
		w.VBROADCASTSS(from, w.reg(to, w.lanes))
		return
	}
	x, y := view(to.Index, 4), view(to.Index, 8)
	w.VSHUFPS(operand.Imm(0), from, from, x)
	w.VINSERTF128(operand.Imm(1), x, y, y)
}

// first writes an operation on lane 0 that leaves the others as the first argument has
// them.
func (w *writer) first(in ir.Instr, to operand.Op) {
	x, y := w.reg(in.Src[0], 1), w.reg(in.Src[1], 1)
	switch {
	case w.vex && in.Op == ir.AddFirst:
		w.VADDSS(y, x, view(in.Dst.Index, 1))
	case w.vex:
		w.VMAXSS(y, x, view(in.Dst.Index, 1))
	case in.Op == ir.AddFirst:
		w.ADDSS(y, to)
	default:
		w.MAXSS(y, to)
	}
}

// u8rmax writes the kernel that finds the largest byte. Rows of 16 and more end with a
// vector that may overlap the one before.
func (w *writer) u8rmax() {
	x, y := reg.X0, reg.X1
	w.Function(w.k.Name)
	w.Attributes(attr.NOSPLIT)
	w.SignatureExpr("func(src []uint8) (max uint8)")
	w.Commentf("Twin of xnn_%s.", w.k.Name)
	w.MOVQ(w.param("src", "base"), src)
	w.MOVQ(w.param("src", "len"), left)
	w.PXOR(x, x)
	w.SUBQ(operand.Imm(16), left)
	w.JLT(operand.LabelRef("few"))
	w.Label("loop")
	w.MOVOU(operand.Mem{Base: src}, y)
	w.PMAXUB(y, x)
	w.ADDQ(operand.Imm(16), src)
	w.SUBQ(operand.Imm(16), left)
	w.JGE(operand.LabelRef("loop"))
	w.Comment("The last 16, if there are fewer left; left is 16 less than those.")
	w.CMPQ(left, operand.I8(-16))
	w.JEQ(operand.LabelRef("lanes"))
	w.MOVOU(operand.Mem{Base: src, Index: left, Scale: 1}, y)
	w.PMAXUB(y, x)
	w.Label("lanes")
	for _, shift := range []uint64{8, 4, 2, 1} {
		w.MOVO(x, y)
		w.PSRLO(operand.Imm(shift), y)
		w.PMAXUB(y, x)
	}
	w.MOVQ(x, tmp)
	w.MOVB(tmp.As8(), w.result("max"))
	w.RET()
	w.Label("few")
	w.ADDQ(operand.Imm(16), left)
	w.XORL(tmp.As32(), tmp.As32())
	w.Label("next")
	w.MOVBLZX(operand.Mem{Base: src}, tmp2.As32())
	w.CMPL(tmp2.As32(), tmp.As32())
	w.CMOVLHI(tmp2.As32(), tmp.As32())
	w.INCQ(src)
	w.DECQ(left)
	w.JNZ(operand.LabelRef("next"))
	w.MOVB(tmp.As8(), w.result("max"))
	w.RET()
}
