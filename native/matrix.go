package native

import (
	"fmt"
	"unsafe"
)

// Matrix is a row-major matrix: element j of row i is Data[i*Stride+j]. Stride is at least
// Cols, and Data has at least (Rows-1)*Stride + Cols elements; a matrix without rows or
// columns needs none. What lies between the rows is neither read nor written.
//
// A gonum blas32.General can be converted to a Matrix[float32].
type Matrix[T any] struct {
	Rows, Cols int
	Data       []T
	Stride     int
}

// Row is a matrix of the one row x.
func Row[T any](x []T) Matrix[T] { return Matrix[T]{1, len(x), x, len(x)} }

// Rows is a matrix of the rows of a slice, each of cols elements, without gaps. It panics if
// they do not fill the slice.
func Rows[T any](x []T, cols int) Matrix[T] {
	if cols < 1 || len(x)%cols != 0 {
		panic(fmt.Sprintf("native.Rows: %d elements can't be rows of %d", len(x), cols))
	}
	return Matrix[T]{len(x) / cols, cols, x, cols}
}

func (m *Matrix[T]) row(i int) []T { return m.Data[i*m.Stride:][:m.Cols] }

func (m *Matrix[T]) empty() bool { return m.Rows == 0 || m.Cols == 0 }

// used is the part of Data from the first element to the last.
func (m *Matrix[T]) used() []T {
	if m.empty() {
		return nil
	}
	return m.Data[:(m.Rows-1)*m.Stride+m.Cols]
}

// check panics unless Data holds the matrix.
func (m *Matrix[T]) check(who, name string) {
	switch {
	case m.Rows < 0 || m.Cols < 0:
		panic(fmt.Sprintf("%s: %s has %d rows of %d columns, neither may be negative", who, name, m.Rows, m.Cols))
	case m.empty():
	case m.Stride < m.Cols:
		panic(fmt.Sprintf("%s: the stride of %s is %d, it must be at least its columns, %d", who, name, m.Stride, m.Cols))
	case len(m.Data) < m.Cols || (len(m.Data)-m.Cols)/m.Stride < m.Rows-1:
		panic(fmt.Sprintf("%s: %s has %d elements, too few for %d rows of %d columns with stride %d", who, name, len(m.Data), m.Rows, m.Cols, m.Stride))
	}
}

// checkPair panics unless dst and the matrix of the given name have one shape and are the
// same or apart. It reports whether they have elements.
func checkPair[D, S any](who, name string, dst *Matrix[D], src *Matrix[S]) bool {
	dst.check(who, "dst")
	src.check(who, name)
	if dst.Rows != src.Rows || dst.Cols != src.Cols {
		panic(fmt.Sprintf("%s: dst is %d x %d, %s is %d x %d, they must be equal", who, dst.Rows, dst.Cols, name, src.Rows, src.Cols))
	}
	if dst.empty() {
		return false
	}
	if same(dst.Data, src.Data) && (dst.Stride == src.Stride || dst.Rows == 1) {
		return true
	}
	checkApart(who, name, dst.used(), src.used())
	return true
}

// fits reports whether single rows pass checkRow. Unlike that it is inlined.
func fits(dst, src []float32) bool {
	// Unsigned differences: the slice that begins first has a huge one.
	after := uintptr(unsafe.Pointer(unsafe.SliceData(dst))) - uintptr(unsafe.Pointer(unsafe.SliceData(src)))
	n := uintptr(len(src)) * 4
	return len(dst) == len(src) && (after == 0 || after >= n && -after >= n)
}

// checkRow is checkPair for single rows.
func checkRow(who, name string, dst, src []float32) {
	if len(dst) != len(src) {
		panic(fmt.Sprintf("%s: len(dst) is %d, len(%s) is %d, they must be equal", who, len(dst), name, len(src)))
	}
	if unsafe.SliceData(dst) != unsafe.SliceData(src) {
		checkApart(who, name, dst, src)
	}
}

// checkApart panics if the slices share an element.
func checkApart[D, S any](who, name string, dst []D, src []S) {
	if overlap(dst, src) {
		panic(fmt.Sprintf("%s: dst of %d elements overlaps %s of %d; they must be the same or apart", who, len(dst), name, len(src)))
	}
}

// same reports whether two slices begin at one address and have elements of one size.
func same[D, S any](dst []D, src []S) bool {
	return unsafe.Pointer(unsafe.SliceData(dst)) == unsafe.Pointer(unsafe.SliceData(src)) &&
		unsafe.Sizeof(*new(D)) == unsafe.Sizeof(*new(S))
}

// overlap reports whether two slices share memory.
func overlap[D, S any](dst []D, src []S) bool {
	if len(dst) == 0 || len(src) == 0 {
		return false
	}
	d, s := uintptr(unsafe.Pointer(unsafe.SliceData(dst))), uintptr(unsafe.Pointer(unsafe.SliceData(src)))
	return d < s+uintptr(len(src))*unsafe.Sizeof(*new(S)) && s < d+uintptr(len(dst))*unsafe.Sizeof(*new(D))
}
