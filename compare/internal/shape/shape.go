// Package shape checks what the bindings of other libraries are given.
package shape

import "fmt"

// Check panics unless rows, cols and threads are at least 1 and both slices have rows*cols
// elements: C would write beyond them. Name is that of the calling package.
func Check[T any](name string, dst, src []T, rows, cols, threads int) {
	if rows < 1 || cols < 1 || threads < 1 {
		panic(fmt.Sprintf("%s: %d rows, %d columns, %d threads: at least 1 of each is needed", name, rows, cols, threads))
	}
	if len(src) != rows*cols || len(dst) != rows*cols {
		panic(fmt.Sprintf("%s: len(src) is %d, len(dst) is %d, both must be %d x %d", name, len(src), len(dst), rows, cols))
	}
}
