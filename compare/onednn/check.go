package onednn

import "fmt"

// check panics if the arguments of New are not what its comment asks for.
func check(dst, src []float32, rows, cols, threads int) {
	if rows < 1 || cols < 1 || threads < 1 {
		panic(fmt.Sprintf("onednn: %d rows, %d columns, %d threads: at least 1 of each is needed", rows, cols, threads))
	}
	if len(src) != rows*cols || len(dst) != rows*cols {
		panic(fmt.Sprintf("onednn: %d elements to %d, want %d x %d of both", len(src), len(dst), rows, cols))
	}
}
