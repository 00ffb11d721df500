//go:build cgo

// Command exports is no program: Bazel makes a C archive of it, through which
// upstream's tests call the kernels of package twins. See //compare/upstream_tests.
package main

// #include <stddef.h>
// #include <stdint.h>
import "C"

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/twopass-softmax/twopass/native/twins"
	"github.com/twopass-softmax/twopass/ukernel"
)

func main() {}

var found sync.Map // from the address of a name to its ukernel.Func

// kernel finds a kernel by its name, a constant of the C program. A kernel that this CPU
// can't run ends the program: upstream's tests should have skipped it.
func kernel(name *C.char) ukernel.Func {
	if f, ok := found.Load(name); ok {
		return f.(ukernel.Func)
	}
	f, err := twins.Lookup(C.GoString(name))
	if err != nil {
		panic(fmt.Sprint("upstream's tests called what they can't: ", err))
	}
	found.Store(name, f)
	return f
}

// slice has the size bytes from p on.
func slice[T, P any](p *P, size C.size_t) []T {
	var t T
	return unsafe.Slice((*T)(unsafe.Pointer(p)), uintptr(size)/unsafe.Sizeof(t))
}

// planted is the relative error that a control run adds to every float32 result. It adds
// 32 ULPs to a binary16 number and 1 to a byte then, which upstream's bounds are wide for.
var planted float32

//export goPlant
func goPlant(relative C.float) { planted = float32(relative) }

func f32(dst *C.float, size C.size_t) {
	if planted != 0 {
		for i, y := range slice[float32](dst, size) {
			slice[float32](dst, size)[i] = y + y*planted
		}
	}
}

func f16(dst *C.uint16_t, size C.size_t) {
	if planted != 0 {
		for i := range slice[uint16](dst, size) {
			slice[uint16](dst, size)[i] += 32
		}
	}
}

func u8(dst *C.uint8_t, size C.size_t) {
	if planted != 0 {
		for i := range slice[uint8](dst, size) {
			slice[uint8](dst, size)[i]++
		}
	}
}

// A function for each family, with upstream's parameters. Sizes are in bytes.

//export goF32RMax
func goF32RMax(name *C.char, size C.size_t, src, max *C.float) {
	*max = C.float(kernel(name).RMax(slice[float32](src, size)))
	f32(max, 4)
}

//export goF32RAddExtExp
func goF32RAddExtExp(name *C.char, size C.size_t, src, sum *C.float) {
	s := slice[float32](sum, 8)
	s[0], s[1] = kernel(name).RAddExtExp(slice[float32](src, size))
	f32(sum, 4)
}

//export goF32VScaleExtExp
func goF32VScaleExtExp(name *C.char, size C.size_t, src, dst *C.float, mantissa, exponent C.float) {
	kernel(name).VScaleExtExp(slice[float32](dst, size), slice[float32](src, size), float32(mantissa), float32(exponent))
	f32(dst, size)
}

//export goF32RAddExpMinusMax
func goF32RAddExpMinusMax(name *C.char, size C.size_t, src, sum *C.float, max C.float) {
	*sum = C.float(kernel(name).RAddExpMinusMax(slice[float32](src, size), float32(max)))
	f32(sum, 4)
}

//export goF32VScaleExpMinusMax
func goF32VScaleExpMinusMax(name *C.char, size C.size_t, src, dst *C.float, scale, max C.float) {
	kernel(name).VScaleExpMinusMax(slice[float32](dst, size), slice[float32](src, size), float32(scale), float32(max))
	f32(dst, size)
}

//export goF32RAddStoreExpMinusMax
func goF32RAddStoreExpMinusMax(name *C.char, size C.size_t, src, max, dst, sum *C.float) {
	*sum = C.float(kernel(name).RAddStoreExpMinusMax(slice[float32](dst, size), slice[float32](src, size), float32(*max)))
	f32(dst, size)
}

//export goF32VMulC
func goF32VMulC(name *C.char, size C.size_t, src, c, dst *C.float) {
	kernel(name).VMulC(slice[float32](dst, size), slice[float32](src, size), float32(*c))
	f32(dst, size)
}

//export goF16RMax
func goF16RMax(name *C.char, size C.size_t, src, max *C.uint16_t) {
	*max = C.uint16_t(kernel(name).F16RMax(slice[uint16](src, size)))
	f16(max, 2)
}

//export goF16RAddStoreExpMinusMax
func goF16RAddStoreExpMinusMax(name *C.char, size C.size_t, src, max, dst, sum *C.uint16_t) {
	*sum = C.uint16_t(kernel(name).F16RAddStoreExpMinusMax(slice[uint16](dst, size), slice[uint16](src, size), uint16(*max)))
	f16(dst, size)
}

//export goF16VMulC
func goF16VMulC(name *C.char, size C.size_t, src, c, dst *C.uint16_t) {
	kernel(name).F16VMulC(slice[uint16](dst, size), slice[uint16](src, size), uint16(*c))
	f16(dst, size)
}

//export goU8RMax
func goU8RMax(name *C.char, size C.size_t, src, max *C.uint8_t) {
	*max = C.uint8_t(kernel(name).U8RMax(slice[uint8](src, size)))
	u8(max, 1)
}

//export goU8LUT32Norm
func goU8LUT32Norm(name *C.char, size C.size_t, src *C.uint8_t, table *C.uint32_t, dst *C.uint8_t) {
	kernel(name).U8LUT32Norm(slice[uint8](dst, size), slice[uint8](src, size), slice[uint32](table, 256*4))
	u8(dst, size)
}
