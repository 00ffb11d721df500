// Package cpuop runs the elementary vector operations that the kernels are made
// of, one at a time, on the CPU: for tests that hold a CPU, or an emulator of
// one, against an executable model of its instructions.
package cpuop

import (
	"slices"

	"github.com/twopass-softmax/twopass/ukernel"
)

// Op is an operation on vectors of float32, lane by lane.
type Op int

// The operations, on operands x, y and z.
const (
	Add       Op = iota // x + y
	Sub                 // x - y
	Mul                 // x * y
	FMA                 // x*y + z, rounded once
	Max                 // the ISA's larger of x and y, with y as the second operand
	Round               // x to an integer, ties to even
	Shift23             // x as an integer, shifted left by 23 bits
	Scalef              // x * 2^floor(y)
	ZeroBelow           // z, or +0 if x < y
	Masked              // x from memory in all lanes but the last one, which is +0
	MaxNum              // the larger of x and y, a number if one is a NaN

	NumOps
)

var opNames = [NumOps]string{
	"add", "sub", "mul", "fma", "max", "round", "shift23", "scalef", "zeroBelow", "masked", "maxNum",
}

func (op Op) String() string { return opNames[op] }

// Unit is a CPU's way of executing vector operations.
type Unit struct {
	// ISA is the one whose kernels execute them so.
	ISA ukernel.ISA
	// Ops lists the operations that its kernels use.
	Ops []Op

	run func(op Op, dst, x, y, z *float32, vectors int)
}

// Run executes op on each lane: dst[i] = op(x[i], y[i], z[i]). All slices have
// the same length, a multiple of the ISA's lanes and not 0. It panics otherwise,
// and if the unit does not have op.
func (u *Unit) Run(op Op, dst, x, y, z []float32) {
	n := len(dst)
	if len(x) != n || len(y) != n || len(z) != n || n == 0 || n%u.ISA.Lanes() != 0 {
		panic("cpuop: slices of different or odd lengths")
	}
	if !slices.Contains(u.Ops, op) {
		panic("cpuop: " + u.ISA.String() + " has no " + op.String())
	}
	u.run(op, &dst[0], &x[0], &y[0], &z[0], n/u.ISA.Lanes())
}
