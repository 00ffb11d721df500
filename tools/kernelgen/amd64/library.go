package amd64

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	avo "github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/tools/kernelgen/library"
	"github.com/twopass-softmax/twopass/ukernel"
)

// More general registers of the library's kernels.
var (
	state  = reg.R14 // the struct with what goes in and out
	factor = reg.R11 // of kernels without rows: the other struct
	// firstBound is the largest size of a short row's first element for its elements to be
	// taken as near.
	firstBound = reg.R13
	leftMasks  = reg.RDX // AVX2: where the masks of what is left begin
	leftMask   = reg.K7  // AVX-512
	otherNext  = reg.R15 // next element of the other operand
	sums       = reg.R15 // what expRows makes out of each row
	guardMask  = reg.K6
)

// greater is the predicate GT_OQ.
var greater = operand.Imm(30)

// Level is a level of instructions that the library has kernels for.
type Level struct {
	ISA    ukernel.ISA
	Suffix string // of the functions' names
	File   string // without _amd64.s
}

// Levels lists them.
var Levels = []Level{{ukernel.AVX2, "AVX2", "avx2"}, {ukernel.AVX512SKX, "AVX512", "avx512"}}

// LibraryFile writes the library's kernels of a level as an assembly file.
func LibraryFile(l Level, header string) ([]byte, error) {
	c := build.NewContext()
	c.ConstraintExpr("!purego")
	constants := make(map[uint32]operand.Mem)
	for _, k := range library.Kernels() {
		w := &libraryWriter{kernel: k, writer: &writer{Context: c, machine: newLibraryMachine(l.ISA, k), k: ukernel.Kernel{ISA: l.ISA},
			plan: LibraryPlan(k, l.ISA), constants: constants}}
		parts := Parts(k, l.ISA)
		for i, p := range parts {
			w.plan, w.others = p.Plan, nil
			if i == 0 { // without a frame, so that it can jump
				for j, o := range parts[1:] {
					codes := parts[j].Plan.Codes
					w.others = append([]longer{{o.Name + l.Suffix, codes[len(codes)-1].Step}}, w.others...)
				}
			}
			w.function(p.Name + l.Suffix)
		}
	}
	return assembly(c, "arith", header)
}

// Part is a function with some of a kernel's blocks.
type Part struct {
	Name string
	Plan *ir.Plan
}

// Parts cuts a kernel of a single row into functions by the frame that rows need: none, as a frame takes a tenth of
// the shortest rows' time; one without a check for room on the stack; or any. The first function jumps to the
// others. Other kernels are one function.
func Parts(k library.Kernel, isa ukernel.ISA) (parts []Part) {
	plan := LibraryPlan(k, isa)
	frames := []struct {
		suffix string
		slots  int
	}{{"", 0}, {"Rest", mostSlots}, {"Last", math.MaxInt}}
	codes := plan.Codes
	for _, f := range frames {
		n := len(codes)
		if k.Single() {
			for i := len(codes) - 1; i >= 0; i-- {
				if codes[i].Slots > f.slots {
					n = i
				}
			}
			for n < len(codes) && codes[n].Test != ir.Only {
				n--
			}
		}
		if n > 0 {
			p := *plan
			p.Codes, p.Slots = codes[:n], 0
			for _, c := range p.Codes {
				p.Slots = max(p.Slots, c.Slots)
			}
			if !k.Single() {
				p.Slots = plan.Slots
			}
			parts = append(parts, Part{k.String() + f.suffix, &p})
		}
		codes = codes[n:]
		if len(codes) == 0 {
			break
		}
	}
	return parts
}

// mostSlots is how many slots a kernel of a single row has without a check for room on the stack: two thirds of
// what the linker allows.
const mostSlots = 16

// newLibraryMachine is the machine with K7 for what is left of a row, and K6 for guards.
func newLibraryMachine(isa ukernel.ISA, k library.Kernel) *machine {
	m := newMachine(isa)
	m.reserved = 2
	m.scratch = k == library.SoftmaxAdded
	return m
}

// LibraryPlan describes a kernel in its measured shape and gives it registers.
func LibraryPlan(k library.Kernel, isa ukernel.ISA) *ir.Plan {
	m := newLibraryMachine(isa, k)
	s := libraryShape(k, m)
	f := library.Describe(k, library.Machine{Lanes: m.lanes, VectorMasks: !m.evex, Operands: true, PutsOff: true}, s)
	return ir.Allocate(f, m, s.Residents)
}

// libraryShape is how a kernel is laid out. The figures are the best on an Emerald Rapids
// core, where others are at most 2 % away with AVX-512; with AVX2 more vectors at a time
// cost spills. What does not store asks for its input ahead, across the ends of pages,
// where the processor's own prefetchers stop.
func libraryShape(k library.Kernel, m *machine) library.Shape {
	s := library.Shape{Group: 2, Residents: 4, Unroll: 8, InRegisters: library.Rows, Apart: 1}
	if m.evex {
		s.Residents = 14
	}
	// Rows of more elements would gain little by their long bodies in other kernels; these gain 15 to 20 %.
	switch {
	case k == library.SoftmaxRows && !m.evex:
		s.InRegisters = 15
	case k == library.SoftmaxRows, k == library.SumRows && m.evex:
		s.InRegisters = 16
	}
	if k.Rowed() {
		s.Small, s.Smalls = 2, 14
	}
	switch k {
	case library.Sum, library.SumTops:
		s.Ahead = 1024
		fallthrough
	case library.SoftmaxRows, library.SoftmaxKept, library.SoftmaxAdded, library.SumRows, library.SoftmaxRow, library.LogRow, library.ExpRows, library.SumStore,
		library.SumStoreKept, library.SumStoreAdded, library.ExpScale, library.ExpScaleNT, library.TotalRow, library.CopyRow, library.SureRow:
		if m.evex {
			s.Group = 4
		}
		if m.evex && k.Ordinary() && k != library.SureRow { // whose loop has nothing else to overlap with
			s.Stagger = 22
		}
	}
	return s
}

