// Package amd64 writes kernels as assembly of the Go toolchain, by avo, for SSE,
// AVX, AVX2 and AVX-512.
package amd64

import (
	"github.com/mmcloughlin/avo/reg"
	"github.com/twopass-softmax/twopass/tools/kernelgen/ir"
	"github.com/twopass-softmax/twopass/ukernel"
)

// machine is one of the instruction sets, as the allocator sees it.
type machine struct {
	lanes int
	vex   bool // three operands; SSE's have two
	evex  bool // 32 registers, mask registers, broadcast from memory
	// reserved is the number of mask registers, from the last, that are not the
	// allocator's.
	reserved int
	// scratch says whether the last register isn't either.
	scratch bool
}

func newMachine(isa ukernel.ISA) *machine {
	return &machine{
		lanes: isa.Lanes(),
		vex:   isa != ukernel.SSE && isa != ukernel.SSE2,
		evex:  isa == ukernel.AVX512F || isa == ukernel.AVX256SKX || isa == ukernel.AVX512SKX,
	}
}

func (m *machine) Registers() int {
	n := 16
	if m.evex {
		n = 32
	}
	if m.scratch {
		n--
	}
	return n
}

// MaskRegisters is 7 for AVX-512: K0 can't be a write mask.
func (m *machine) MaskRegisters() int {
	if m.evex {
		return 7 - m.reserved
	}
	return 0
}

func (m *machine) Tied(v *ir.Value) []int {
	if v.Op == ir.FMA {
		return []int{2, 0, 1} // VFMADD231PS, or 213 or 132
	}
	if v.Op == ir.Or && len(v.Args) == 3 {
		return []int{0, 1, 2}
	}
	if v.Op == ir.LoadLeft && m.evex {
		return []int{0} // the lanes that are left alone hold -Inf
	}
	if m.vex {
		return nil
	}
	switch v.Op {
	case ir.LoadTail, ir.LoadSplat, ir.Store, ir.StoreFirst, ir.Return, ir.FirstHalf, ir.Prefetch, ir.ParamHalf, ir.ReturnHalf:
		return nil
	case ir.High:
		if v.Lanes == 2 {
			return nil // MOVHLPS leaves the upper lanes alone, where anything may be
		}
	case ir.Add, ir.Mul, ir.Keep:
		return []int{0, 1}
	}
	return []int{0}
}

func (m *machine) Reloads() bool { return false }

func (m *machine) Folds(v *ir.Value, arg, tied int, kind ir.Kind) bool {
	if v.Lanes < m.lanes {
		return false
	}
	if leaf := v.Args[arg]; kind == ir.Memory {
		switch leaf.Op {
		case ir.Param:
			if !m.evex { // which broadcasts it from the frame
				return false
			}
		case ir.Load:
			if !m.vex { // SSE's operands have to be aligned
				return false
			}
		}
	} else if !m.vex {
		return false
	}
	switch v.Op {
	case ir.FMA:
		return true
	case ir.Add, ir.Mul:
		return m.vex || arg != tied
	case ir.Sub, ir.Max, ir.Min, ir.Scalef, ir.NotLess, ir.Greater:
		return arg == 1
	case ir.Lookup:
		return arg == 1 && !m.evex // a table is half a vector there, see tableOf
	case ir.Round:
		return m.vex && v.Args[arg].Op == ir.Load
	}
	return false
}

// view is the register of that index, as wide as a vector of so many lanes.
func view(index, lanes int) reg.VecPhysical {
	z := zmm[index]
	switch {
	case lanes == 16:
		return z
	case lanes == 8:
		return z.AsY().(reg.VecPhysical)
	}
	return z.AsX().(reg.VecPhysical)
}

var zmm = [...]reg.VecPhysical{
	reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
	reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15,
	reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22, reg.Z23,
	reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31,
}

var kmask = [...]reg.Register{reg.K1, reg.K2, reg.K3, reg.K4, reg.K5, reg.K6, reg.K7}
