package arm64

import (
	"bytes"
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/gotypes"
	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/tools/kernelgen/library"
)

// More general registers of the library's kernels. What is left of a row is in left.
const (
	state     = "R4"  // the struct with what goes in and out
	factor    = "R13" // of kernels without rows: the other struct
	leftMasks = "R14" // where the masks of what is left begin
	// Of kernels of rows.
	rows      = "R7" // rows left
	srcStride = "R8" // in bytes
	dstStride = "R9"
	rowSrc    = "R10" // first element of the row
	rowDst    = "R11"
	cols      = "R12"
	// firstBound is the bound of [ir.GuardFirst].
	firstBound = "R13"
)

// rowLabel is where each row begins.
const rowLabel = "row"

// The vector registers of the exponential's table, which the allocator doesn't know of.
const (
	tableLow  = 30
	tableHigh = 31
)

// libraryMachine is Advanced SIMD without those two.
type libraryMachine struct{ machine }

func (libraryMachine) Registers() int { return tableLow }

// Suffix is that of the names of the library's kernels, the same for all architectures that have one level.
const Suffix = "Vector"

// LibraryKernels lists the library's kernels: there are no stores around the caches, sums of
// rows are made by the kernel for one; masked, prepared and single rows by that for others.
func LibraryKernels() (ks []library.Kernel) {
	for _, k := range library.Kernels() {
		if !k.Streams() && !k.Single() && !k.Ordinary() && !k.Sums() && k != library.ExpRows && !k.Prepares() {
			ks = append(ks, k)
		}
	}
	return ks
}

// LibraryFile writes the library's kernels as an assembly file.
func LibraryFile(header string) ([]byte, error) {
	f := &file{name: library.Name}
	for _, k := range LibraryKernels() {
		sig, err := gotypes.ParseSignatureInPackage(library.Types, k.Signature())
		if err != nil {
			return nil, err
		}
		w := &libraryWriter{kernel: k, writer: &writer{file: f, plan: LibraryPlan(k), sig: sig}}
		w.function()
	}
	var b bytes.Buffer
	b.WriteString(header)
	b.WriteString("\n//go:build !purego\n\n#include \"textflag.h\"\n")
	f.data(&b)
	words(&b, "exp2Table", library.Exp2Table[:])
	words(&b, "nearTable", library.NearTable[:])
	// leftMost - n words into it begins the mask of the first n elements.
	masks := make([]uint32, 2*leftMost)
	for i := range leftMost {
		masks[i] = math.MaxUint32
	}
	words(&b, "leftMasks", masks)
	b.Write(f.text.Bytes())
	return b.Bytes(), nil
}

// leftMost is the largest number of elements that a block may take beyond those that are there for sure.
const leftMost = 4 * library.Lanes

// LibraryPlan describes a kernel and gives it registers.
func LibraryPlan(k library.Kernel) *ir.Plan {
	s := libraryShape(k)
	return ir.Allocate(library.Describe(k, library.Machine{Lanes: 4, VectorMasks: true}, s), libraryMachine{}, s.Residents)
}

// libraryShape is how a kernel is laid out: so that a turn spills the exponentials alone that
// wait for its end.
func libraryShape(k library.Kernel) library.Shape {
	s := library.Shape{Group: 4, Residents: 20, Unroll: 8, InRegisters: library.Rows}
	if k == library.SoftmaxRows || k == library.Sum || k == library.SumStore || k == library.SumTops {
		s.Group = 2
	}
	return s
}

// libraryWriter writes one of the library's kernels.
type libraryWriter struct {
	*writer
	kernel library.Kernel
	fields map[string]string // addresses of the parameters that are fields
	full   int               // of the block
	masks  map[*ir.Value]bool
}

// rowed reports whether it is a kernel of rows.
func (w *libraryWriter) rowed() bool { return w.kernel == library.SoftmaxRows }

