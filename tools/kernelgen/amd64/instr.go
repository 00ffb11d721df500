package amd64

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/ukernel"
)

// Go's assembler reads the operands of an instruction in the reverse of Intel's
// order: sources last to first, then the destination.

// lanewise is the instructions for an operation of two arguments, the second of
// which may be in memory.
type lanewise struct {
	sse, sseFirst            func(b, ab operand.Op)
	vex, vexFirst, broadcast func(...operand.Op)
}

func (w *writer) lanewise(o ir.Op) lanewise {
	switch o {
	case ir.Add:
		return lanewise{w.ADDPS, w.ADDSS, w.VADDPS, w.VADDSS, w.VADDPS_BCST}
	case ir.Sub:
		return lanewise{w.SUBPS, w.SUBSS, w.VSUBPS, w.VSUBSS, w.VSUBPS_BCST}
	case ir.Mul:
		return lanewise{w.MULPS, w.MULSS, w.VMULPS, w.VMULSS, w.VMULPS_BCST}
	case ir.Min:
		return lanewise{vex: w.VMINPS, vexFirst: w.VMINSS, broadcast: w.VMINPS_BCST}
	case ir.Max: // of a NaN or of two zeros the second
		return lanewise{w.MAXPS, w.MAXSS, w.VMAXPS, w.VMAXSS, w.VMAXPS_BCST}
	case ir.Scalef:
		return lanewise{nil, nil, w.VSCALEFPS, nil, w.VSCALEFPS_BCST}
	}
	panic(fmt.Sprintf("amd64: no instruction for %v", o))
}

// notLess is the predicate NLT_US: not less, or unordered.
var notLess = operand.Imm(5)

// toNearest is how VCVTPS2PH rounds, to even of two, whatever MXCSR says.
var toNearest = operand.Imm(0)