// libraryWriter writes one of the library's kernels.
type libraryWriter struct {
	*writer
	kernel library.Kernel
	others []longer // the functions for longer rows, the longest first
}

// longer is a function for rows of more elements than that.
type longer struct {
	name string
	most int
}

// leftMost is the largest number of elements that a block may take beyond those that are there for sure.
const leftMost = 4 * library.Lanes

func (w *libraryWriter) function(name string) {
	w.Function(name)
	if w.frameSize() <= maxNoSplit || w.kernel.Single() && w.plan.Slots <= mostSlots {
		w.Attributes(attr.NOSPLIT)
	}
	signature, err := gotypes.ParseSignatureInPackage(library.Types, w.kernel.Signature())
	if err != nil {
		panic(err)
	}
	w.Signature(signature)
	w.Commentf("%s: %s.", name, w.kernel.Doc())
	if w.kernel.Single() {
		w.MOVQ(w.param("n", ""), left)
	}
	if n := len(w.others); n > 0 {
		w.CMPQ(left, operand.U32(w.others[n-1].most))
		w.JGT(operand.LabelRef("longer"))
	}
	base := "base"
	if w.kernel.Single() || w.kernel.Ordinary() {
		base = ""
	}
	w.MOVQ(w.param("src", base), src)
	if w.kernel.Stores() {
		w.MOVQ(w.param("dst", base), dst)
	}
	if w.kernel == library.SumTops {
		w.MOVQ(w.param("tops", base), dst)
	}
	w.fields = make(map[string]operand.Mem)
	fields := func(param string, base reg.GPPhysical, offsets map[string]int) {
		w.MOVQ(w.param(param, ""), base)
		for name, at := range offsets {
			w.fields[name] = operand.Mem{Base: base, Disp: at}
		}
	}
	rowed := w.rowed()
	switch w.kernel {
	case library.SoftmaxRows, library.SoftmaxKept, library.SoftmaxAdded:
		fields("p", state, library.RowsFields)
	case library.SumRows:
		fields("p", state, library.RowsFields)
		w.MOVQ(w.param("out", "base"), dst)
		w.rowSumFields()
	case library.ExpRows:
		fields("p", state, library.RowsFields)
		w.MOVQ(w.param("out", "base"), sums)
		for name, at := range library.ExpSumFields {
			w.fields[name] = operand.Mem{Base: sums, Disp: at}
		}
	case library.LogRow:
		w.fields = map[string]operand.Mem{"max": w.result("max")}
	case library.TotalRow, library.CopyRow:
		fields("s", sums, library.RowsFields)
		fields("out", state, library.TotalFields)
	case library.SureRow:
		fields("s", sums, library.RowsFields)
		fields("out", state, library.RowSumFields)
	case library.Sum, library.SumStore, library.SumTops, library.SumStoreKept, library.SumStoreAdded:
		fields("st", state, library.SumFields)
	case library.Scale, library.ScaleNT:
		fields("f", factor, library.FactorFields)
	case library.ExpScale, library.ExpScaleNT:
		fields("st", state, library.SumFields)
		fields("f", factor, library.FactorFields)
	}
	switch {
	case w.kernel.Single():
	case w.kernel.Ordinary():
		w.MOVQ(w.param("n", ""), left)
	case w.kernel.Sums() || w.kernel == library.ExpRows:
		w.MOVQ(w.param("cols", ""), left)
		w.MOVQ(w.param("rows", ""), rows)
		w.MOVQ(w.param("srcStride", ""), srcStride)
		w.SHLQ(operand.Imm(2), srcStride)
	case rowed:
		w.rowParams()
	default:
		w.MOVQ(w.param("src", "len"), left)
	}
	if w.kernel.Prepares() {
		w.MOVQ(w.param("other", ""), otherNext)
	}
	if size := w.frameSize(); size > 0 {
		local := w.AllocLocal(size)
		w.LEAQ(local.Offset(4*w.lanes-1), frame)
		w.ANDQ(operand.I32(-4*w.lanes), frame)
	}
	for i, c := range w.plan.Codes {
		w.block(i, c)
	}
	switch {
	case w.kernel.Ordinary():
		w.Label(library.Irregular)
		w.leaveHow(rowLeft)
		if w.kernel != library.SureRow {
			w.Label(library.Uncertain)
			w.leaveHow(rowPartly)
		}
		w.Label("done")
		w.setHow(rowDone)
	case w.kernel.Single():
		for i, o := range w.others {
			if i == 0 {
				w.Label("longer")
			}
			if i+1 < len(w.others) {
				w.CMPQ(left, operand.U32(o.most))
				w.JLE(operand.LabelRef("rest"))
			}
			if i > 0 {
				w.Label("rest")
			}
			w.Instruction(&avo.Instruction{Opcode: "JMP", IsTerminal: true, Operands: []operand.Op{
				operand.Mem{Symbol: operand.Symbol{Name: "·" + o.name}, Base: reg.StaticBase}}})
		}
		w.Label(library.End)
		if w.kernel == library.LogRow {
			w.leaveHow(rowLeft)
			w.Label(library.Sure)
			w.setHow(rowPartly)
		} else {
			w.setHow(rowLeft)
		}
	case w.kernel.Sums() || w.kernel == library.ExpRows:
		w.Label(library.End)
		w.done()
	case rowed:
		w.JMP(operand.LabelRef("last"))
		w.Label(library.Irregular)
		w.Comment("What of the row is written.")
		w.SUBQ(rowSrc, src)
		w.SHRQ(operand.Imm(2), src)
		w.MOVQ(src, w.fields["at"])
		w.JMP(operand.LabelRef(library.End))
		w.Label("last")
		w.done()
	case w.kernel == library.Sum || w.kernel == library.SumStore || w.kernel.Whole():
		w.SUBQ(w.param("src", "base"), src)
		w.SHRQ(operand.Imm(2), src)
		w.MOVQ(src, w.result("done"))
	}
	if w.streams {
		w.SFENCE()
	}
	w.VZEROUPPER()
	w.RET()
}

