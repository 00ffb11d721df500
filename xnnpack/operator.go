package xnnpack

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/twopass-softmax/twopass/ukernel"
)

// SoftmaxNCF32 is upstream's float32 operator, softmax_nc_f32, to the bit: the
// [Softmax] of each row of a matrix with denormals off, as xnn_run_operator turns
// them off. Every pass takes a denormal operand for 0 and writes 0 for a denormal
// result: probabilities below 2^-126 are 0, and exponentials below it add nothing to
// the sum.
//
// Matrices, panics and the in-place form are those of [SoftmaxRows]. With one thread
// all rows are one call through cgo; with more, up to that many goroutines share
// them, which changes no bit. It panics if threads is less than 1, and returns the
// error of [Available].
func SoftmaxNCF32(dst, src []float32, rows, cols, dstStride, srcStride, threads int) error {
	return softmaxNC("xnnpack.SoftmaxNCF32", ukernel.ThreePassReload.Families(), softmaxNCF32,
		dst, src, rows, cols, dstStride, srcStride, threads)
}

// f16Families are those of float16's passes.
var f16Families = []ukernel.Family{ukernel.F16RMax, ukernel.F16RAddStoreExpMinusMax, ukernel.F16VMulC}

// SoftmaxNCF16 is upstream's float16 operator, softmax_nc_f16, to the bit: [SoftmaxNCF32]
// for IEEE 754 binary16 numbers, given by their bits. On x86, exponentials and their sum
// are float32, rounded when they are stored or returned. On arm64 they are binary16, whose
// 11 bits are too few for the sum of a long row.
//
// The error is that of [Available], or says that the CPU lacks instructions: upstream
// needs AVX2 with F16C and FMA, or arm64's binary16 arithmetic.
func SoftmaxNCF16(dst, src []uint16, rows, cols, dstStride, srcStride, threads int) error {
	return softmaxNC("xnnpack.SoftmaxNCF16", f16Families, softmaxNCF16,
		dst, src, rows, cols, dstStride, srcStride, threads)
}

// softmaxNC does rows by the kernels of the families, as the function run calls them from C.
func softmaxNC[T float32 | uint16](who string, families []ukernel.Family, run func(p passes, dst, src []T, rows, cols, dstStride, srcStride int),
	dst, src []T, rows, cols, dstStride, srcStride, threads int) error {
	some := ukernel.CheckMatrices(who, "src", dst, src, rows, cols, dstStride, srcStride)
	checkThreads(who, threads)
	p, err := index().operator(families)
	if err != nil || !some {
		return err
	}
	if threads == 1 || rows == 1 {
		run(p, dst, src, rows, cols, dstStride, srcStride)
		return nil
	}
	share(rows, threads, func(from, rows int) {
		run(p, dst[from*dstStride:], src[from*srcStride:], rows, cols, dstStride, srcStride)
	})
	return nil
}

// SoftmaxNCQU8 is upstream's operator for quantized numbers, softmax_nc_qu8.
// [NewSoftmaxNCQU8] makes one. It is safe for concurrent use.
//
// An input byte q stands for inputScale * q plus any constant, an output byte q for
// q / 256, so that the largest probability is 255/256. Exponentials are integers of up
// to 23 bits from a table.
//
// Go computes the table as upstream does with its C library's exp: in float64, rounded
// to an integer. The two can differ by 1 in 2^23 where an exponential lies within about
// 2^-30 of the middle between two integers.
type SoftmaxNCQU8 struct {
	scale float64
	// short is the table for rows of up to maxShort columns.
	short [256]uint32
}

// maxShort is the largest number of columns for which the table's entries have 23 bits.
const maxShort = math.MaxUint32 / (1<<23 - 1)

// NewSoftmaxNCQU8 makes the operator. It returns an error for what upstream refuses: a
// scale that is not positive, finite and normal, an output scale other than 1/256, and
// an output zero point other than 0.
func NewSoftmaxNCQU8(inputScale, outputScale float32, outputZeroPoint uint8) (*SoftmaxNCQU8, error) {
	for _, scale := range []struct {
		name  string
		value float32
	}{{"input", inputScale}, {"output", outputScale}} {
		if !(0x1p-126 <= scale.value && scale.value <= math.MaxFloat32) {
			return nil, fmt.Errorf("xnnpack.NewSoftmaxNCQU8: the %s scale is %g, it must be positive, finite and at least 2^-126", scale.name, scale.value)
		}
	}
	if outputScale != 1./256 {
		return nil, fmt.Errorf("xnnpack.NewSoftmaxNCQU8: the output scale is %g, it must be 1/256", outputScale)
	}
	if outputZeroPoint != 0 {
		return nil, fmt.Errorf("xnnpack.NewSoftmaxNCQU8: the output zero point is %d, it must be 0", outputZeroPoint)
	}
	s := &SoftmaxNCQU8{scale: float64(inputScale)}
	s.fill(&s.short, 1)
	return s, nil
}

