package arm64

import (
	"bytes"
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/gotypes"
	"github.com/twopass-softmax/twopass/internal/f32"
	"github.com/twopass-softmax/twopass/tools/kernelgen/family"
	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/tools/kernelgen/library"
	"github.com/twopass-softmax/twopass/ukernel"
)

// The general registers of every kernel. Go keeps R18 and those from R27 on for
// itself.
const (
	src   = "R0" // next element
	dst   = "R1" // next element
	left  = "R2" // elements left
	pool  = "R3" // the constants of the file
	table = "R4" // of ir.Exp2K64
	tmp   = "R5"
	tmp2  = "R6"
)

// File writes kernels of one family and one ISA as an assembly file.
func File(kernels []ukernel.Kernel, signature func(ukernel.Kernel) string, header string) ([]byte, error) {
	f := &file{name: family.Name}
	for _, k := range kernels {
		sig, err := gotypes.ParseSignature(signature(k))
		if err != nil {
			return nil, err
		}
		w := &writer{file: f, k: k, sig: sig}
		switch {
		case k.Family == ukernel.U8RMax:
			w.u8rmax()
		case k.ISA == ukernel.FP16ARITH:
			w.f16vmulc()
		default:
			w.plan = Plan(k)
			w.function()
		}
	}
	var b bytes.Buffer
	b.WriteString(header)
	b.WriteString("\n//go:build !purego\n\n#include \"textflag.h\"\n")
	f.data(&b)
	b.Write(f.text.Bytes())
	return b.Bytes(), nil
}

// Plan describes a kernel in its measured shape and gives it registers.
func Plan(k ukernel.Kernel) *ir.Plan {
	s := shape(k)
	return ir.Allocate(family.Describe(k, s), machine{}, s.Residents)
}

// file is the text of an assembly file and the constants that it uses.
type file struct {
	name      func(bits uint32) string // of a constant
	text      bytes.Buffer
	constants []uint32
	mask      bool // uses tailmask
	table     bool // uses exp2k64
}

// loadConstant loads these bits into every lane of a register.
func (w *writer) loadConstant(x uint32, to int) {
	w.emit("FMOVQ %d(%s), F%d // %s", w.constant(x), pool, to, w.name(x))
}

// constant is the offset in the pool of four times these bits.
func (f *file) constant(x uint32) int {
	i := slices.Index(f.constants, x)
	if i < 0 {
		i, f.constants = len(f.constants), append(f.constants, x)
	}
	return 16 * i
}

// data writes the constants.
func (f *file) data(b *bytes.Buffer) {
	if len(f.constants) > 0 {
		fmt.Fprintf(b, "\n")
		for i, x := range f.constants {
			fmt.Fprintf(b, "// %s\n", f.name(x))
			for lane := range 4 {
				fmt.Fprintf(b, "DATA pool<>+%d(SB)/4, $0x%08x\n", 16*i+4*lane, x)
			}
		}
		fmt.Fprintf(b, "GLOBL pool<>(SB), RODATA|NOPTR, $%d\n", 16*len(f.constants))
	}
	if f.mask {
		// 4 - n words into it begins the mask of the first n lanes.
		words(b, "tailmask", []uint32{^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0), 0, 0, 0, 0})
	}
	if f.table {
		exp2 := f32.Exp2K64
		for k := range exp2 {
			exp2[k] -= uint32(k) << 17
		}
		words(b, "exp2k64", exp2[:])
	}
}

// words writes a constant, if it has words.
func words(b *bytes.Buffer, name string, ws []uint32) {
	if len(ws) == 0 {
		return
	}
	fmt.Fprintf(b, "\n")
	for i, x := range ws {
		fmt.Fprintf(b, "DATA %s<>+%d(SB)/4, $0x%08x\n", name, 4*i, x)
	}
	fmt.Fprintf(b, "GLOBL %s<>(SB), RODATA|NOPTR, $%d\n", name, 4*len(ws))
}

