package f64

import (
	"fmt"
	"unsafe"

	"github.com/twopass-softmax/twopass/native"
)

// Matrix is a row-major matrix. See [native.Matrix].
type Matrix = native.Matrix[float64]

func row[T any](m *native.Matrix[T], i int) []T { return m.Data[i*m.Stride:][:m.Cols] }

func empty[T any](m *native.Matrix[T]) bool { return m.Rows == 0 || m.Cols == 0 }

// used is the part of Data from the first element to the last.
func used[T any](m *native.Matrix[T]) []T {
	if empty(m) {
		return nil
	}
	return m.Data[:(m.Rows-1)*m.Stride+m.Cols]
}

// check panics unless Data holds the matrix.
func check[T any](who, name string, m *native.Matrix[T]) {
	switch {
	case m.Rows < 0 || m.Cols < 0:
		panic(fmt.Sprintf("%s: %s has %d rows of %d columns, neither may be negative", who, name, m.Rows, m.Cols))
	case empty(m):
	case m.Stride < m.Cols:
		panic(fmt.Sprintf("%s: the stride of %s is %d, it must be at least its columns, %d", who, name, m.Stride, m.Cols))
	case len(m.Data) < m.Cols || (len(m.Data)-m.Cols)/m.Stride < m.Rows-1:
		panic(fmt.Sprintf("%s: %s has %d elements, too few for %d rows of %d columns with stride %d", who, name, len(m.Data), m.Rows, m.Cols, m.Stride))
	}
}

// checkPair panics unless dst and the matrix of the given name have one shape and are the
// same or apart. It reports whether they have elements.
func checkPair(who, name string, dst, src *Matrix) bool {
	check(who, "dst", dst)
	check(who, name, src)
	if dst.Rows != src.Rows || dst.Cols != src.Cols {
		panic(fmt.Sprintf("%s: dst is %d x %d, %s is %d x %d, they must be equal", who, dst.Rows, dst.Cols, name, src.Rows, src.Cols))
	}
	if empty(dst) {
		return false
	}
	if unsafe.SliceData(dst.Data) != unsafe.SliceData(src.Data) || dst.Stride != src.Stride && dst.Rows > 1 {
		checkApart(who, name, used(dst), used(src))
	}
	return true
}

// checkRow is checkPair for single rows.
func checkRow(who, name string, dst, src []float64) {
	if len(dst) != len(src) {
		panic(fmt.Sprintf("%s: len(dst) is %d, len(%s) is %d, they must be equal", who, len(dst), name, len(src)))
	}
	if unsafe.SliceData(dst) != unsafe.SliceData(src) {
		checkApart(who, name, dst, src)
	}
}

// checkApart panics if the slices share an element.
func checkApart(who, name string, dst, src []float64) {
	if len(dst) == 0 || len(src) == 0 {
		return
	}
	d, s := uintptr(unsafe.Pointer(unsafe.SliceData(dst))), uintptr(unsafe.Pointer(unsafe.SliceData(src)))
	if d < s+uintptr(len(src))*8 && s < d+uintptr(len(dst))*8 {
		panic(fmt.Sprintf("%s: dst of %d elements overlaps %s of %d; they must be the same or apart", who, len(dst), name, len(src)))
	}
}
