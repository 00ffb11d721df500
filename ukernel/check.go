package ukernel

import (
	"fmt"
	"unsafe"
)

// CheckSlices panics unless dst is as long as src, and is src or does not overlap it. The
// message begins with who and has the numbers.
func CheckSlices[T any](who string, dst, src []T) {
	if len(dst) != len(src) {
		panic(fmt.Sprintf("%s: len(dst) is %d, len(src) is %d, they must be equal", who, len(dst), len(src)))
	}
	CheckApart(who, "src", dst, src)
}

// CheckApart panics if dst overlaps src without being src. The message begins with who, calls src
// by name, and has the lengths.
func CheckApart[D, S any](who, name string, dst []D, src []S) {
	if !identical(dst, src) && Overlap(dst, src) {
		panic(fmt.Sprintf("%s: dst of %d elements overlaps %s of %d; they must be the same or apart", who, len(dst), name, len(src)))
	}
}

// identical reports whether two slices begin at one address and have elements of
// one size.
func identical[D, S any](dst []D, src []S) bool {
	return unsafe.Pointer(unsafe.SliceData(dst)) == unsafe.Pointer(unsafe.SliceData(src)) &&
		unsafe.Sizeof(*new(D)) == unsafe.Sizeof(*new(S))
}

// CheckMatrices panics unless dst and src pass [CheckMatrix], and are the same with equal strides
// or don't overlap. The message calls src by name. It returns false if the matrices have no
// elements.
func CheckMatrices[D, S any](who, name string, dst []D, src []S, rows, cols, dstStride, srcStride int) bool {
	CheckMatrix(who, "dst", len(dst), rows, cols, dstStride)
	CheckMatrix(who, name, len(src), rows, cols, srcStride)
	if rows == 0 || cols == 0 {
		return false
	}
	dst, src = dst[:(rows-1)*dstStride+cols], src[:(rows-1)*srcStride+cols]
	if !(identical(dst, src) && (dstStride == srcStride || rows == 1)) && Overlap(dst, src) {
		panic(fmt.Sprintf("%s: dst (stride %d) and %s (stride %d) overlap; they must be the same, with one stride, or apart", who, dstStride, name, srcStride))
	}
	return true
}

// CheckMatrix panics unless a slice of length got holds a row-major matrix: stride is at
// least cols, and got at least (rows-1)*stride + cols. A matrix without rows or columns
// needs no elements. The message begins with who, calls the slice what, and has the
// numbers.
func CheckMatrix(who, what string, got, rows, cols, stride int) {
	if rows < 0 || cols < 0 {
		panic(fmt.Sprintf("%s: %d rows of %d columns, neither may be negative", who, rows, cols))
	}
	if rows == 0 || cols == 0 {
		return
	}
	if stride < cols {
		panic(fmt.Sprintf("%s: the stride of %s is %d, it must be at least the number of columns, %d", who, what, stride, cols))
	}
	// (rows-1)*stride + cols <= got, without overflow.
	if got < cols || rows-1 > (got-cols)/stride {
		panic(fmt.Sprintf("%s: len(%s) is %d, too short for %d rows of %d columns with stride %d", who, what, got, rows, cols, stride))
	}
}

// Overlap reports whether two slices share memory.
func Overlap[A, B any](a []A, b []B) bool {
	if len(a) == 0 || len(b) == 0 {
		return false
	}
	a0, b0 := uintptr(unsafe.Pointer(&a[0])), uintptr(unsafe.Pointer(&b[0]))
	return a0 < b0+uintptr(len(b))*unsafe.Sizeof(b[0]) && b0 < a0+uintptr(len(a))*unsafe.Sizeof(a[0])
}
