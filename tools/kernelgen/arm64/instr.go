package arm64

import (
	"fmt"

	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/ukernel"
)

// Go's assembler reads the operands of an instruction in the reverse of Arm's
// order: the sources, last to first, then the destination. The words are in
// Arm's own.

// word writes an instruction that Go's assembler lacks.
func (w *writer) word(name string, regs ...int) {
	if half := name + ".8h"; w.k.Family.Half() && encodings[half].bits != 0 {
		name = half
	}
	w.emit("%s", Word(name, regs...))
}

// shape is that of a vector, as Go's assembler has it.
func (w *writer) shape() string {
	if w.k.Family.Half() {
		return "H8"
	}
	return "S4"
}

// max is the instruction for the larger of two: upstream's rmax hands a NaN on. The
// two-pass kernels prefer a number, which no exponent but that of a NaN is without.
func (w *writer) max() string {
	if w.k.Family == ukernel.RAddExtExp || w.k.Family == ukernel.VScaleExtExp {
		return "fmaxnm"
	}
	return "fmax"
}

func (w *writer) instr(in ir.Instr) {
	// r is a source's register.
	r := func(i int) int { return in.Src[i].Index }
	d := in.Dst.Index
	switch in.Op {
	case ir.Move:
		w.move(in)
	case ir.Add:
		w.word("fadd", d, r(0), r(1))
	case ir.Sub:
		w.word("fsub", d, r(0), r(1))
	case ir.Mul:
		w.word("fmul", d, r(0), r(1))
	case ir.FMA:
		if w.k.Family.Half() {
			w.word("fmla", d, r(0), r(1))
		} else {
			w.emit("VFMLA V%d.S4, V%d.S4, V%d.S4", r(1), r(0), d)
		}
	case ir.Max:
		w.word(w.max(), d, r(0), r(1))
	case ir.Round:
		w.word("frintn", d, r(0))
	case ir.ShiftLeft:
		w.emit("VSHL $%d, V%d.%s, V%d.%s", in.Index, r(0), w.shape(), d, w.shape())
	case ir.And:
		w.emit("VAND V%d.B16, V%d.B16, V%d.B16", r(1), r(0), d)
	case ir.AddInt:
		w.emit("VADD V%d.S4, V%d.S4, V%d.S4", r(1), r(0), d)
	case ir.Exp2K64:
		w.exp2k64(r(0), d)
	case ir.NotLess:
		// There is no comparison that is true for a NaN, so the register has the
		// opposite: b > a. See Keep.
		w.word("fcmgt", d, r(1), r(0))
	case ir.Keep:
		if in.Args[0].Op == ir.NotLess {
			w.word("bic", d, r(1), r(0))
		} else {
			w.emit("VAND V%d.B16, V%d.B16, V%d.B16", r(1), r(0), d)
		}
	case ir.Select:
		if in.Args[0].Op == ir.NotLess {
			panic("arm64: a choice by comparison is not written")
		}
		switch in.Tied {
		case 0:
			w.emit("VBSL V%d.B16, V%d.B16, V%d.B16", r(2), r(1), d)
		case 1:
			w.emit("VBIF V%d.B16, V%d.B16, V%d.B16", r(0), r(2), d)
		case 2:
			w.emit("VBIT V%d.B16, V%d.B16, V%d.B16", r(0), r(1), d)
		}
	case ir.UpperHalf, ir.High:
		if in.Lanes == 1 { // of two
			w.emit("VDUP V%d.S[1], V%d.S4", r(0), d)
		} else {
			w.emit("VDUP V%d.D[1], V%d.D2", r(0), d)
		}
	case ir.AddPairs:
		w.word("faddp", d, r(0), r(0))
	case ir.MaxPairs:
		w.word(w.max()+"p", d, r(0), r(0))
	case ir.Swap:
		switch in.Index {
		case 2:
			w.emit("VEXT $8, V%d.B16, V%d.B16, V%d.B16", r(0), r(0), d)
		case 1:
			w.emit("VREV64 V%d.S4, V%d.S4", r(0), d)
		}
	case ir.Splat:
		w.emit("VDUP V%d.S[0], V%d.S4", r(0), d)
	case ir.LoadSplat:
		w.emit("VLD1R (%s), [V%d.%s]", src, d, w.shape())
	case ir.TailMask:
		w.mask = true
		w.emit("MOVD $tailmask<>+16(SB), %s", tmp)
		w.emit("SUB %s<<2, %s, %s", left, tmp, tmp)
		w.emit("FMOVQ (%s), F%d", tmp, d)
	case ir.LoadTail:
		w.tail(w.loadPart(in.Index, d))
	case ir.StoreTail:
		w.tail(w.storePart(in.Index, r(len(in.Src)-1)))
	case ir.Store:
		w.emit("FMOVQ F%d, %d(%s)", r(0), w.size()*in.Index, dst)
	case ir.StoreFirst:
		if in.Index == 2 {
			w.emit("FMOVD F%d, (%s)", r(0), dst)
		} else {
			w.emit("FMOVS F%d, (%s)", r(0), dst)
		}
	case ir.ParamHalf, ir.ReturnHalf, ir.ShiftLanes, ir.LoadHalf, ir.StoreHalf:
		w.half(in)
	case ir.Return:
		w.emit("FMOVS F%d, %s", r(0), w.param(in.Name, "result"))
	default:
		panic(fmt.Sprintf("arm64: no instruction for %v", in.Op))
	}
}

