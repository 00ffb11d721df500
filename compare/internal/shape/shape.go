// Package shape checks what the bindings of other libraries are given.
package shape

import "fmt"

// Check panics, in the name of a package, unless rows, cols and threads are at least
// 1 and both slices hold rows*cols elements: C would write beyond them.
func Check(name string, dst, src []float32, rows, cols, threads int) {
	if rows < 1 || cols < 1 || threads < 1 {
		panic(fmt.Sprintf("%s: %d rows, %d columns, %d threads: at least 1 of each is needed", name, rows, cols, threads))
	}
	if len(src) != rows*cols || len(dst) != rows*cols {
		panic(fmt.Sprintf("%s: %d elements to %d, want %d x %d of both", name, len(src), len(dst), rows, cols))
	}
}
