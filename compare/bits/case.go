package bits

import (
	"fmt"
	"math"

	"github.com/twopass-softmax/twopass/compare/internal/operands"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// Case is a call of a kernel: a row, its place in memory, and the other operands.
type Case struct {
	// Class, Seed and Length determine the row, Seed the other operands; see
	// [inputs.Args].
	Class  inputs.Class
	Seed   uint64
	Length int
	// Offset is the distance of the row's first element from a 64-byte boundary, in
	// elements. An output that is not in place lies 7-Offset%8 elements from one.
	Offset int
	// InPlace reports whether the output overwrites the row.
	InPlace bool

	// first is the first bit pattern of a row of consecutive ones, which has no
	// class.
	first       uint32
	consecutive bool
}

// Consecutive returns a case whose row has the length bit patterns from first on, with the other
// operands of a [Sweep].
func Consecutive(first uint32, length int) Case {
	return Case{Length: length, first: first, consecutive: true}
}

// Values describes the values of the row.
func (c Case) Values() string {
	if c.consecutive {
		return fmt.Sprintf("bits 0x%08x..0x%08x", c.first, c.first+uint32(c.Length-1))
	}
	return fmt.Sprintf("class %v, seed %d", c.Class, c.Seed)
}

func (c Case) String() string {
	s := fmt.Sprintf("length %d, offset %d, %s", c.Length, c.Offset, c.Values())
	if c.InPlace {
		s += ", in place"
	}
	return s
}

// flags are the arguments of the bits command that repeat the case.
func (c Case) flags() string {
	if c.consecutive {
		return fmt.Sprintf("--values 0x%08x+%d", c.first, c.Length)
	}
	return fmt.Sprintf("--lengths %d --offsets %d --classes %v --seeds %d", c.Length, c.Offset, c.Class, c.Seed)
}

// args makes the row and the other operands that are read. Goroutines share them; outputs are the
// caller's.
func (c Case) args() ukernel.Args {
	row := make([]float32, c.Length)
	if c.consecutive {
		fillConsecutive(row, c.first)
		return consecutive(row)
	}
	c.Class.Fill(row, c.Seed)
	return operands.Narrow(inputs.Args(ukernel.RMax, c.Seed, row), c.Seed)
}

// consecutive are the operands of a row of consecutive bit patterns.
func consecutive(row []float32) ukernel.Args {
	a := sweepArgs
	a.Src = row
	return operands.Narrow(a, 0)
}

// sweepArgs are the operands of rows of consecutive bit patterns. Max is 0, so that the exponential
// takes every value as it is. A wrong rounding shows in the mantissa of the scale; softmax of
// such values could have its exponent.
var sweepArgs = ukernel.Args{Max: 0, Scale: 0x1.6a09e6p-1, ScaleExp: -3}

func fillConsecutive(row []float32, first uint32) {
	for i := range row {
		row[i] = math.Float32frombits(first + uint32(i))
	}
}