// move loads a register, or copies one.
func (w *writer) move(in ir.Instr) {
	d, from := in.Dst.Index, in.Src[0]
	if from.Kind == ir.Reg {
		w.emit("VORR V%d.B16, V%d.B16, V%d.B16", from.Index, from.Index, d)
		return
	}
	switch v := from.Value; {
	case v.Op == ir.Const && v.Bits == 0:
		w.emit("VEOR V%d.B16, V%d.B16, V%d.B16", d, d, d)
	case v.Op == ir.Const:
		w.loadConstant(v.Bits, d)
	case v.Op == ir.Param:
		w.emit("FMOVS %s, F%d", w.param(v.Name, ""), d)
		w.emit("VDUP V%d.S[0], V%d.S4", d, d)
	case v.Op == ir.Load:
		w.emit("FMOVQ %d(%s), F%d", w.size()*v.Index, src, d)
	default:
		panic(fmt.Sprintf("arm64: no way to load %v", v.Op))
	}
}

// exp2k64 looks each lane up in the table. The general registers hold two lanes
// each: the lower is an index by its lower half, the upper, shifted right by 30, is
// an offset in bytes.
func (w *writer) exp2k64(from, to int) {
	w.emit("VMOV V%d.D[0], %s", from, tmp)
	w.emit("VMOV V%d.D[1], %s", from, tmp2)
	w.emit("FMOVS (%s)(%s.UXTW<<2), F%d", table, tmp, to)
	w.emit("FMOVS (%s)(%s.UXTW<<2), F%d", table, tmp2, scratch)
	w.emit("ADD %s>>30, %s, %s", tmp, table, tmp)
	w.emit("ADD %s>>30, %s, %s", tmp2, table, tmp2)
	w.emit("VLD1 (%s), V%d.S[1]", tmp, to)
	w.emit("VLD1 (%s), V%d.S[1]", tmp2, scratch)
	w.emit("VMOV V%d.D[0], V%d.D[1]", scratch, to)
}

// moves are the loads and stores of so many of the lower lanes.
var moves = map[int]string{4: "FMOVQ", 2: "FMOVD", 1: "FMOVS"}

// at is the address of an element.
func at(base string, index int) string {
	if index == 0 {
		return "(" + base + ")"
	}
	return fmt.Sprintf("%d(%s)", 4*index, base)
}

// pointer is a register with the address of an element.
func (w *writer) pointer(base string, index int) string {
	if index == 0 {
		return base
	}
	w.emit("ADD $%d, %s, %s", 4*index, base, tmp)
	return tmp
}

// lane is the part of a vector that is so many lanes from the first on.
func lane(lanes, first int) string {
	if lanes == 2 {
		return fmt.Sprintf("D[%d]", first/2)
	}
	return fmt.Sprintf("S[%d]", first)
}

// tail moves what is left of a vector of four, without touching what lies behind
// it: move is to write an instruction for so many lanes, from the first on.
func (w *writer) tail(move func(lanes, first int)) {
	one, done := w.newLabel(), w.newLabel()
	w.emit("TBZ $1, %s, %s", left, one)
	move(2, 0)
	w.emit("TBZ $0, %s, %s", left, done)
	move(1, 2)
	w.emit("B %s", done)
	w.label(one)
	move(1, 0)
	w.label(done)
}

// loadPart writes loads of so many lanes of the vector at an index, from the first on; the first of them leaves
// zeros behind.
func (w *writer) loadPart(index, to int) func(lanes, first int) {
	return func(lanes, first int) {
		if first > 0 {
			w.emit("VLD1 (%s), V%d.%s", w.pointer(src, index+first), to, lane(lanes, first))
		} else {
			w.emit("%s %s, F%d", moves[lanes], at(src, index), to)
		}
	}
}

// storePart writes such stores.
func (w *writer) storePart(index, from int) func(lanes, first int) {
	return func(lanes, first int) {
		if first > 0 {
			w.emit("VST1 V%d.%s, (%s)", from, lane(lanes, first), w.pointer(dst, index+first))
		} else {
			w.emit("%s F%d, %s", moves[lanes], from, at(dst, index))
		}
	}
}
