// Package shape has the shapes of native and native/f64, and the checks of what a caller passes: they
// panic with the function, the argument, its value and the limit.
package shape

import (
	"fmt"
	"math"
	"unsafe"
)

// Matrix has the fields of native.Matrix, which is converted to it: its methods are not for callers.
type Matrix[T any] struct {
	Rows, Cols int
	Data       []T
	Stride     int
}

// Row is row i.
func (m *Matrix[T]) Row(i int) []T { return m.Data[i*m.Stride:][:m.Cols] }

// Empty reports whether there are no elements.
func (m *Matrix[T]) Empty() bool { return m.Rows == 0 || m.Cols == 0 }

// Used is the part of Data from the first element to the last.
func (m *Matrix[T]) Used() []T {
	if m.Empty() {
		return nil
	}
	return m.Data[:(m.Rows-1)*m.Stride+m.Cols]
}

// one reports whether it is one row with elements, which Data holds.
func (m *Matrix[T]) one() bool {
	return m.Rows == 1 && m.Cols > 0 && m.Stride >= m.Cols && len(m.Data) >= m.Cols
}

// Check panics unless Data holds the matrix.
func (m *Matrix[T]) Check(who, name string) {
	if !m.one() {
		m.check(who, name)
	}
}

func (m *Matrix[T]) check(who, name string) {
	switch {
	case m.Rows < 0 || m.Cols < 0:
		panic(fmt.Sprintf("%s: %s has %d rows of %d columns, neither may be negative", who, name, m.Rows, m.Cols))
	case m.Empty():
	case m.Stride < m.Cols:
		panic(fmt.Sprintf("%s: the stride of %s is %d, it must be at least its columns, %d", who, name, m.Stride, m.Cols))
	case len(m.Data) < m.Cols || m.Rows > 1 && (len(m.Data)-m.Cols)/m.Stride < m.Rows-1:
		panic(fmt.Sprintf("%s: %s has %d elements, too few for %d rows of %d columns with stride %d", who, name, len(m.Data), m.Rows, m.Cols, m.Stride))
	}
}

// CheckMask panics unless the matrix is empty or has the columns, and one row or as many.
func (m *Matrix[T]) CheckMask(who, name string, rows, cols int) {
	if m.Data == nil {
		return
	}
	m.Check(who, name)
	if m.Rows != 1 && m.Rows != rows || m.Cols != cols {
		panic(fmt.Sprintf("%s: %s is %d x %d, it must be 1 x %d or %d x %d", who, name, m.Rows, m.Cols, cols, rows, cols))
	}
}

// Span is n rows of a mask, from first on.
func (m Matrix[T]) Span(first, n int) Matrix[T] {
	if m.Data != nil && m.Rows > 1 {
		m.Rows, m.Data = n, m.Data[first*m.Stride:]
	}
	return m
}

// CheckPair panics unless dst and the matrix of the given name have one shape and are the
// same or apart. It reports whether they have elements.
func CheckPair[D, S any](who, name string, dst *Matrix[D], src *Matrix[S]) bool {
	dst.Check(who, "dst")
	src.Check(who, name)
	if dst.Rows != src.Rows || dst.Cols != src.Cols {
		panic(fmt.Sprintf("%s: dst is %d x %d, %s is %d x %d, they must be equal", who, dst.Rows, dst.Cols, name, src.Rows, src.Cols))
	}
	if dst.Empty() {
		return false
	}
	if !Same(dst.Data, src.Data) || dst.Stride != src.Stride && dst.Rows > 1 {
		CheckApart(who, name, dst.Used(), src.Used())
	}
	return true
}

// OneFits reports whether matrices of one row pass [CheckPair] and have elements: sooner than that does.
func OneFits[D, S any](dst *Matrix[D], src *Matrix[S]) bool {
	n := src.Cols
	return dst.one() && src.one() && dst.Cols == n && (Same(dst.Data, src.Data) || !Overlap(dst.Data[:n], src.Data[:n]))
}

// Fits reports whether single rows pass [CheckRow]. Unlike that it is inlined.
func Fits[T any](dst, src []T) bool {
	// Unsigned differences: the slice that begins first has a huge one.
	after := uintptr(unsafe.Pointer(unsafe.SliceData(dst))) - uintptr(unsafe.Pointer(unsafe.SliceData(src)))
	n := uintptr(len(src)) * unsafe.Sizeof(*new(T))
	return len(dst) == len(src) && (after == 0 || after >= n && -after >= n)
}