// rowSumFields names the fields of what dst points to.
func (w *libraryWriter) rowSumFields() {
	for name, at := range library.RowSumFields {
		w.fields[name] = operand.Mem{Base: dst, Disp: at}
	}
}

// rowed reports whether the kernel is one of rows.
func (w *libraryWriter) rowed() bool {
	return w.kernel.Rowed() || w.kernel.Sums() || w.kernel == library.ExpRows
}

// done makes the number of rows that are done the result.
func (w *libraryWriter) done() {
	w.MOVQ(w.param("rows", ""), tmp)
	w.SUBQ(rows, tmp)
	w.MOVQ(tmp, w.result("done"))
}

// What kernels of one row return, as package arith names it. Those with the result "ok" return one of the first two.
const (
	rowLeft = iota
	rowDone
	rowPartly // only the largest element, or a total without a certain logarithm
)

// setHow sets the result that says what a kernel of one row has done.
func (w *libraryWriter) setHow(how uint64) {
	name := "ok"
	if w.kernel == library.LogRow || w.kernel.Ordinary() {
		name = "how"
	}
	w.MOVB(operand.Imm(how), w.result(name))
}

// leaveHow is setHow and the kernel's end.
func (w *libraryWriter) leaveHow(how uint64) {
	w.setHow(how)
	w.VZEROUPPER()
	w.RET()
}

// small writes what a row takes whose guard, the first of these instructions, found a small factor.
func (w *libraryWriter) small(instrs []ir.Instr) {
	w.Label(w.smallLabel)
	guard := instrs[0]
	high, low := w.reg(guard.Src[0], w.lanes), w.reg(guard.Src[1], w.lanes)
	double, single := view(guard.Src[2].Index, 4), view(guard.Src[1].Index, 4)
	w.Comment("Leave if results may be 0.")
	w.VMOVD(view(guard.Src[0].Index, 4), tmp.As32())
	w.CMPL(tmp.As32(), operand.U32(guard.Bound))
	w.JLE(operand.LabelRef(guard.Name))
	w.Comment("2^100/total = cHi + cLo")
	w.times(math.Float32bits(library.Up), high)
	w.VMULSD(w.double(math.Float32bits(library.Up)), double, double)
	w.VCVTSD2SS(double, double, single)
	w.VBROADCASTSS(single, low)
	for _, in := range instrs[1:] {
		w.prepare(in)
		if in.Op == ir.FMA {
			w.times(math.Float32bits(library.Down), w.reg(in.Dst, w.lanes))
		}
	}
}

// times multiplies a vector by a constant.
func (w *libraryWriter) times(bits uint32, x reg.VecPhysical) {
	if w.evex {
		w.VMULPS_BCST(w.constant(bits), x, x)
	} else {
		w.VMULPS(w.constant(bits), x, x)
	}
}

// nextRow goes on to the next row, which these registers point to.
func (w *libraryWriter) nextRow(src, dst reg.GPPhysical) {
	if w.kernel.Prepares() {
		if src == rowSrc { // the parameter is where the row begins
			w.MOVQ(w.param("otherStride", ""), tmp)
			w.ADDQ(tmp, w.param("other", ""))
		} else {
			w.ADDQ(w.param("otherStride", ""), otherNext)
		}
	}
	w.ADDQ(srcStride, src)
	switch {
	case w.kernel == library.ExpRows: // which has no register for the stride
		w.MOVQ(w.param("dstStride", ""), tmp)
		w.LEAQ(operand.Mem{Base: dst, Index: tmp, Scale: 4}, dst)
		w.ADDQ(operand.Imm(library.ExpSumSize), sums)
	case w.kernel.Sums():
		w.ADDQ(operand.Imm(library.RowSumSize), dst)
	default:
		w.ADDQ(dstStride, dst)
	}
	w.DECQ(rows)
}