func (w *libraryWriter) function() {
	name := w.kernel.String() + Suffix
	fmt.Fprintf(&w.text, "\n// %s %s.\n//\n// func %s%s\n", name, w.kernel.Doc(), name, w.sig.String())
	frame := 0
	if w.plan.Slots > 0 { // at multiples of 16 from 16(RSP) on, as 8(RSP) is the first of the frame
		frame = 16*w.plan.Slots + 8
	}
	flags := "NOSPLIT, "
	if frame > maxNoSplit {
		flags = ""
	}
	fmt.Fprintf(&w.text, "TEXT ·%s(SB), %s$%d-%d\n", name, flags, frame, w.sig.Bytes())
	w.emit("MOVD %s, %s", w.param("src", "base"), src)
	if w.kernel.Stores() {
		w.emit("MOVD %s, %s", w.param("dst", "base"), dst)
	}
	if w.kernel == library.SumTops {
		w.emit("MOVD %s, %s", w.param("tops", "base"), dst)
	}
	w.fields = make(map[string]string)
	fields := func(param, base string, offsets map[string]int) {
		w.emit("MOVD %s, %s", w.param(param, ""), base)
		for name, at := range offsets {
			w.fields[name] = fmt.Sprintf("%d(%s)", at, base)
		}
	}
	switch w.kernel {
	case library.SoftmaxRows:
		fields("p", state, library.RowsFields)
	case library.Sum, library.SumStore, library.SumTops:
		fields("st", state, library.SumFields)
	case library.Scale:
		fields("f", factor, library.FactorFields)
	case library.ExpScale:
		fields("st", state, library.SumFields)
		fields("f", factor, library.FactorFields)
	}
	if w.rowed() {
		w.rowParams()
	} else {
		w.emit("MOVD %s, %s", w.param("src", "len"), left)
	}
	w.emit("MOVD $pool<>(SB), %s", pool)
	for i, c := range w.plan.Codes {
		w.block(i, c)
	}
	switch {
	case w.rowed():
		w.emit("B %s", library.End)
		w.label(library.Irregular)
		w.note("What of the row is written.")
		w.emit("SUB %s, %s", rowSrc, src)
		w.emit("LSR $2, %s", src)
		w.emit("MOVD %s, %s", src, w.fields["at"])
		w.label(library.End)
		w.emit("MOVD %s, %s", w.param("rows", ""), tmp)
		w.emit("SUB %s, %s", rows, tmp)
		w.emit("MOVD %s, %s", tmp, w.param("done", "result"))
	case w.kernel == library.Sum || w.kernel == library.SumStore || w.kernel == library.SumTops:
		w.emit("MOVD %s, %s", w.param("src", "base"), tmp)
		w.emit("SUB %s, %s", tmp, src)
		w.emit("LSR $2, %s", src)
		w.emit("MOVD %s, %s", src, w.param("done", "result"))
	}
	w.emit("RET")
}

// maxNoSplit is the largest frame for which a kernel does without the check for room on the
// stack.
const maxNoSplit = 64

// rowParams loads the parameters of a kernel of rows.
func (w *libraryWriter) rowParams() {
	w.emit("MOVD %s, %s", w.param("cols", ""), left)
	w.emit("MOVD %s, %s", w.param("rows", ""), rows)
	w.emit("MOVD %s, %s", w.param("srcStride", ""), srcStride)
	w.emit("MOVD %s, %s", w.param("dstStride", ""), dstStride)
	w.emit("LSL $2, %s", srcStride)
	w.emit("LSL $2, %s", dstStride)
}

// keepRow keeps where a row begins, and its elements.
func (w *libraryWriter) keepRow() {
	w.emit("MOVD %s, %s", src, rowSrc)
	w.emit("MOVD %s, %s", dst, rowDst)
	w.emit("MOVD %s, %s", left, cols)
}

// rewind goes to the beginning of a row, the elements of which are at from.
func (w *libraryWriter) rewind(from string) {
	w.emit("MOVD %s, %s", from, src)
	w.emit("MOVD %s, %s", rowDst, dst)
	w.emit("MOVD %s, %s", cols, left)
}