func (w *writer) instr(in ir.Instr) {
	if in.Note != "" && in.Op == in.Value.Op {
		w.Comment(in.Note)
	}
	if w.libraryInstr(in) {
		return
	}
	lanes := in.Lanes
	// from is a source in a register.
	from := func(i int) reg.VecPhysical { return w.reg(in.Src[i], lanes) }
	var to operand.Op
	if in.Op != ir.Store && in.Op != ir.Stream && in.Op != ir.StoreTail && in.Op != ir.StoreFirst && in.Op != ir.Return && in.Op != ir.Guard && in.Op != ir.Prefetch &&
		in.Op != ir.StoreHalf && in.Op != ir.ReturnHalf {
		to, _ = w.op(in.Dst, lanes)
	}
	switch in.Op {
	case ir.Move:
		w.move(in)
	case ir.Spill:
		w.storeVector(w.reg(in.Src[0], w.lanes), to)
	case ir.Add, ir.Sub, ir.Mul, ir.Max, ir.Min, ir.Scalef:
		w.binary(in, to)
	case ir.FMA:
		w.fma(in, to)
	case ir.Guard:
		w.VUCOMISS(from(1), from(0))
		w.JCS(operand.LabelRef(in.Name))
	case ir.AddFirst, ir.MaxFirst:
		w.first(in, to)
	case ir.Round:
		x, _ := w.op(in.Src[0], lanes)
		if w.evex {
			w.VRNDSCALEPS(operand.Imm(0), x, to)
		} else {
			w.VROUNDPS(operand.Imm(8), x, to) // to nearest, and no exception for it
		}
	case ir.And:
		if w.k.ISA == ukernel.AVX512F { // VANDPS would need AVX-512DQ
			w.VPANDD(from(1), from(0), to)
		} else {
			w.VANDPS(from(1), from(0), to)
		}
	case ir.AddInt:
		w.VPADDD(from(0), from(1), to)
	case ir.ShiftLeft:
		if w.vex && !w.evex && in.Index == 16 {
			w.VPSHUFB(w.upperHalves(), from(0), to)
		} else if w.vex {
			w.VPSLLD(operand.U8(in.Index), from(0), to)
		} else {
			w.PSLLL(operand.U8(in.Index), to)
		}
	case ir.NotLess:
		bound, broadcast := w.op(in.Src[1], lanes)
		switch {
		case broadcast:
			w.VCMPPS_BCST(notLess, bound, from(0), to)
		case w.vex:
			w.VCMPPS(notLess, bound, from(0), to)
		default:
			w.CMPPS(bound, to, notLess)
		}
	case ir.Keep:
		switch {
		case w.evex:
			w.VMOVAPS_Z(from(1), w.mask(in, 0), to)
		case in.Args[0].Op == ir.KeptInt:
			w.VPSIGND(from(0), from(1), to)
		case w.vex:
			w.VANDPS(from(1), from(0), to)
		default:
			w.ANDPS(from(1-in.Tied), to)
		}
	case ir.Select:
		if w.evex {
			w.VBLENDMPS(from(1), from(2), w.mask(in, 0), to)
		} else {
			w.VBLENDVPS(from(0), from(1), from(2), to)
		}
	case ir.FirstHalf:
		if w.vex {
			w.VMOVQ(from(0), to)
		} else {
			w.MOVQ(from(0), to)
		}
	case ir.UpperHalf:
		w.MOVHLPS(to, to)
	case ir.Swap:
		switch {
		case in.Index == 8:
			w.VSHUFF32X4(operand.Imm(0b01_00_11_10), from(0), from(0), to)
		case in.Index == 4 && w.lanes == 16:
			w.VSHUFF32X4(operand.Imm(0b10_11_00_01), from(0), from(0), to)
		case in.Index == 4:
			w.VPERM2F128(operand.Imm(1), from(0), from(0), to)
		case in.Index == 2:
			w.VSHUFPS(operand.Imm(0b01_00_11_10), from(0), from(0), to)
		case in.Index == 1:
			w.VSHUFPS(operand.Imm(0b10_11_00_01), from(0), from(0), to)
		}
	case ir.Splat:
		w.splatRegister(w.reg(in.Src[0], 1), in.Dst)
	case ir.High:
		w.high(in, to)
	case ir.LoadSplat:
		from := operand.Mem{Base: src}
		if in.Name != "" {
			from = w.fields[in.Name]
		}
		w.splat(from, to)
	case ir.TailMask:
		w.tailMask(to)
	case ir.LoadTail:
		switch {
		case w.evex:
			w.VMOVUPS_Z(operand.Mem{Base: src, Disp: 4 * in.Index}, w.mask(in, 0), to)
		case w.vex:
			w.VMASKMOVPS(operand.Mem{Base: src, Disp: 4 * in.Index}, from(0), to)
		default:
			w.loadUpToThree(to)
		}
	case ir.LoadF16:
		w.loadF16(in, to)
	case ir.PackF16:
		w.VCVTPS2PH(toNearest, from(0), view(in.Dst.Index, lanes/2))
	case ir.StoreHalf:
		words := operand.Mem{Base: dst, Disp: 2 * in.Index}
		switch lanes {
		case 1:
			w.VPEXTRW(operand.Imm(0), from(0), words)
		case 2:
			w.VMOVD(from(0), words)
		case 4:
			w.VMOVQ(from(0), words)
		default:
			w.VMOVUPS(w.reg(in.Src[0], lanes/2), words)
		}
	case ir.ParamHalf, ir.ReturnHalf, ir.Join:
		w.half(in)
	case ir.Store:
		w.storeVector(from(0), operand.Mem{Base: dst, Disp: 4 * in.Index})
	case ir.Stream:
		w.streams = true
		w.VMOVNTPS(from(0), operand.Mem{Base: dst, Disp: 4 * in.Index})
	case ir.StoreTail:
		if !w.evex && in.Args[0].Op == ir.LeftMask {
			w.storeLeft(in)
		} else if w.evex {
			w.VMOVUPS(from(1), w.mask(in, 0), operand.Mem{Base: dst, Disp: 4 * in.Index})
		} else {
			w.VMASKMOVPS(from(1), from(0), operand.Mem{Base: dst, Disp: 4 * in.Index})
		}
	case ir.StoreFirst:
		if w.vex {
			w.VMOVSS(w.reg(in.Src[0], 1), operand.Mem{Base: dst})
		} else if in.Index == 2 {
			w.MOVLPS(from(0), operand.Mem{Base: dst})
		} else {
			w.MOVSS(from(0), operand.Mem{Base: dst})
		}
	case ir.Prefetch:
		w.PREFETCHT0(operand.Mem{Base: src, Disp: 4 * in.Index})
	case ir.Return:
		if w.vex {
			w.VMOVSS(from(0), w.result(in.Name))
		} else {
			w.MOVSS(from(0), w.result(in.Name))
		}
	default:
		panic(fmt.Sprintf("amd64: no instruction for %v", in.Op))
	}
}

