package amd64

import (
	"bytes"
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	avo "github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
	"github.com/mmcloughlin/avo/reg"
	"github.com/twopass-softmax/twopass/tools/kernelgen/family"
	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/tools/kernelgen/library"
	"github.com/twopass-softmax/twopass/ukernel"
)

// The general registers of every kernel.
var (
	src   = reg.RSI // next element
	dst   = reg.RDI // next element
	left  = reg.RCX // elements left
	frame = reg.RBX // stack slots, aligned
	tmp   = reg.RAX
	tmp2  = reg.RDX
	after = reg.R8 // elements left after a block of ToAligned
	// Of kernels of rows.
	rows      = reg.R8 // rows left
	srcStride = reg.R9 // in bytes
	dstStride = reg.R10
	rowSrc    = reg.R11 // first element of the row
	rowDst    = reg.R12
	cols      = reg.R13
)

// maxNoSplit is the largest frame for which a kernel does without the check for
// room on the stack. The linker allows a chain of such functions 792 bytes.
const maxNoSplit = 64

// File writes kernels of one family and one ISA as an assembly file.
func File(kernels []ukernel.Kernel, signature func(ukernel.Kernel) string, header string) ([]byte, error) {
	c := build.NewContext()
	c.ConstraintExpr("!purego")
	constants := make(map[uint32]operand.Mem)
	for _, k := range kernels {
		m := newMachine(k.ISA)
		if k.Family == ukernel.U8RMax {
			(&writer{Context: c, machine: m, k: k}).u8rmax()
			continue
		}
		plan := Plan(k)
		w := &writer{Context: c, machine: m, k: k, plan: plan, constants: constants}
		w.function(signature(k))
	}
	return assembly(c, "x86", header)
}

// assembly is the text of what c has, in a package, with a header in place of avo's first line.
func assembly(c *build.Context, pkg, header string) ([]byte, error) {
	file, err := c.Result()
	if err != nil {
		return nil, err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return nil, err
	}
	text, err := printer.NewGoAsm(printer.Config{Name: "kernelgen", Pkg: pkg}).Print(file)
	if err != nil {
		return nil, err
	}
	_, rest, _ := bytes.Cut(text, []byte("\n"))
	return append([]byte(header), rest...), nil
}

// Plan describes a kernel in its measured shape and gives it registers.
func Plan(k ukernel.Kernel) *ir.Plan {
	s := shape(k)
	return ir.Allocate(family.Describe(k, s), newMachine(k.ISA), s.Residents)
}

// writer writes one kernel.
type writer struct {
	*build.Context
	*machine
	k         ukernel.Kernel
	plan      *ir.Plan
	constants map[uint32]operand.Mem // of the file
	labels    int
	// streams: it has non-temporal stores, which nobody else sees in order.
	streams bool
	// Of the library's kernels: where parameters are that are fields.
	fields map[string]operand.Mem
	full   int // of the block
	most   int // elements that it takes
	// smallLabel is where the block's copy for a small factor is.
	smallLabel string
}

func (w *writer) function(signature string) {
	w.Function(w.k.Name)
	if size := w.frameSize(); size <= maxNoSplit {
		w.Attributes(attr.NOSPLIT)
	}
	w.SignatureExpr(signature)
	if !w.k.Ours {
		w.Commentf("Twin of xnn_%s.", w.k.Name)
	}
	w.MOVQ(w.param("src", "base"), src)
	w.MOVQ(w.param("src", "len"), left)
	if w.k.Family.Stores() {
		w.MOVQ(w.param("dst", "base"), dst)
	}
	if size := w.frameSize(); size > 0 {
		local := w.AllocLocal(size)
		w.LEAQ(local.Offset(4*w.lanes-1), frame)
		w.ANDQ(operand.I32(-4*w.lanes), frame)
	}
	for i, c := range w.plan.Codes {
		w.block(i, c)
	}
	if w.vex {
		w.VZEROUPPER()
	}
	w.RET()
}

// rowLabel is where each row begins.
const rowLabel = "row"

// rowParams loads the parameters of a kernel of rows.
func (w *writer) rowParams() {
	w.MOVQ(w.param("cols", ""), left)
	w.MOVQ(w.param("rows", ""), rows)
	w.MOVQ(w.param("srcStride", ""), srcStride)
	w.MOVQ(w.param("dstStride", ""), dstStride)
	w.SHLQ(operand.Imm(2), srcStride)
	w.SHLQ(operand.Imm(2), dstStride)
}