// block writes a block with its test.
func (w *libraryWriter) block(i int, c ir.Code) {
	step := c.Step
	w.full = c.Full
	done := fmt.Sprintf("done%d", i)
	loop := fmt.Sprintf("loop%d", i)
	before := fmt.Sprintf("done%d", i-1) // of a loop over rows, the block behind which belongs to it
	if c.Test == ir.Longer {
		w.label(c.Label)
		for _, in := range c.Instrs {
			w.instr(in)
		}
		w.emit("ADD $%d, %s", c.Full, left)
		w.emit("B %s", c.Goto)
		w.label(before)
		return
	}
	if c.Test == ir.UpTo {
		if i == 0 || w.plan.Codes[i-1].Test != ir.UpTo {
			w.dispatch(i)
		}
		w.label(fmt.Sprintf("upto%d", i))
	}
	if c.Label != "" {
		w.label(c.Label)
	}
	w.note(c.Comment)
	switch c.Test {
	case ir.UpTo:
		w.left()
	case ir.EachRow:
		w.emit("CMP $%d, %s", step, left)
		w.emit("BGT %s", done)
		w.emit("CBZ %s, %s", rows, library.End)
		w.left()
		w.label(fmt.Sprintf("begin%d", i))
		w.guardScale(w.plan.Codes[i+1].Label)
	case ir.Resume:
		w.resume()
	case ir.While:
		w.emit("SUBS $%d, %s", step, left)
		w.emit("BLT %s", done)
	case ir.Row:
		w.emit("CBZ %s, %s", rows, library.End)
		w.label("longer")
		w.keepRow()
		w.label(rowLabel)
		w.rewind(rowSrc)
	case ir.Far:
		w.keepRow()
	case ir.Results:
		w.rewind(rowDst)
	}
	w.prepare(c)
	for _, in := range c.Before {
		w.instr(in)
	}
	if c.Test == ir.While || c.Test == ir.EachRow {
		w.label(loop)
	}
	for _, in := range c.Instrs {
		w.instr(in)
	}
	nextRow := func(src, dst string) {
		w.emit("ADD %s, %s", srcStride, src)
		w.emit("ADD %s, %s", dstStride, dst)
		w.emit("SUBS $1, %s", rows)
	}
	switch c.Test {
	case ir.EachRow:
		nextRow(src, dst)
		w.emit("BNE %s", loop)
		w.emit("B %s", library.End)
	case ir.RowDone:
		nextRow(rowSrc, rowDst)
		w.emit("BEQ rowsDone")
		w.emit("CMP $%d, %s", step, cols)
		w.emit("BGT %s", rowLabel)
		w.rewind(rowSrc)
		w.emit("B short")
		w.label("rowsDone")
	case ir.While:
		w.emit("ADD $%d, %s", 4*step, src)
		if w.kernel.Stores() {
			w.emit("ADD $%d, %s", 4*step, dst)
		}
		if w.kernel == library.SumTops { // a row of lanes for a turn
			w.emit("ADD $%d, %s", 4*library.Lanes, dst)
		}
		w.emit("SUBS $%d, %s", step, left)
		w.emit("BGE %s", loop)
		w.label(done)
		w.emit("ADD $%d, %s", step, left)
	case ir.UpTo:
		// left is what the last row has.
		w.emit("ADD %s<<2, %s", left, src)
		if c.Full > 0 {
			w.emit("ADD $%d, %s", 4*c.Full, src)
		}
		if last := i+1 == len(w.plan.Codes) || w.plan.Codes[i+1].Test != ir.UpTo; last {
			w.label(w.behind(i))
		} else {
			w.emit("B %s", w.behind(i))
		}
	}
	if c.Goto != "" {
		w.emit("B %s", c.Goto)
	}
}

// prepare finds out which masks the block needs as vectors, and loads its table.
func (w *libraryWriter) prepare(c ir.Code) {
	w.masks = make(map[*ir.Value]bool)
	table := ""
	for _, in := range c.Instrs {
		switch in.Op {
		case ir.Keep:
			w.masks[in.Args[0]] = true
		case ir.Lookup:
			if table = "exp2Table"; in.Bits >= 8 {
				table = "nearTable"
			}
		}
	}
	if table != "" {
		w.emit("MOVD $%s<>(SB), %s", table, tmp)
		w.emit("FLDPQ (%s), (F%d, F%d)", tmp, tableLow, tableHigh)
	}
}

// resume sets left to what is left of the row from src on.
func (w *libraryWriter) resume() {
	if w.rowed() {
		w.emit("ADD %s<<2, %s, %s", cols, rowSrc, left)
	} else {
		w.emit("MOVD %s, %s", w.param("src", "len"), left)
		w.emit("MOVD %s, %s", w.param("src", "base"), tmp)
		w.emit("ADD %s<<2, %s, %s", left, tmp, left)
	}
	w.emit("SUB %s, %s", src, left)
	w.emit("LSR $2, %s", left)
}

