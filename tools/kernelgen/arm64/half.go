package arm64

import (
	"fmt"

	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
)

// size is that of an element in bytes.
func (w *writer) size() int {
	if w.k.Family.Half() {
		return 2
	}
	return 4
}

// half writes the operations of kernels of binary16 numbers alone.
func (w *writer) half(in ir.Instr) {
	d := in.Dst.Index
	// moves are the loads and stores of so many of the lower lanes.
	moves := map[int]string{4: "FMOVD", 2: "FMOVS"}
	switch in.Op {
	case ir.ParamHalf:
		w.emit("MOVHU %s, %s", w.param(in.Name, ""), tmp)
		w.emit("VDUP %s, V%d.H8", tmp, d)
	case ir.ReturnHalf:
		w.emit("VMOV V%d.H[0], %s", in.Src[0].Index, tmp)
		w.emit("MOVH %s, %s", tmp, w.param(in.Name, "result"))
	case ir.ShiftLanes: // of the lower four, as one integer
		w.emit("VSHL $%d, V%d.D2, V%d.D2", 16*in.Index, in.Src[0].Index, d)
	case ir.LoadHalf:
		if in.Lanes == 1 {
			w.emit("MOVHU (%s), %s", src, tmp)
			w.emit("FMOVS %s, F%d", tmp, d)
		} else {
			w.emit("%s (%s), F%d", moves[in.Lanes], src, d)
		}
	case ir.StoreHalf:
		if in.Lanes == 1 {
			w.emit("VST1 V%d.H[0], (%s)", in.Src[0].Index, dst)
		} else {
			w.emit("%s F%d, (%s)", moves[in.Lanes], in.Src[0].Index, dst)
		}
	}
}

// f16vmulc writes the kernels that multiply binary16 numbers one by one. Their bits do
// not tell the tile.
func (w *writer) f16vmulc() {
	w.head()
	w.emit("MOVD %s, %s", w.param("src", "base"), src)
	w.emit("MOVD %s, %s", w.param("src", "len"), left)
	w.emit("MOVD %s, %s", w.param("dst", "base"), dst)
	w.emit("MOVHU %s, %s", w.param("c", ""), tmp)
	w.emit("FMOVS %s, F0", tmp)
	loop := func(name string, step int) {
		w.label(name)
		for i := range step {
			w.emit("MOVHU %d(%s), %s", 2*i, src, tmp)
			w.emit("FMOVS %s, F%d", tmp, i+1)
		}
		for i := range step {
			w.emit("%s", hmul(i+1, i+1, 0))
		}
		for i := range step {
			w.emit("FMOVS F%d, %s", i+1, tmp)
			w.emit("MOVH %s, %d(%s)", tmp, 2*i, dst)
		}
		w.emit("ADD $%d, %s", 2*step, src)
		w.emit("ADD $%d, %s", 2*step, dst)
		w.emit("SUBS $%d, %s", step, left)
	}
	if w.k.Tile > 1 {
		w.emit("SUBS $%d, %s", w.k.Tile, left)
		w.emit("BLT rest")
		loop("tile", w.k.Tile)
		w.emit("BGE tile")
		w.label("rest")
		w.emit("ADD $%d, %s", w.k.Tile, left)
		w.emit("CBZ %s, done", left)
	}
	loop("one", 1)
	w.emit("BNE one")
	w.label("done")
	w.emit("RET")
}

// hmul is a line with FMUL of the lowest binary16 numbers, which Go's assembler lacks.
func hmul(d, n, m int) string {
	return fmt.Sprintf("WORD $0x%08x // fmul h%d, h%d, h%d", 0x1ee00800|m<<16|n<<5|d, d, n, m)
}

// u8rmax writes the kernel that finds the largest byte. Rows of 16 and more end with a
// vector that may overlap the one before.
func (w *writer) u8rmax() {
	w.head()
	w.emit("MOVD %s, %s", w.param("src", "base"), src)
	w.emit("MOVD %s, %s", w.param("src", "len"), left)
	w.emit("VEOR V0.B16, V0.B16, V0.B16")
	w.emit("SUBS $16, %s", left)
	w.emit("BLT few")
	w.label("loop")
	w.emit("VLD1.P 16(%s), [V1.B16]", src)
	w.emit("VUMAX V1.B16, V0.B16, V0.B16")
	w.emit("SUBS $16, %s", left)
	w.emit("BGE loop")
	w.text.WriteString("\n\t// The last 16, if there are fewer left; there are 16 less than those to go.\n")
	w.emit("CMP $-16, %s", left)
	w.emit("BEQ lanes")
	w.emit("ADD %s, %s", left, src)
	w.emit("VLD1 (%s), [V1.B16]", src)
	w.emit("VUMAX V1.B16, V0.B16, V0.B16")
	w.label("lanes")
	for _, shift := range []int{8, 4, 2, 1} {
		w.emit("VEXT $%d, V0.B16, V0.B16, V1.B16", shift)
		w.emit("VUMAX V1.B16, V0.B16, V0.B16")
	}
	w.emit("VMOV V0.B[0], %s", tmp)
	w.emit("MOVB %s, %s", tmp, w.param("max", "result"))
	w.emit("RET")
	w.label("few")
	w.emit("ADD $16, %s", left)
	w.emit("MOVD ZR, %s", tmp)
	w.label("next")
	w.emit("MOVBU.P 1(%s), %s", src, tmp2)
	w.emit("CMP %s, %s", tmp, tmp2)
	w.emit("CSEL HI, %s, %s, %s", tmp2, tmp, tmp)
	w.emit("SUBS $1, %s", left)
	w.emit("BNE next")
	w.emit("MOVB %s, %s", tmp, w.param("max", "result"))
	w.emit("RET")
}