// mask is the register of a mask. What is left of a row of the library's kernels has one
// of its own.
func (w *writer) mask(in ir.Instr, arg int) reg.Register {
	if in.Args[arg].Op == ir.LeftMask && in.Args[arg].Index == w.full {
		return leftMask
	}
	return kmask[in.Src[arg].Index]
}

// move loads a register, or copies one.
func (w *writer) move(in ir.Instr) {
	to := w.reg(in.Dst, w.lanes)
	from, broadcast := w.op(in.Src[0], w.lanes)
	v := in.Src[0].Value
	switch {
	case v != nil && v.Op == ir.Const && v.Bits == 0:
		w.zero(in.Dst)
	case v != nil && v.Op == ir.Table && w.evex:
		w.VBROADCASTF64X4(from, to)
	case v != nil && v.Op == ir.Double:
		w.VMOVSD(from, view(in.Dst.Index, 4))
	case broadcast:
		w.splat(from, to)
	case in.Src[0].Kind == ir.Reg && w.vex:
		w.VMOVAPS(from, to)
	case in.Src[0].Kind == ir.Reg || v != nil && v.Op == ir.Const && !w.vex:
		w.MOVAPS(from, to)
	case w.vex:
		w.VMOVUPS(from, to)
	default:
		w.MOVUPS(from, to)
	}
}

// zero clears a register. VXORPS of the lower part clears all of it; that of 512
// bits would need AVX-512DQ.
func (w *writer) zero(o ir.Operand) {
	switch {
	case !w.vex:
		w.XORPS(view(o.Index, 4), view(o.Index, 4))
	case o.Index < 16:
		w.VXORPS(view(o.Index, 4), view(o.Index, 4), view(o.Index, 4))
	default:
		w.VPXORD(view(o.Index, w.lanes), view(o.Index, w.lanes), view(o.Index, w.lanes))
	}
}

// splat loads one float into every lane.
func (w *writer) splat(from, to operand.Op) {
	if w.vex {
		w.VBROADCASTSS(from, to)
		return
	}
	w.MOVSS(from, to)
	w.SHUFPS(operand.Imm(0), to, to)
}

func (w *writer) storeVector(from, to operand.Op) {
	if w.vex {
		w.VMOVUPS(from, to)
	} else {
		w.MOVUPS(from, to)
	}
}

// binary writes an operation of two arguments.
func (w *writer) binary(in ir.Instr, to operand.Op) {
	f := w.lanewise(in.Op)
	a, aBroadcast := w.op(in.Src[0], in.Lanes)
	b, broadcast := w.op(in.Src[1], in.Lanes)
	// The second may be in memory; of a sum and a product the first as well.
	if in.Src[0].Kind == ir.Slot || in.Src[0].Kind == ir.Memory || in.Tied == 1 {
		a, b, broadcast = b, a, aBroadcast
	}
	switch {
	case !w.vex && in.Lanes == 1:
		f.sseFirst(b, to)
	case !w.vex:
		f.sse(b, to)
	case in.Lanes == 1:
		f.vexFirst(b, a, to)
	case broadcast:
		f.broadcast(b, a, to)
	default:
		f.vex(b, a, to)
	}
}