// block writes a block with its test.
func (w *libraryWriter) block(i int, c ir.Code) {
	step := c.Step
	w.full, w.most = c.Full, step
	if c.Less {
		w.most--
	}
	w.smallLabel = fmt.Sprintf("small%d", i)
	done := fmt.Sprintf("done%d", i)
	loop := fmt.Sprintf("loop%d", i)
	first := i == 0 || w.plan.Codes[i-1].Test != ir.UpTo
	if c.Test == ir.Longer {
		w.Label(c.Label)
		for _, in := range c.Instrs {
			w.prepare(in)
		}
		w.ADDQ(operand.U32(c.Full), left)
		w.JMP(operand.LabelRef(c.Goto))
		w.endOfLoop(i)
		return
	}
	if c.Label != "" && c.Test != ir.OneRow {
		w.Label(c.Label)
	}
	switch c.Test {
	case ir.UpTo:
		if first {
			w.dispatch(i)
		}
		w.Label(fmt.Sprintf("upto%d", i))
		w.Comment(c.Comment)
		w.left(step - c.Full)
	case ir.EachRow:
		if step == library.Lanes {
			w.skipShort()
		}
		w.Comment(c.Comment)
		w.CMPQ(left, operand.U32(step))
		w.JGT(operand.LabelRef(done))
		w.TESTQ(rows, rows)
		w.JZ(operand.LabelRef(library.End))
		w.left(step - c.Full)
		w.Label(fmt.Sprintf("begin%d", i))
		w.guardScale(w.plan.Codes[i+1].Label)
	case ir.Only:
		w.Comment(c.Comment)
		w.CMPQ(left, operand.U32(step))
		if c.Full == step {
			w.JNE(operand.LabelRef(done))
		} else {
			w.JGT(operand.LabelRef(done))
			w.left(step - c.Full)
		}
	case ir.OneRow:
		w.Label(c.Label)
		w.Comment(c.Comment)
	case ir.Resume:
		w.Comment(c.Comment)
		w.resume()
	case ir.While:
		w.Comment(c.Comment)
		w.SUBQ(operand.U32(step), left)
		w.JLT(operand.LabelRef(done))
	case ir.ToAligned:
		w.Comment(c.Comment)
		w.toAligned(done)
		w.left(step - c.Full)
	case ir.Row:
		w.Label("long")
		w.TESTQ(rows, rows)
		w.JZ(operand.LabelRef(library.End))
		w.Label("longer")
		w.keepRow()
		w.Label(rowLabel)
		w.Comment(c.Comment)
		w.toRow()
	case ir.Far:
		w.Comment(c.Comment)
		w.keepRow()
	case ir.Again:
		w.Comment(c.Comment)
		w.rewind(rowSrc)
	case ir.Results:
		w.Comment(c.Comment)
		w.rewind(rowDst)
	case ir.PutOff:
		w.Comment(c.Comment)
		w.MOVQ(w.fields["before"], src)
		w.CMPQ(cols, operand.U32(step))
		w.JGT(operand.LabelRef("now"))
		w.TESTQ(src, src)
		w.JNZ(operand.LabelRef("before"))
		w.CMPQ(rows, operand.Imm(1))
		w.JEQ(operand.LabelRef("now"))
		w.JMP(operand.LabelRef("put"))
		w.Label("before")
		w.MOVQ(src, dst)
		w.MOVQ(cols, left)
	case ir.Putting:
		w.Comment(c.Comment)
		w.MOVQ(rowDst, w.fields["before"])
	case ir.Before:
		w.Comment(c.Comment)
		w.MOVQ(w.fields["before"], src)
		w.TESTQ(src, src)
		w.JZ(operand.LabelRef("last"))
		w.MOVQ(operand.U32(0), w.fields["before"])
		w.MOVQ(src, dst)
		w.MOVQ(cols, left)
	default:
		w.Comment(c.Comment)
	}
	for _, in := range c.Before {
		w.prepare(in)
	}
	if c.Test == ir.While || c.Test == ir.EachRow {
		w.align()
		w.Label(loop)
	}
	var small []ir.Instr
	for i, in := range c.Instrs {
		if in.Op == ir.GuardSmall {
			small = c.Instrs[i:]
		}
		w.prepare(in)
	}
	advance := func() {
		w.ADDQ(operand.U32(4*step), src)
		if w.kernel.Stores() {
			w.ADDQ(operand.U32(4*step), dst)
		}
		if w.kernel.Prepares() {
			w.ADDQ(operand.U32(w.otherAt(step).Disp), otherNext)
		}
		if w.kernel == library.SumTops { // a row of lanes for a turn
			w.ADDQ(operand.Imm(4*library.Lanes), dst)
		}
	}
	switch c.Test {
	case ir.EachRow:
		next := func() {
			w.nextRow(src, dst)
			w.JNZ(operand.LabelRef(loop))
			w.JMP(operand.LabelRef(library.End))
		}
		next()
		if small != nil {
			w.small(small)
			next()
		}
	case ir.Only:
		w.leaveHow(rowDone)
		if small != nil {
			w.small(small)
			w.leaveHow(rowDone)
		}
		w.Label(done)
	case ir.OneRow: // of the loop before
		w.Label(c.Label + library.Next)
		w.nextRow(src, dst)
		w.JNZ(operand.LabelRef(fmt.Sprintf("begin%d", w.loopOf(i))))
		w.JMP(operand.LabelRef(library.End))
		w.endOfLoop(i)
	case ir.RowDone:
		w.nextRow(rowSrc, rowDst)
		w.JZ(operand.LabelRef("rowsDone"))
		w.CMPQ(cols, operand.U32(step))
		w.JGT(operand.LabelRef(rowLabel))
		w.toRow()
		w.JMP(operand.LabelRef("short"))
		w.Label("rowsDone")
	case ir.While:
		advance()
		w.SUBQ(operand.U32(step), left)
		w.JGE(operand.LabelRef(loop))
		w.Label(done)
		w.ADDQ(operand.U32(step), left)
	case ir.ToAligned:
		w.LEAQ(operand.Mem{Base: src, Index: left, Scale: 4}, src)
		w.LEAQ(operand.Mem{Base: dst, Index: left, Scale: 4}, dst)
		w.MOVQ(after, left)
		w.Label(done)
	case ir.UpTo:
		// left is what the last row has.
		w.LEAQ(operand.Mem{Base: src, Index: left, Scale: 4, Disp: 4 * c.Full}, src)
		if last := i+1 == len(w.plan.Codes) || w.plan.Codes[i+1].Test != ir.UpTo; !last {
			w.JMP(operand.LabelRef(w.behind(i)))
		} else {
			w.Label(w.behind(i))
		}
	}
	if c.Goto != "" {
		w.JMP(operand.LabelRef(c.Goto))
	}
}

