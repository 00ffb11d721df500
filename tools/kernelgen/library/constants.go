package library

// The constants of the exponential and of the sum, for kernels that are not described here but written
// stage by stage.
const (
	Log2EHi   = log2eHi
	Log2ELo   = log2eLo
	Magic     = magic
	Exp1      = exp1
	Exp2      = exp2
	Exp3      = exp3
	Lowest    = lowest
	Headroom  = headroom
	Reach     = reach
	Threshold = thr
	Up, Down  = up, down
	// Factor is what all exponentials have too much, see [Exp2Table].
	Factor = 0x1.16747cp+0
)