// guardScale writes [ir.GuardScale].
func (w *libraryWriter) guardScale(label string) {
	const least, most = 127 - 40, 127 + 40 // exponents
	w.emit("MOVWU %s, %s", w.fields["kHi"], tmp)
	w.emit("TST $7, %s", tmp)
	w.emit("BEQ %s", label)
	w.emit("MOVD $%d, %s", least<<23, tmp2)
	w.emit("SUBW %s, %s", tmp2, tmp)
	w.emit("MOVD $%d, %s", (most-least)<<23, tmp2)
	w.emit("CMPW %s, %s", tmp2, tmp)
	w.emit("BHS %s", label)
}

// behind is the label behind the blocks of [ir.UpTo] with that one.
func (w *libraryWriter) behind(i int) string {
	for i+1 < len(w.plan.Codes) && w.plan.Codes[i+1].Test == ir.UpTo {
		i++
	}
	return fmt.Sprintf("behind%d", i)
}

// dispatch goes to the one of the blocks of [ir.UpTo] from i on that takes what is left.
func (w *libraryWriter) dispatch(i int) {
	w.emit("CBZ %s, %s", left, w.behind(i))
	for ; i+1 < len(w.plan.Codes) && w.plan.Codes[i+1].Test == ir.UpTo; i++ {
		w.emit("CMP $%d, %s", w.plan.Codes[i].Step, left)
		w.emit("BLE %s", fmt.Sprintf("upto%d", i))
	}
	w.emit("B %s", fmt.Sprintf("upto%d", i))
}

// left takes from left what a block has for sure, and finds the masks of the rest.
func (w *libraryWriter) left() {
	if w.full > 0 {
		w.emit("SUB $%d, %s", w.full, left)
	}
	w.emit("MOVD $leftMasks<>+%d(SB), %s", 4*leftMost, leftMasks)
	w.emit("SUB %s<<2, %s, %s", left, leftMasks, leftMasks)
}

// part moves what there is of a vector: move is to write an instruction for so
// many lanes, from the first on, and none one for a vector that the row lacks, before that
// for any but a whole one.
func (w *libraryWriter) part(index int, none func(), move func(lanes, first int)) {
	one, whole, done := w.newLabel(), w.newLabel(), w.newLabel()
	before := index - w.full
	w.emit("CMP $%d, %s", before+4, left)
	w.emit("BGE %s", whole)
	if none != nil {
		none()
	}
	if before > 0 {
		w.emit("CMP $%d, %s", before, left)
		w.emit("BLE %s", done)
	}
	w.emit("TBZ $1, %s, %s", left, one)
	move(2, 0)
	w.emit("TBZ $0, %s, %s", left, done)
	move(1, 2)
	w.emit("B %s", done)
	w.label(one)
	move(1, 0)
	w.emit("B %s", done)
	w.label(whole)
	move(4, 0)
	w.label(done)
}