// fill computes the table for rows of cols columns.
func (s *SoftmaxNCQU8) fill(table *[256]uint32, cols int) {
	one := min(math.MaxUint32/float64(cols), 1<<23-1)
	for i := range table {
		table[i] = uint32(math.RoundToEven(one * math.Exp(float64(i-255)*s.scale)))
	}
}

// Softmax writes the softmax of each row of src to the same row of dst. Matrices and
// threads are those of [SoftmaxNCF32].
//
// It returns the error of [Available], and an error for more than 2^32-1 columns. Rows of
// more than 512 columns with almost no differences can have sums that exceed 32 bits by
// rounding; results are then wrong, as upstream's are. If the 32 bits of a sum are 0, as
// for 1024 equal bytes, upstream divides by 0. Softmax returns an error that names the
// row; it may have written other rows.
func (s *SoftmaxNCQU8) Softmax(dst, src []uint8, rows, cols, dstStride, srcStride, threads int) error {
	const who = "xnnpack.SoftmaxNCQU8.Softmax"
	some := ukernel.CheckMatrices(who, "src", dst, src, rows, cols, dstStride, srcStride)
	checkThreads(who, threads)
	p, err := index().operator([]ukernel.Family{ukernel.U8RMax, ukernel.U8LUT32Norm})
	if err != nil || !some {
		return err
	}
	if int64(cols) > math.MaxUint32 {
		return fmt.Errorf("%s: %d columns, at most 2^32-1 can be summed", who, cols)
	}
	var long [256]uint32
	table := &s.short
	if cols > maxShort {
		s.fill(&long, cols)
		table = &long
	}
	zero := func(row int) error {
		return fmt.Errorf("%s: row %d: upstream's sum of exponentials is a multiple of 2^32, 0 in its 32 bits, and it would divide by that", who, row)
	}
	if threads == 1 || rows == 1 {
		if done := softmaxNCQU8(p, table, dst, src, rows, cols, dstStride, srcStride); done < rows {
			return zero(done)
		}
		return nil
	}
	return s.shared(p, *table, zero, dst, src, rows, cols, dstStride, srcStride, threads)
}

// shared is Softmax on several goroutines. It is a function of its own because what they
// share is on the heap.
func (s *SoftmaxNCQU8) shared(p passes, table [256]uint32, zero func(int) error, dst, src []uint8, rows, cols, dstStride, srcStride, threads int) error {
	var first atomic.Int64 // row with a sum of 0
	first.Store(int64(rows))
	share(rows, threads, func(from, n int) {
		done := softmaxNCQU8(p, &table, dst[from*dstStride:], src[from*srcStride:], n, cols, dstStride, srcStride)
		if done == n {
			return
		}
		for at := int64(from + done); ; {
			if was := first.Load(); was <= at || first.CompareAndSwap(was, at) {
				return
			}
		}
	})
	if row := int(first.Load()); row < rows {
		return zero(row)
	}
	return nil
}

func checkThreads(who string, threads int) {
	if threads < 1 {
		panic(fmt.Sprintf("%s: threads is %d, it must be at least 1", who, threads))
	}
}

// share calls f for blocks of rows, on at most as many goroutines as threads.
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

// passes has the C functions of an operator's passes.
type passes [3]symbol

// operator returns the functions of the kernels that upstream's configuration picks
// for the passes of an operator.
func (t *tables) operator(families []ukernel.Family) (p passes, err error) {
	if err := Available(); err != nil {
		return p, err
	}
	for i, f := range families {
		e := t.preferred[f]
		if e == nil {
			return p, fmt.Errorf("xnnpack: this CPU runs none of the %v kernels that upstream's operator chooses from", f)
		}
		p[i] = e.symbol
	}
	return p, nil
}