// CheckRow is CheckPair for single rows.
func CheckRow[T any](who, name string, dst, src []T) {
	if len(dst) != len(src) {
		panic(fmt.Sprintf("%s: len(dst) is %d, len(%s) is %d, they must be equal", who, len(dst), name, len(src)))
	}
	if unsafe.SliceData(dst) != unsafe.SliceData(src) {
		CheckApart(who, name, dst, src)
	}
}

// CheckSums panics unless dst has an element for each row of src, and none of src's.
func CheckSums[D, S any](who string, dst []D, src *Matrix[S]) {
	src.Check(who, "src")
	if len(dst) != src.Rows {
		panic(fmt.Sprintf("%s: len(dst) is %d, it must be the number of rows, %d", who, len(dst), src.Rows))
	}
	if Overlap(dst, src.Used()) {
		panic(fmt.Sprintf("%s: dst of %d elements overlaps src of %d", who, len(dst), len(src.Data)))
	}
}

// CheckIndex panics unless dst and index have an element for each row of src, index those of columns, and
// dst is apart from both.
func CheckIndex[D, S any](who string, dst []D, src *Matrix[S], index []int) {
	src.Check(who, "src")
	if len(dst) != src.Rows || len(index) != src.Rows {
		panic(fmt.Sprintf("%s: len(dst) is %d, len(index) is %d, both must be the number of rows, %d", who, len(dst), len(index), src.Rows))
	}
	for i, k := range index {
		if k < 0 || k >= src.Cols {
			panic(fmt.Sprintf("%s: index[%d] is %d, it must be from 0 to before the number of columns, %d", who, i, k, src.Cols))
		}
	}
	if Overlap(dst, src.Used()) {
		panic(fmt.Sprintf("%s: dst of %d elements overlaps src of %d", who, len(dst), len(src.Data)))
	}
	if Overlap(dst, index) {
		panic(fmt.Sprintf("%s: dst of %d elements overlaps index", who, len(dst)))
	}
}

// CheckTop panics unless probs and index have as many rows as src, and as many columns as each other, at
// most those of src, and the three are apart.
func CheckTop[D, S any](who string, probs *Matrix[D], index *Matrix[int], src *Matrix[S]) {
	src.Check(who, "src")
	probs.Check(who, "probs")
	index.Check(who, "index")
	if probs.Rows != src.Rows || index.Rows != src.Rows || probs.Cols != index.Cols || index.Cols > src.Cols || int64(src.Cols) > math.MaxUint32 {
		panic(fmt.Sprintf("%s: probs is %d x %d, index is %d x %d, both must be %d x k for a k of at most %d, the number of columns, which must be below 2^32",
			who, probs.Rows, probs.Cols, index.Rows, index.Cols, src.Rows, src.Cols))
	}
	if p, x := probs.Used(), index.Used(); Overlap(p, src.Used()) || Overlap(x, src.Used()) || Overlap(p, x) {
		panic(fmt.Sprintf("%s: probs of %d elements and index of %d must overlap neither each other nor src nor options", who, len(p), len(x)))
	}
}

// CheckApart panics if the slices share an element.
func CheckApart[D, S any](who, name string, dst []D, src []S) {
	if Overlap(dst, src) {
		panic(fmt.Sprintf("%s: dst of %d elements overlaps %s of %d; they must be the same or apart", who, len(dst), name, len(src)))
	}
}

// Same reports whether two slices begin at one address and have elements of one size.
func Same[D, S any](dst []D, src []S) bool {
	return unsafe.Pointer(unsafe.SliceData(dst)) == unsafe.Pointer(unsafe.SliceData(src)) &&
		unsafe.Sizeof(*new(D)) == unsafe.Sizeof(*new(S))
}

// Overlap reports whether two slices share memory.
func Overlap[D, S any](dst []D, src []S) bool {
	if len(dst) == 0 || len(src) == 0 {
		return false
	}
	d, s := uintptr(unsafe.Pointer(unsafe.SliceData(dst))), uintptr(unsafe.Pointer(unsafe.SliceData(src)))
	return d < s+uintptr(len(src))*unsafe.Sizeof(*new(S)) && s < d+uintptr(len(dst))*unsafe.Sizeof(*new(D))
}
