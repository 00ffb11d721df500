package f64

// SetLeast sets from how many elements on goroutines are used, and returns what undoes it.
func SetLeast(n int) (undo func()) {
	v, s := vectorLeast, scalarLeast
	vectorLeast, scalarLeast = n, n
	return func() { vectorLeast, scalarLeast = v, s }
}

// RecomputeFrom is the length from which exponentials are computed twice.
const RecomputeFrom = recomputeFrom

// FaultyRows is SoftmaxRows without its checks, of so many goroutines: rows that dst does not have fault.
func FaultyRows(dst, src Matrix, goroutines int) {
	var c call
	c.begin(opSoftmax, matrix(dst), matrix(src), nil)
	c.goroutines = goroutines
	c.run()
}
