package cpuop

import "github.com/twopass-softmax/twopass/ukernel"

// Units are this architecture's.
var Units = []Unit{
	{ukernel.NEONFMA, []Op{Add, Sub, Mul, FMA, Max, Round, Shift23, ZeroBelow, MaxNum}, neon},
}

// DefaultControl is the value of [Control] that every Go program starts with:
// round to nearest even, denormals not flushed to zero (FZ), NaNs propagated (DN off).
const DefaultControl = 0

// Control returns FPCR.
func Control() uint64 { return fpcr() }

func fpcr() uint64

//go:noescape
func neon(op Op, dst, x, y, z *float32, vectors int)
