//go:build !xnnpack || !cgo || !(amd64 || arm64)

package xnnpack

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/twopass-softmax/twopass/ukernel"
)

var (
	kernels  []ukernel.Func
	symbols  []symbol
	compiler string

	missingText string
	inOutMax    bool
)

type symbol struct{}

func softmaxNCF32(p passes, dst, src []float32, rows, cols, dstStride, srcStride int) {}

func softmaxNCF16(p passes, dst, src []uint16, rows, cols, dstStride, srcStride int) {}

func softmaxNCQU8(p passes, table *[256]uint32, dst, src []uint8, rows, cols, dstStride, srcStride int) int {
	return rows
}

func timeSoftmax(a ukernel.Algorithm, p passes, dst, src []float32, cols, times int) time.Duration {
	return 0
}

// Available reports whether upstream's kernels are linked in, and why not if
// they are not.
func Available() error {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return fmt.Errorf("xnnpack: no kernels for %s, only for amd64 and arm64", runtime.GOARCH)
	}
	return errors.New("xnnpack: built without upstream's kernels: build with cgo and -tags xnnpack")
}