// result is the address of a result.
func (w *writer) result(name string) operand.Mem {
	b, err := w.Return(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// frameSize is the number of bytes for the slots and for aligning them.
func (w *writer) frameSize() int {
	if w.plan.Slots == 0 {
		return 0
	}
	return (w.plan.Slots + 1) * 4 * w.lanes
}

// param is the address of a parameter or of a part of it.
func (w *writer) param(name, part string) operand.Mem {
	p := w.Param(name)
	switch part {
	case "base":
		p = p.Base()
	case "len":
		p = p.Len()
	}
	b, err := p.Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

func (w *writer) label() string {
	w.labels++
	return fmt.Sprintf("l%d", w.labels)
}

// block writes a block with its test.
func (w *writer) block(i int, c ir.Code) {
	step := c.Step
	done := fmt.Sprintf("done%d", i)
	loop := fmt.Sprintf("loop%d", i)
	w.Comment(c.Comment)
	switch c.Test {
	case ir.While:
		w.SUBQ(operand.U32(step), left)
		w.JLT(operand.LabelRef(done))
	case ir.IfAny:
		w.TESTQ(left, left)
		w.JZ(operand.LabelRef(done))
	case ir.IfBit:
		w.TESTQ(operand.U32(step), left)
		w.JZ(operand.LabelRef(done))
	}
	for _, in := range c.Before {
		w.instr(in)
	}
	if c.Test == ir.While {
		w.align()
		w.Label(loop)
	}
	for _, in := range c.Instrs {
		w.instr(in)
	}
	if step > 0 {
		w.ADDQ(operand.U32(w.size()*step), src)
		if w.k.Family.Stores() {
			w.ADDQ(operand.U32(w.size()*step), dst)
		}
	}
	switch c.Test {
	case ir.Once:
		return
	case ir.While:
		w.SUBQ(operand.U32(step), left)
		w.JGE(operand.LabelRef(loop))
	}
	w.Label(done)
	if c.Test == ir.While {
		w.ADDQ(operand.U32(step), left)
	}
}

// size is that of an element in bytes.
func (w *writer) size() int {
	if w.k.Family.Half() {
		return 2
	}
	return 4
}

// rewind goes to the beginning of a row, the elements of which are at from.
func (w *writer) rewind(from reg.GPPhysical) {
	w.MOVQ(from, src)
	w.MOVQ(rowDst, dst)
	w.MOVQ(cols, left)
}

// toAligned sets the elements left to those before the next multiple of a vector
// in dst, and keeps how many are left after them. It goes to done if there are
// none before.
func (w *writer) toAligned(done string) {
	w.MOVQ(dst, tmp)
	w.NEGQ(tmp)
	w.SHRQ(operand.Imm(2), tmp)
	w.ANDQ(operand.I32(w.lanes-1), tmp)
	w.JZ(operand.LabelRef(done))
	w.CMPQ(tmp, left)
	w.CMOVQGT(left, tmp)
	w.MOVQ(left, after)
	w.SUBQ(tmp, after)
	w.MOVQ(tmp, left)
}

// align lets the next instruction begin a line of the instruction cache, as it is
// best for a loop. The directive is not among those that avo knows by name.
func (w *writer) align() {
	w.Instruction(align64())
}

func align64() *avo.Instruction {
	return &avo.Instruction{Opcode: "PCALIGN", Operands: []operand.Op{operand.Imm(64)}}
}

// reg is a register as wide as a vector of so many lanes.
func (w *writer) reg(o ir.Operand, lanes int) reg.VecPhysical {
	if lanes < w.lanes && o.Index >= 16 && w.k.ISA == ukernel.AVX512F {
		panic(fmt.Sprintf("amd64: %s: register %d for %d lanes needs AVX-512VL", w.k, o.Index, lanes))
	}
	return view(o.Index, lanes)
}

// op is an operand of an instruction on so many lanes, and whether it is one
// float in memory that the instruction has to broadcast.
func (w *writer) op(o ir.Operand, lanes int) (op operand.Op, broadcast bool) {
	switch o.Kind {
	case ir.Reg:
		return w.reg(o, lanes), false
	case ir.Mask:
		return kmask[o.Index], false
	case ir.Slot:
		return operand.Mem{Base: frame, Disp: 4 * w.lanes * o.Index}, false
	}
	switch v := o.Value; v.Op {
	case ir.Const:
		return w.constant(v.Bits), w.evex
	case ir.Param:
		if m, ok := w.fields[v.Name]; ok {
			return m, true
		}
		return w.param(v.Name, ""), true
	case ir.Table:
		return w.tableOf(v.Bits), false
	case ir.State:
		return operand.Mem{Base: state, Disp: 4 * v.Index}, false
	case ir.Double:
		return w.double(v.Bits), false
	default:
		return operand.Mem{Base: src, Disp: 4 * v.Index}, false
	}
}

// constant is the address of a vector, or for AVX-512 of one float, of these bits.
func (w *writer) constant(bits uint32) operand.Mem {
	m, ok := w.constants[bits]
	if !ok {
		name := family.Name
		if w.fields != nil {
			name = library.Name
		}
		m = w.StaticGlobal(name(bits))
		w.DataAttributes(attr.RODATA | attr.NOPTR)
		n := w.lanes
		if w.evex {
			n = 1
		}
		for range n {
			w.AppendDatum(operand.U32(bits))
		}
		w.constants[bits] = m
	}
	return m
}

// upperHalves is the address of what VPSHUFB needs to move the lower half of
// every lane's bits to the upper half, and zeros to the lower.
func (w *writer) upperHalves() operand.Mem {
	const key = math.MaxUint32 - 1
	m, ok := w.constants[key]
	if !ok {
		m = w.StaticGlobal("upperHalves")
		w.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range w.lanes {
			first := uint32(4 * (i % 4)) // of the lane's bytes in its 16
			w.AppendDatum(operand.U32((first+1)<<24 | first<<16 | 0x8080))
		}
		w.constants[key] = m
	}
	return m
}

// tailMasks is the address behind as many words of ones as there are lanes,
// where as many words of zeros begin.
func (w *writer) tailMasks() operand.Mem {
	const key = math.MaxUint32
	m, ok := w.constants[key]
	if !ok {
		m = w.StaticGlobal("tailmask")
		w.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range 2 * w.lanes {
			var word uint32
			if i < w.lanes {
				word = math.MaxUint32
			}
			w.AppendDatum(operand.U32(word))
		}
		w.constants[key] = m
	}
	return m.Offset(4 * w.lanes)
}
