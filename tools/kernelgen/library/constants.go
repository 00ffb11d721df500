package library

// The constants of the exponential and of the sum, for machines whose kernels are not described
// here but written stage by stage.
const (
	Magic     = magic
	Exp1      = exp1
	Exp2      = exp2
	Exp3      = exp3
	Lowest    = lowest
	Headroom  = headroom
	Reach     = reach
	Threshold = thr
	Up, Down  = up, down
)