// instr writes an instruction: here those that the library's kernels alone have, or have
// in another way.
func (w *libraryWriter) instr(in ir.Instr) {
	if in.Op == in.Value.Op {
		w.note(in.Note)
	}
	// r is a source's register.
	r := func(i int) int { return in.Src[i].Index }
	d := in.Dst.Index
	// anyBits brings the bits of all lanes together in tmp.
	anyBits := func() {
		w.emit("VMOV V%d.D[0], %s", r(0), tmp)
		w.emit("VMOV V%d.D[1], %s", r(0), tmp2)
		w.emit("ORR %s, %s", tmp2, tmp)
	}
	scalar := in.Lanes == 2 // float64
	switch in.Op {
	case ir.Move:
		w.move(in)
	case ir.Spill:
		w.emit("FMOVQ F%d, %s", r(0), slot(in.Dst))
	case ir.StoreState:
		w.emit("FMOVQ F%d, %d(%s)", r(0), 4*in.Index, state)
	case ir.StoreFloat:
		w.emit("FMOVS F%d, %s", r(0), w.fields[in.Name])
	case ir.Min:
		w.word("fmin", d, r(0), r(1))
	case ir.Or:
		w.emit("VORR V%d.B16, V%d.B16, V%d.B16", r(1), r(0), d)
	case ir.MulAddInt:
		w.word("mla", d, r(0), r(1))
	case ir.Lookup:
		w.emit("VTBL V%d.B16, [V%d.B16, V%d.B16], V%d.B16", r(0), tableLow, tableHigh, d)
	case ir.Greater:
		w.word("fcmgt", d, r(0), r(1))
	case ir.LeftMask:
		if w.masks[in.Value] {
			w.emit("FMOVQ %d(%s), F%d", 4*(in.Index-w.full), leftMasks, d)
		}
	case ir.LoadLeft:
		w.part(in.Index, func() {
			w.loadConstant(math.Float32bits(float32(math.Inf(-1))), d)
		}, func(lanes, first int) {
			if lanes == 4 {
				w.emit("FMOVQ %s, F%d", at(src, in.Index), d)
			} else {
				w.emit("VLD1 (%s), V%d.%s", w.pointer(src, in.Index+first), d, lane(lanes, first))
			}
		})
	case ir.LoadTail:
		w.part(in.Index, func() {
			if in.Index > w.full {
				w.emit("VEOR V%d.B16, V%d.B16, V%d.B16", d, d, d)
			}
		}, w.loadPart(in.Index, d))
	case ir.StoreTail:
		w.part(in.Index, nil, w.storePart(in.Index, r(1)))
	case ir.Guard:
		w.emit("FCMPS F%d, F%d", r(1), r(0))
		w.emit("BLT %s", in.Name) // less, or unordered
	case ir.GuardAny:
		anyBits()
		w.emit("CBNZ %s, %s", tmp, in.Name)
	case ir.GuardBits:
		anyBits()
		w.emit("MOVD $0x%08x%08x, %s", in.Bits, in.Bits, tmp2)
		w.emit("TST %s, %s", tmp2, tmp)
		w.emit("BNE %s", in.Name)
	case ir.GuardScale:
		w.guardScale(in.Name)
	case ir.KeepFirst:
		w.emit("FMOVS F%d, %s", r(0), firstBound)
	case ir.GuardFirst:
		w.emit("MOVWU (%s), %s", src, tmp)
		w.emit("AND $0x7fffffff, %s", tmp)
		w.emit("CMPW %s, %s", firstBound, tmp) // as floats from 0 up compare
		w.emit("BHI %s", in.Name)
	case ir.GuardDouble:
		w.emit("FCMPD F%d, F%d", r(1), r(0))
		w.emit("BLT %s", in.Name)
	case ir.GuardNumber:
		w.emit("FCMPD F%d, F%d", r(0), r(0))
		w.emit("BVS %s", in.Name)
	case ir.Widen:
		if scalar {
			w.emit("FCVTSD F%d, F%d", r(0), d)
		} else {
			w.word("fcvtl.2d", d, r(0))
		}
	case ir.Narrow:
		w.emit("FCVTDS F%d, F%d", r(0), d)
	case ir.AddDouble:
		if scalar {
			w.emit("FADDD F%d, F%d, F%d", r(1), r(0), d)
		} else {
			w.word("fadd.2d", d, r(0), r(1))
		}
	case ir.SubDouble, ir.MulDouble, ir.DivDouble:
		if !scalar {
			panic(fmt.Sprintf("arm64: no %v of vectors", in.Op))
		}
		name := map[ir.Op]string{ir.SubDouble: "FSUBD", ir.MulDouble: "FMULD", ir.DivDouble: "FDIVD"}[in.Op]
		w.emit("%s F%d, F%d, F%d", name, r(1), r(0), d)
	default:
		w.writer.instr(in)
	}
}

// move loads a register, or copies one.
func (w *libraryWriter) move(in ir.Instr) {
	d, from := in.Dst.Index, in.Src[0]
	switch v := from.Value; {
	case from.Kind == ir.Slot:
		w.emit("FMOVQ %s, F%d", slot(from), d)
	case v == nil:
		w.writer.move(in)
	case v.Op == ir.Param:
		address, ok := w.fields[v.Name]
		if !ok {
			address = w.param(v.Name, "")
		}
		w.emit("FMOVS %s, F%d", address, d)
		w.emit("VDUP V%d.S[0], V%d.S4", d, d)
	case v.Op == ir.State:
		w.emit("FMOVQ %d(%s), F%d", 4*v.Index, state, d)
	case v.Op == ir.Double:
		w.emit("MOVD $0x%016x, %s", math.Float64bits(float64(math.Float32frombits(v.Bits))), tmp)
		w.emit("FMOVD %s, F%d", tmp, d)
	default:
		w.writer.move(in)
	}
}

// slot is the address of a stack slot.
func slot(o ir.Operand) string { return fmt.Sprintf("%d(RSP)", 16+16*o.Index) }