// writer writes one kernel.
type writer struct {
	*file
	k      ukernel.Kernel
	plan   *ir.Plan
	sig    *gotypes.Signature
	labels int
}

// emit writes an instruction, its operands in a column.
func (w *writer) emit(format string, args ...any) {
	name, operands, _ := strings.Cut(fmt.Sprintf(format, args...), " ")
	w.text.WriteString(strings.TrimRight(fmt.Sprintf("\t%-6s %s", name, operands), " ") + "\n")
}

// note writes a comment, if there is one.
func (w *writer) note(text string) {
	if text != "" {
		fmt.Fprintf(&w.text, "\n\t// %s\n", text)
	}
}

func (w *writer) label(name string) { fmt.Fprintf(&w.text, "\n%s:\n", name) }

// newLabel is a label of the function that no other has.
func (w *writer) newLabel() string {
	w.labels++
	return fmt.Sprintf("l%d", w.labels)
}

func (w *writer) function() {
	if w.plan.Slots > 0 {
		panic(fmt.Sprintf("arm64: %s needs %d stack slots; choose a shape that needs none", w.k, w.plan.Slots))
	}
	w.head()
	w.emit("MOVD %s, %s", w.param("src", "base"), src)
	w.emit("MOVD %s, %s", w.param("src", "len"), left)
	if w.k.Family.Stores() {
		w.emit("MOVD %s, %s", w.param("dst", "base"), dst)
	}
	var usesPool, usesTable bool
	for _, c := range w.plan.Codes {
		for _, in := range append(c.Before, c.Instrs...) {
			usesTable = usesTable || in.Op == ir.Exp2K64
			for _, s := range in.Src {
				usesPool = usesPool || s.Kind == ir.Memory && s.Value.Op == ir.Const && s.Value.Bits != 0
			}
		}
	}
	if usesPool {
		w.emit("MOVD $pool<>(SB), %s", pool)
	}
	if usesTable {
		w.table = true
		w.emit("MOVD $exp2k64<>(SB), %s", table)
	}
	for i, c := range w.plan.Codes {
		w.block(i, c)
	}
	w.emit("RET")
}

// head begins the function.
func (w *writer) head() {
	w.text.WriteString("\n")
	if !w.k.Ours {
		fmt.Fprintf(&w.text, "// Twin of xnn_%s.\n", w.k)
	}
	fmt.Fprintf(&w.text, "// func %s%s\n", w.k, w.sig.String())
	fmt.Fprintf(&w.text, "TEXT ·%s(SB), NOSPLIT, $0-%d\n", w.k, w.sig.Bytes())
}

func (w *writer) param(name, part string) string { return library.Param(w.sig, name, part) }

// block writes a block with its test.
func (w *writer) block(i int, c ir.Code) {
	step := c.Step
	done := fmt.Sprintf("done%d", i)
	loop := fmt.Sprintf("loop%d", i)
	w.note(c.Comment)
	switch c.Test {
	case ir.While:
		w.emit("SUBS $%d, %s", step, left)
		w.emit("BLT %s", done)
	case ir.IfAny:
		w.emit("CBZ %s, %s", left, done)
	case ir.IfBit:
		w.emit("TBZ $%d, %s, %s", bits.TrailingZeros(uint(step)), left, done)
	}
	for _, in := range c.Before {
		w.instr(in)
	}
	if c.Test == ir.While {
		w.label(loop)
	}
	for _, in := range c.Instrs {
		if in.Op == in.Value.Op {
			w.note(in.Note)
		}
		w.instr(in)
	}
	if step > 0 {
		w.emit("ADD $%d, %s", w.size()*step, src)
		if w.k.Family.Stores() {
			w.emit("ADD $%d, %s", w.size()*step, dst)
		}
	}
	switch c.Test {
	case ir.Once:
		return
	case ir.While:
		w.emit("SUBS $%d, %s", step, left)
		w.emit("BGE %s", loop)
	}
	w.label(done)
	if c.Test == ir.While {
		w.emit("ADD $%d, %s", step, left)
	}
}