// keepRow keeps where a row begins, and its elements.
func (w *libraryWriter) keepRow() {
	w.MOVQ(src, rowSrc)
	w.MOVQ(dst, rowDst)
	w.MOVQ(left, cols)
	if w.kernel.Prepares() {
		w.MOVQ(otherNext, w.param("other", ""))
	}
}

// toRow goes there.
func (w *libraryWriter) toRow() {
	w.rewind(rowSrc)
	if w.kernel.Prepares() {
		w.MOVQ(w.param("other", ""), otherNext)
	}
}

// skipShort goes past the loops over shorter rows, which would each look at the length, for the rows that stay
// in registers but are longer than a turn, and for longer ones.
func (w *libraryWriter) skipShort() {
	var turn, last int // blocks
	for i, c := range w.plan.Codes {
		switch {
		case c.Test == ir.EachRow && c.Step <= library.Turn:
			turn = i
			fallthrough
		case c.Test == ir.EachRow:
			last = i
		case c.Test == ir.Row:
			w.CMPQ(left, operand.U32(w.plan.Codes[last].Step))
			w.JGT(operand.LabelRef("long"))
			if last > turn {
				w.CMPQ(left, operand.U32(library.Turn))
				w.JGT(operand.LabelRef(fmt.Sprintf("done%d", turn)))
			}
		}
	}
}

// loopOf is the block of [ir.EachRow] that block i belongs to.
func (w *libraryWriter) loopOf(i int) int {
	for w.plan.Codes[i].Test != ir.EachRow {
		i--
	}
	return i
}

// endOfLoop writes the label behind a loop of [ir.EachRow] and its blocks, of which i is one.
func (w *libraryWriter) endOfLoop(i int) {
	if t := w.plan.Codes[i+1].Test; t != ir.OneRow && t != ir.Longer {
		w.Label(fmt.Sprintf("done%d", w.loopOf(i)))
	}
}

// resume sets left to what is left of the row from src on.
func (w *libraryWriter) resume() {
	switch {
	case w.rowed():
		w.LEAQ(operand.Mem{Base: rowSrc, Index: cols, Scale: 4}, left)
	case w.kernel.Ordinary():
		w.MOVQ(w.param("n", ""), left)
		w.SHLQ(operand.Imm(2), left)
		w.ADDQ(w.param("src", ""), left)
	default:
		w.MOVQ(w.param("src", "len"), left)
		w.SHLQ(operand.Imm(2), left)
		w.ADDQ(w.param("src", "base"), left)
	}
	w.SUBQ(src, left)
	w.SHRQ(operand.Imm(2), left)
}

// guardScale writes [ir.GuardScale].
func (w *writer) guardScale(label string) {
	const least, most = 127 - 40, 127 + 40 // exponents
	w.MOVL(w.fields["kHi"], tmp.As32())
	w.TESTL(operand.U32(7), tmp.As32())
	w.JZ(operand.LabelRef(label))
	w.SUBL(operand.U32(least<<23), tmp.As32())
	w.CMPL(tmp.As32(), operand.U32((most-least)<<23))
	w.JCC(operand.LabelRef(label))
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
	w.TESTQ(left, left)
	w.JZ(operand.LabelRef(w.behind(i)))
	for ; i+1 < len(w.plan.Codes) && w.plan.Codes[i+1].Test == ir.UpTo; i++ {
		w.CMPQ(left, operand.U32(w.plan.Codes[i].Step))
		w.JLE(operand.LabelRef(fmt.Sprintf("upto%d", i)))
	}
	w.JMP(operand.LabelRef(fmt.Sprintf("upto%d", i)))
}

// left takes from left what a block has for sure, and makes the mask of the rest, of at most so many elements.
func (w *libraryWriter) left(most int) {
	if w.full > 0 {
		w.SUBQ(operand.U32(w.full), left)
	}
	switch {
	case !w.evex:
		w.setLeftMasks()
	case most > library.Lanes: // 2^left - 1, but for 0
		w.NEGQ(left)
		w.MOVQ(operand.I32(-1), tmp)
		w.SHRQ(reg.CL, tmp)
		w.NEGQ(left)
		w.KMOVQ(tmp, leftMask)
	default: // 2^left - 1
		w.MOVL(operand.U32(1), tmp.As32())
		w.SHLL(reg.CL, tmp.As32())
		w.DECL(tmp.As32())
		w.KMOVW(tmp.As32(), leftMask)
	}
}

func (w *libraryWriter) setLeftMasks() {
	w.LEAQ(w.leftMaskWords(), leftMasks)
	w.MOVQ(left, tmp)
	w.NEGQ(tmp)
	w.LEAQ(operand.Mem{Base: leftMasks, Index: tmp, Scale: 4}, leftMasks)
}

