package xnnpack

import (
	"fmt"
	"sync"

	"github.com/twopass-softmax/twopass/ukernel"
)

// SoftmaxNCF32 is upstream's float32 operator, softmax_nc_f32, to the bit: the
// [Softmax] of each row of a matrix with denormals off, as xnn_run_operator has
// them. In every pass a denormal operand counts as 0, and a denormal result
// becomes 0: probabilities below 2^-126 are 0, and the exponentials below it add
// nothing to the sum.
//
// The matrices are those of [SoftmaxRows], with the same conditions, panics and
// in-place form. All rows are one call through cgo if threads is 1; otherwise up
// to so many goroutines share them, which changes no bit. Threads must be at
// least 1. The error is that of [Available].
func SoftmaxNCF32(dst, src []float32, rows, cols, dstStride, srcStride, threads int) error {
	const who = "xnnpack.SoftmaxNCF32"
	some := ukernel.CheckMatrices(who, "src", dst, src, rows, cols, dstStride, srcStride)
	checkThreads(who, threads)
	p, err := index().operator(ukernel.ThreePassReload.Families())
	if err != nil || !some {
		return err
	}
	if threads == 1 || rows == 1 {
		softmaxNCF32(p, dst, src, rows, cols, dstStride, srcStride)
		return nil
	}
	share(rows, threads, func(from, rows int) {
		softmaxNCF32(p, dst[from*dstStride:], src[from*srcStride:], rows, cols, dstStride, srcStride)
	})
	return nil
}

func checkThreads(who string, threads int) {
	if threads < 1 {
		panic(fmt.Sprintf("%s: threads is %d, it must be at least 1", who, threads))
	}
}

// share calls f for blocks of rows, on at most so many goroutines.
func share(rows, threads int, f func(from, rows int)) {
	var wg sync.WaitGroup
	threads = min(threads, rows)
	for i := range threads {
		from, to := rows/threads*i+min(i, rows%threads), rows/threads*(i+1)+min(i+1, rows%threads)
		wg.Add(1)
		go func() {
			defer wg.Done()
			f(from, to-from)
		}()
	}
	wg.Wait()
}

// passes are the C functions of an operator's passes.
type passes [3]symbol

// operator finds the functions of the kernels that upstream's configuration picks
// for the families of an operator's passes.
func (t *tables) operator(families []ukernel.Family) (p passes, err error) {
	if err := Available(); err != nil {
		return p, err
	}
	for i, f := range families {
		e := t.preferred[f]
		if e == nil {
			return p, fmt.Errorf("xnnpack: this CPU lacks the instructions of every %v kernel that upstream's operator picks from", f)
		}
		p[i] = e.symbol
	}
	return p, nil
}