// fma writes a*b + c over that of the three which is tied. The digits of the
// instruction say which operands are multiplied and which one is added, counted
// from the destination.
func (w *writer) fma(in ir.Instr, to operand.Op) {
	a, b, c := in.Src[0], in.Src[1], in.Src[2]
	inMemory := func(o ir.Operand) bool { return o.Kind == ir.Slot || o.Kind == ir.Memory }
	if in.Tied == 1 || in.Tied == 2 && inMemory(a) {
		a, b = b, a
	}
	type form struct {
		plain, broadcast   func(...operand.Op)
		masked, broadcastZ func(x, y, k, to operand.Op)
	}
	var second, third ir.Operand
	var f form
	switch {
	case in.Tied == 2:
		second, third = a, b
		f = form{w.VFMADD231PS, w.VFMADD231PS_BCST, w.VFMADD231PS_Z, w.VFMADD231PS_BCST_Z}
	case inMemory(b):
		second, third = c, b
		f = form{w.VFMADD132PS, w.VFMADD132PS_BCST, w.VFMADD132PS_Z, w.VFMADD132PS_BCST_Z}
	default:
		second, third = b, c
		f = form{w.VFMADD213PS, w.VFMADD213PS_BCST, w.VFMADD213PS_Z, w.VFMADD213PS_BCST_Z}
	}
	x, broadcast := w.op(third, in.Lanes)
	y, _ := w.op(second, in.Lanes)
	masked := len(in.Src) == 4
	switch {
	case masked && broadcast:
		f.broadcastZ(x, y, w.mask(in, 3), to)
	case masked:
		f.masked(x, y, w.mask(in, 3), to)
	case broadcast:
		f.broadcast(x, y, to)
	default:
		f.plain(x, y, to)
	}
}

// high writes the upper half of a vector.
func (w *writer) high(in ir.Instr, to operand.Op) {
	from := w.reg(in.Src[0], 2*in.Lanes)
	switch {
	case in.Lanes == 8:
		w.VEXTRACTF64X4(operand.Imm(1), from, to)
	case in.Lanes == 4 && max(in.Src[0].Index, in.Dst.Index) >= 16:
		w.VEXTRACTF32X4(operand.Imm(1), from, to)
	case in.Lanes == 4:
		w.VEXTRACTF128(operand.Imm(1), from, to)
	case in.Lanes == 2 && w.vex:
		w.VMOVHLPS(from, from, to)
	case in.Lanes == 2:
		w.MOVHLPS(from, to)
	case w.vex:
		w.VMOVSHDUP(from, to)
	default:
		w.SHUFPS(operand.Imm(0b01_01_01_01), to, to)
	}
}

// tailMask makes the mask of the elements left.
func (w *writer) tailMask(to operand.Op) {
	if w.evex {
		// 2^left - 1
		w.MOVL(operand.U32(1), tmp.As32())
		w.SHLL(reg.CL, tmp.As32())
		w.DECL(tmp.As32())
		w.KMOVW(tmp.As32(), to)
		return
	}
	w.LEAQ(w.tailMasks(), tmp)
	w.MOVQ(left, tmp2)
	w.SHLQ(operand.Imm(2), tmp2)
	w.SUBQ(tmp2, tmp)
	w.VMOVUPS(operand.Mem{Base: tmp}, to)
}

// loadUpToThree loads what is left of a vector of four without touching what
// lies behind it.
func (w *writer) loadUpToThree(to operand.Op) {
	one, two, done := w.label(), w.label(), w.label()
	w.XORPS(to, to)
	w.CMPQ(left, operand.Imm(2))
	w.JLT(operand.LabelRef(one))
	w.JEQ(operand.LabelRef(two))
	w.MOVSS(operand.Mem{Base: src, Disp: 8}, to)
	w.MOVLHPS(to, to) // the third element to lane 2, and to lane 0 for now
	w.Label(two)
	w.MOVLPS(operand.Mem{Base: src}, to)
	w.JMP(operand.LabelRef(done))
	w.Label(one)
	w.MOVSS(operand.Mem{Base: src}, to)
	w.Label(done)
}

// loadF16 loads binary16 numbers: a vector of them, those of a mask, two or one.
func (w *writer) loadF16(in ir.Instr, to operand.Op) {
	words := operand.Mem{Base: src, Disp: 2 * in.Index}
	switch {
	case in.Lanes == 1:
		w.MOVWLZX(words, tmp.As32())
		w.VMOVD(tmp.As32(), to)
		w.VCVTPH2PS(to, to)
	case in.Lanes == 2 && w.lanes > 2:
		w.VMOVD(words, to)
		w.VCVTPH2PS(to, to)
	case len(in.Src) == 0:
		w.VCVTPH2PS(words, to)
	default:
		w.VCVTPH2PS_Z(words, w.mask(in, 0), to)
	}
}