// storeLeft stores what the row has of a vector, by a mask only if that is a part: some
// CPUs take as long for that as for dozens of other stores.
func (w *writer) storeLeft(in ir.Instr) {
	first := in.Index - w.full
	whole, done := w.label(), w.label()
	mask, x := w.reg(in.Src[0], w.lanes), w.reg(in.Src[1], w.lanes)
	to := operand.Mem{Base: dst, Disp: 4 * in.Index}
	mayBeWhole := w.full+first+w.lanes <= w.most
	if mayBeWhole {
		w.CMPQ(left, operand.U32(first+w.lanes))
		w.JGE(operand.LabelRef(whole))
	}
	if first > 0 {
		w.CMPQ(left, operand.U32(first))
		w.JLE(operand.LabelRef(done))
	}
	w.VMASKMOVPS(x, mask, to)
	if mayBeWhole {
		w.JMP(operand.LabelRef(done))
		w.Label(whole)
		w.VMOVUPS(x, to)
	}
	w.Label(done)
}

// otherAt is the address of an element of the other operand.
func (w *libraryWriter) otherAt(index int) operand.Mem {
	if w.kernel.Adds() {
		index *= 4
	}
	return operand.Mem{Base: otherNext, Disp: index}
}

// keptLeft writes [ir.KeptLeft] for AVX2. The bytes of a part of a vector are the last ones of the row.
func (w *libraryWriter) keptLeft(in ir.Instr) {
	first := in.Index - w.full
	y := w.reg(in.Dst, w.lanes)
	whole, test := w.label(), w.label()
	w.CMPQ(left, operand.U32(first+w.lanes))
	w.JGE(operand.LabelRef(whole))
	if first > 0 {
		w.VPXOR(y, y, y)
		w.CMPQ(left, operand.U32(first))
		w.JLE(operand.LabelRef(test))
	}
	bytes := w.otherAt(in.Index - first - 8)
	bytes.Index, bytes.Scale = left, 1
	w.MOVQ(bytes, tmp)
	w.MOVQ(left, leftMasks)
	w.SUBQ(operand.U32(first+w.lanes), left)
	w.NEGQ(left)
	w.SHLQ(operand.Imm(3), left)
	w.SHRQ(reg.CL, tmp)
	w.MOVQ(leftMasks, left)
	w.VMOVQ(tmp, view(in.Dst.Index, 4))
	w.VPMOVZXBD(view(in.Dst.Index, 4), y)
	w.setLeftMasks()
	w.JMP(operand.LabelRef(test))
	w.Label(whole)
	w.VPMOVZXBD(w.otherAt(in.Index), y)
	w.Label(test)
	w.VPCMPGTD(w.leftMaskWords(), y, y)
}

// firstPrepared writes [ir.FirstKept] or [ir.FirstAdded]. It looks at the first element alone, then at 8 at a time,
// of which the last 8 are the row's last.
func (w *libraryWriter) firstPrepared(in ir.Instr) {
	const step = 8
	last, behind := leftMasks, left
	if in.Index > 0 {
		last = rowSrc // which rows in registers have no use for
	}
	loop, found, none, one, done := w.label(), w.label(), w.label(), w.label(), w.label()
	to := w.reg(in.Dst, w.lanes)
	scratch := w.Registers() // of kernels that have one
	if in.Op == ir.FirstKept {
		scratch = in.Dst.Index
	}
	y, single := view(scratch, step), view(scratch, 4)
	w.Comment("The first element, if it is the one: a branch, so that nothing waits for a search.")
	if in.Op == ir.FirstKept {
		w.VBROADCASTSS(operand.Mem{Base: src}, to)
		w.CMPB(operand.Mem{Base: otherNext}, operand.Imm(0))
		w.JNE(operand.LabelRef(done))
	} else {
		w.VMOVSS(operand.Mem{Base: src}, single)
		w.VFMADD213SS(operand.Mem{Base: otherNext}, view(in.Src[0].Index, 4), single)
		w.VUCOMISS(view(in.Src[1].Index, 4), single)
		w.JCC(operand.LabelRef(one))
	}
	w.LEAQ(operand.Mem{Base: behind, Disp: w.full - step}, last)
	w.XORL(tmp.As32(), tmp.As32())
	w.Label(loop)
	w.CMPQ(tmp, last)
	w.CMOVQGT(last, tmp)
	x, other := operand.Mem{Base: src, Index: tmp, Scale: 4}, operand.Mem{Base: otherNext, Index: tmp, Scale: 4}
	if in.Op == ir.FirstKept {
		other.Scale = 1
		w.CMPQ(other, operand.Imm(0))
		w.JNE(operand.LabelRef(found))
	} else {
		w.VMOVUPS(x, y)
		w.VFMADD213PS(other, w.reg(in.Src[0], step), y)
		if w.evex {
			w.VCMPPS(notLess, w.reg(in.Src[1], step), y, guardMask)
			w.KORTESTW(guardMask, guardMask)
		} else {
			w.VCMPPS(notLess, w.reg(in.Src[1], step), y, y)
			w.VTESTPS(y, y)
		}
		w.JNZ(operand.LabelRef(found))
	}
	w.CMPQ(tmp, last)
	w.JGE(operand.LabelRef(none))
	w.ADDQ(operand.Imm(uint64(step)), tmp)
	w.JMP(operand.LabelRef(loop))
	w.Label(none)
	w.VBROADCASTSS(w.constant(math.Float32bits(float32(math.Inf(-1)))), to)
	w.JMP(operand.LabelRef(done))
	w.Label(found)
	switch {
	case in.Op == ir.FirstKept:
		w.TZCNTQ(other, last)
		w.SHRQ(operand.Imm(3), last)
	case w.evex:
		w.KMOVW(guardMask, last.As32())
		w.TZCNTL(last.As32(), last.As32())
	default:
		w.VMOVMSKPS(y, last.As32())
		w.TZCNTL(last.As32(), last.As32())
	}
	w.ADDQ(last, tmp)
	if in.Op == ir.FirstKept {
		w.VBROADCASTSS(x, to)
	} else {
		w.VMOVSS(x, single)
		w.VFMADD213SS(other, view(in.Src[0].Index, 4), single)
		w.Label(one)
		w.VBROADCASTSS(single, to)
	}
	w.Label(done)
}

