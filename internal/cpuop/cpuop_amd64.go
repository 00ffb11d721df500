package cpuop

import "github.com/twopass-softmax/twopass/ukernel"

// Units are this architecture's, whether or not the CPU supports them.
var Units = []Unit{
	{ukernel.SSE2, []Op{Add, Sub, Mul, Max, Shift23, ZeroBelow}, sse2},
	{ukernel.AVX2, []Op{Add, Sub, Mul, FMA, Max, Round, Shift23, ZeroBelow, Masked}, avx2},
	{ukernel.AVX256SKX, []Op{Add, Sub, Mul, FMA, Max, Round, Shift23, Scalef, ZeroBelow, Masked}, avx256skx},
	{ukernel.AVX512F, []Op{Add, Sub, Mul, FMA, Max, Round, Shift23, Scalef, ZeroBelow, Masked}, avx512f},
}

// DefaultControl is the value of [Control] that every Go program starts with:
// all exceptions masked, round to nearest even, denormals neither flushed to
// zero (FTZ) nor taken for zero (DAZ).
const DefaultControl = 0x1f80

// Control returns MXCSR without its flags, which record past exceptions.
func Control() uint64 { return uint64(mxcsr() &^ 0x3f) }

func mxcsr() uint32

//go:noescape
func sse2(op Op, dst, x, y, z *float32, vectors int)

//go:noescape
func avx2(op Op, dst, x, y, z *float32, vectors int)

//go:noescape
func avx256skx(op Op, dst, x, y, z *float32, vectors int)

//go:noescape
func avx512f(op Op, dst, x, y, z *float32, vectors int)
