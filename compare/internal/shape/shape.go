// Package shape checks what the bindings of other libraries are given. They are alike:
//
//	func Bind(dst, src []float32, rows, cols, threads int) (run, done func(), err error)
//
// prepares the softmax of each of the rows of cols elements in src, which lie one after the other,
// into dst, on that many threads. Dst may be src, and may overlap it in no other way. Both stay in use
// until done is called, which frees what Bind allocated. Only one goroutine may call run at a time; it
// panics if the library fails, which it does only for lack of memory.
//
// The error says what the library can't do, or is why the library is missing. Bind panics unless
// rows, cols and threads are at least 1 and both slices hold rows*cols elements.
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