// prepare writes an operation on the other operand, or any other one.
func (w *libraryWriter) prepare(in ir.Instr) {
	lanes := in.Lanes
	switch in.Op {
	case ir.Other, ir.OtherTail, ir.LoadLast, ir.Kept, ir.KeptInt, ir.KeptLeft, ir.FirstKept, ir.FirstAdded:
		if in.Note != "" {
			w.Comment(in.Note)
		}
	}
	switch in.Op {
	case ir.Other:
		w.VMOVUPS(w.otherAt(in.Index), w.reg(in.Dst, lanes))
	case ir.LoadLast:
		base := []reg.Register{src, otherNext}[in.Index]
		w.VMOVUPS(operand.Mem{Base: base, Index: left, Scale: 4, Disp: -4 * lanes}, w.reg(in.Dst, lanes))
	case ir.OtherTail:
		if w.evex {
			w.VMOVUPS_Z(w.otherAt(in.Index), w.mask(in, 0), w.reg(in.Dst, lanes))
		} else {
			w.VMASKMOVPS(w.otherAt(in.Index), w.reg(in.Src[0], lanes), w.reg(in.Dst, lanes))
		}
	case ir.Kept:
		if w.evex {
			w.VPTESTMB(w.otherAt(in.Index), view(in.Src[0].Index, 4), kmask[in.Dst.Index])
		} else {
			w.VPMOVZXBD(w.otherAt(in.Index), w.reg(in.Dst, lanes))
			w.VPCMPGTD(w.leftMaskWords(), w.reg(in.Dst, lanes), w.reg(in.Dst, lanes))
		}
	case ir.KeptInt:
		w.VPMOVZXBD(w.otherAt(in.Index), w.reg(in.Dst, lanes))
	case ir.FirstKept, ir.FirstAdded:
		w.firstPrepared(in)
	case ir.KeptLeft:
		if w.evex {
			mask := w.leftMask(in.Index, kmask[in.Dst.Index])
			w.VPTESTMB(w.otherAt(in.Index), view(in.Src[0].Index, 4), mask, kmask[in.Dst.Index])
		} else {
			w.keptLeft(in)
		}
	default:
		w.instr(in)
		return
	}
}

// data is the address of words in the file, by a key that no constant has.
func (w *writer) data(key uint32, name string, words []uint32) operand.Mem {
	m, ok := w.constants[key]
	if !ok {
		m = w.StaticGlobal(name)
		w.DataAttributes(attr.RODATA | attr.NOPTR)
		for _, x := range words {
			w.AppendDatum(operand.U32(x))
		}
		w.constants[key] = m
	}
	return m
}

// tableOf is the address of a table of the exponential, see [ir.Block.Table].
func (w *writer) tableOf(at uint32) operand.Mem {
	name := [...]string{"exp2Table", "nearTable", "powersTable"}[at/8]
	words := [][]uint32{library.Exp2Table[:], library.NearTable[:], library.PowersTable[:]}[at/8]
	return w.data(math.MaxUint32-7-at/8, name, words)
}

// double is the address of a float64.
func (w *writer) double(bits uint32) operand.Mem {
	x := math.Float64bits(float64(math.Float32frombits(bits)))
	return w.data(bits^math.MaxInt32, library.Name(bits)+"64", []uint32{uint32(x), uint32(x >> 32)})
}

// leftMaskWords is the address behind words of ones, as many as may be left, and before as many zeros;
// then there are as many of 0 and of -Inf. So many words before it begin the mask of so many elements, and
// twice that table on what the lanes without get.
func (w *libraryWriter) leftMaskWords() operand.Mem {
	var words []uint32
	for _, x := range []uint32{math.MaxUint32, 0, 0, 0xff800000} {
		for range leftMost {
			words = append(words, x)
		}
	}
	return w.data(math.MaxUint32-3, "leftMasks", words).Offset(4 * leftMost)
}

// leftMask is the register of the mask of what is left from an element on, if need be that one.
func (w *writer) leftMask(index int, to reg.Register) reg.Register {
	if index == w.full {
		return leftMask
	}
	w.KSHIFTRQ(operand.Imm(uint64(index-w.full)), leftMask, to)
	return to
}

// firstLane is free in kernels that have [ir.First].
var firstLane = dstStride

// firstTrue writes [ir.First].
func (w *writer) firstTrue(in ir.Instr) {
	if w.evex {
		w.KMOVW(kmask[in.Src[0].Index], tmp.As32())
		w.BLSIL(tmp.As32(), tmp.As32())
		w.KMOVW(tmp.As32(), kmask[in.Dst.Index])
		return
	}
	w.VMOVMSKPS(w.reg(in.Src[1], 8), firstLane.As32())
	w.SHLL(operand.Imm(8), firstLane.As32())
	w.VMOVMSKPS(w.reg(in.Src[0], 8), tmp.As32())
	w.ORL(firstLane.As32(), tmp.As32())
	w.BSFL(tmp.As32(), tmp.As32())
	w.NEGQ(tmp)
	words := make([]uint32, 32)
	words[library.Lanes] = math.MaxUint32
	w.LEAQ(w.data(math.MaxUint32-6, "firstLanes", words), firstLane)
	w.VMOVUPS(operand.Mem{Base: firstLane, Index: tmp, Scale: 4, Disp: 4 * (library.Lanes + in.Index*w.lanes)}, w.reg(in.Dst, 8))
}

