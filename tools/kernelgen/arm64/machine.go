// Package arm64 writes kernels as assembly of the Go toolchain for Advanced SIMD
// (NEON). What Go's assembler lacks it writes as words, with the mnemonic in a
// comment.
package arm64

import "github.com/twopass-softmax/twopass/tools/kernelgen/ir"

// machine is Advanced SIMD, as the allocator sees it: three operands, none of
// them in memory, and masks in vector registers.
type machine struct{}

// scratch is a vector register that the allocator doesn't know of.
const scratch = 31

func (machine) Registers() int { return scratch }

func (machine) MaskRegisters() int { return 0 }

func (machine) Tied(v *ir.Value) []int {
	switch v.Op {
	case ir.FMA, ir.MulAddInt:
		return []int{2} // FMLA and MLA add to their destination
	case ir.Select:
		return []int{0, 2, 1} // BSL, BIT and BIF
	}
	return nil
}

// Reloads: a copy takes a slot from the arithmetic, a load has its own.
func (machine) Reloads() bool { return true }

func (machine) Folds(v *ir.Value, arg, tied int, kind ir.Kind) bool { return false }