// libraryInstr writes the operations that the library's kernels alone have, and reports
// whether this is one.
func (w *writer) libraryInstr(in ir.Instr) bool {
	from := func(i, lanes int) reg.VecPhysical { return w.reg(in.Src[i], lanes) }
	to := func(lanes int) reg.VecPhysical { return w.reg(in.Dst, lanes) }
	lanes := in.Lanes
	double := func(vector, scalar func(...operand.Op)) {
		if lanes > 2 {
			vector(from(1, lanes), from(0, lanes), to(lanes))
		} else {
			scalar(from(1, 4), from(0, 4), to(4))
		}
	}
	leave := func(jump func(operand.Op)) { jump(operand.LabelRef(in.Name)) }
	inRow := operand.Mem{Base: src, Disp: 4 * in.Index}
	if w.logInstr(in) {
		return true
	}
	switch in.Op {
	case ir.StoreState:
		w.VMOVUPS(from(0, lanes), operand.Mem{Base: state, Disp: 4 * in.Index})
	case ir.StoreFloat:
		w.VMOVSS(from(0, 1), w.fields[in.Name])
	case ir.StoreDouble:
		w.VMOVSD(from(0, 4), w.fields[in.Name])
	case ir.First:
		w.firstTrue(in)
	case ir.Lookup:
		table, _ := w.op(in.Src[1], lanes)
		w.VPERMPS(table, from(0, lanes), to(lanes))
	case ir.LeftMask:
		if w.evex {
			w.leftMask(in.Index, kmask[in.Dst.Index])
		} else {
			w.VMOVUPS(operand.Mem{Base: leftMasks, Disp: 4 * (in.Index - w.full)}, to(lanes))
		}
	case ir.LoadLeft:
		if w.evex {
			w.VMOVUPS(inRow, w.leftMask(in.Index, guardMask), to(lanes))
		} else {
			w.VMASKMOVPS(inRow, from(0, lanes), to(lanes))
			w.VORPS(operand.Mem{Base: leftMasks, Disp: 8*leftMost + 4*(in.Index-w.full)}, to(lanes), to(lanes))
		}
	case ir.Or:
		switch {
		case len(in.Src) == 3:
			w.VPTERNLOGD(operand.U8(0xfe), from((in.Tied+1)%3, lanes), from((in.Tied+2)%3, lanes), to(lanes))
		case w.evex:
			w.VPORD(from(0, lanes), from(1, lanes), to(lanes))
		default:
			w.VPOR(from(0, lanes), from(1, lanes), to(lanes))
		}
	case ir.GuardBits:
		bits := w.constant(in.Bits)
		if w.evex {
			w.VPTESTMD_BCST(bits, from(0, lanes), guardMask)
			w.KORTESTW(guardMask, guardMask)
		} else {
			w.VPTEST(bits, from(0, lanes))
		}
		leave(w.JNZ)
	case ir.GuardLeft:
		w.CMPQ(left, operand.U32(in.Index))
		w.JLT(operand.LabelRef(in.Name))
	case ir.GuardScale:
		w.guardScale(in.Name)
	case ir.KeepFirst:
		w.VMOVD(from(0, 4), firstBound.As32())
	case ir.GuardFirst:
		w.MOVL(operand.Mem{Base: src}, tmp.As32())
		w.ANDL(operand.U32(math.MaxInt32), tmp.As32())
		var bound operand.Op = firstBound.As32()
		if in.Bits != 0 {
			bound = operand.U32(in.Bits)
		}
		w.CMPL(tmp.As32(), bound) // as floats from 0 up compare
		leave(w.JGT)
	case ir.GuardDouble:
		w.VUCOMISD(from(1, 4), from(0, 4))
		leave(w.JCS)
	case ir.GuardSmall:
		w.VMOVD(view(in.Src[1].Index, 4), tmp.As32())
		w.ADDL(tmp.As32(), tmp.As32()) // without the sign
		w.CMPL(tmp.As32(), operand.U32(in.Bits<<1))
		w.JCS(operand.LabelRef(w.smallLabel))
	case ir.Greater:
		y, broadcast := w.op(in.Src[1], lanes)
		mask, _ := w.op(in.Dst, lanes)
		if broadcast {
			w.VCMPPS_BCST(greater, y, from(0, lanes), mask)
		} else {
			w.VCMPPS(greater, y, from(0, lanes), mask)
		}
	case ir.GuardAny:
		if w.evex {
			k := kmask[in.Src[0].Index]
			w.KORTESTW(k, k)
		} else {
			w.VMOVMSKPS(from(0, lanes), tmp.As32())
			w.TESTL(tmp.As32(), tmp.As32())
		}
		leave(w.JNZ)
	case ir.GuardNumber:
		w.VUCOMISD(from(0, 4), from(0, 4))
		leave(w.JPS)
	case ir.Widen:
		if lanes == 2 {
			w.VCVTSS2SD(from(0, 4), from(0, 4), to(4))
		} else {
			w.VCVTPS2PD(from(0, lanes/2), to(lanes))
		}
	case ir.Narrow:
		w.VCVTSD2SS(from(0, 4), from(0, 4), to(4))
	case ir.AddDouble:
		double(w.VADDPD, w.VADDSD)
	case ir.SubDouble:
		double(w.VSUBPD, w.VSUBSD)
	case ir.MulDouble:
		double(w.VMULPD, w.VMULSD)
	case ir.DivDouble:
		double(w.VDIVPD, w.VDIVSD)
	default:
		return false
	}
	return true
}
