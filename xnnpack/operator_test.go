//go:build xnnpack && cgo && (amd64 || arm64)

package xnnpack

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/internal/f32"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// faint is a row of 64 whose exponentials, but for the zeros', are at the lower
// end of float32.
func faint() []float32 {
	row := make([]float32, 64)
	copy(row[20:], []float32{-87, -86, -84, -83})
	return row
}

// denormalsOn reports whether the thread computes with denormals.
func denormalsOn() bool {
	x, half := float32(0x1p-126), float32(0.5)
	runtime.KeepAlive(&x) // so that the compiler does not know them
	runtime.KeepAlive(&half)
	return x*half != 0 && x*half*2 == x
}

// TestDenormals holds what upstream's operator does with a row that Softmax gives
// denormals for, and that the thread's own setting is as it was afterwards.
func TestDenormals(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	src, dst := faint(), make([]float32, 64)
	// By the polynomial of x86's kernels, and the table of arm64's.
	want := []float32{0x1.7e52p-132, 0x1.03d06p-130, 0x1.dff1f8p-128, 0x1.462816p-126}
	if runtime.GOARCH == "arm64" {
		want = []float32{0x1.7e52p-132, 0x1.03d06p-130, 0x1.dff2p-128, 0x1.46281cp-126}
	}
	Softmax(dst, src)
	if got := dst[20:24]; !slices.Equal(got, want) {
		t.Errorf("Softmax: %x, want %x", got, want)
	}
	if err := SoftmaxNCF32(dst, src, 1, 64, 64, 64, 1); err != nil {
		t.Fatal(err)
	}
	if got, want := dst[20:24], []float32{0, 0, 0, want[3]}; !slices.Equal(got, want) {
		t.Errorf("SoftmaxNCF32: %x, want %x", got, want)
	}
	if !denormalsOn() {
		t.Error("the thread computes without denormals after SoftmaxNCF32")
	}
	// Denormals that the row holds count as zeros too, in front of the exponential.
	tiny := []float32{0x1p-127, -0x1p-149, 0}
	if err := SoftmaxNCF32(tiny, tiny, 1, 3, 3, 3, 1); err != nil || tiny[0] != tiny[2] || tiny[1] != tiny[2] {
		t.Errorf("SoftmaxNCF32 of denormals: %x, %v", tiny, err)
	}
}

// TestSoftmaxNCF32 holds that the operator is Softmax of each row where no
// denormal comes up, whatever the strides and threads, and that nothing between
// the rows is written.
func TestSoftmaxNCF32(t *testing.T) {
	const mark = 12345
	for _, shape := range [][2]int{{1, 1}, {3, 5}, {7, 64}, {100, 10}, {2, 1001}} {
		rows, cols := shape[0], shape[1]
		for _, pad := range [][2]int{{0, 0}, {3, 0}, {0, 7}, {2, 2}} {
			dstStride, srcStride := cols+pad[0], cols+pad[1]
			src := inputs.Uniform10.Row(uint64(cols), (rows-1)*srcStride+cols)
			want := slices.Repeat([]float32{mark}, (rows-1)*dstStride+cols)
			SoftmaxRows(want, src, rows, cols, dstStride, srcStride)
			for _, threads := range []int{1, 2, 3, 200} {
				dst := slices.Repeat([]float32{mark}, len(want))
				if err := SoftmaxNCF32(dst, src, rows, cols, dstStride, srcStride, threads); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(dst, want) {
					t.Errorf("%dx%d, strides %d and %d, %d threads: not the rows' softmax and nothing else", rows, cols, dstStride, srcStride, threads)
				}
			}
			same := slices.Clone(src)
			wantSame := slices.Clone(src)
			SoftmaxRows(wantSame, wantSame, rows, cols, srcStride, srcStride)
			if err := SoftmaxNCF32(same, same, rows, cols, srcStride, srcStride, 2); err != nil || !slices.Equal(same, wantSame) {
				t.Errorf("%dx%d, stride %d, in place: not the rows' softmax and nothing else (%v)", rows, cols, srcStride, err)
			}
		}
	}
}

// TestOperatorInfinities holds that rows beyond float32's numbers do not leave the
// thread without denormals, whatever the kernels do with them.
func TestOperatorInfinities(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, x := range []float32{inf, -inf, nan, math.MaxFloat32} {
		row := slices.Repeat([]float32{x}, 65)
		if err := SoftmaxNCF32(row, row, 5, 13, 13, 13, 1); err != nil {
			t.Fatal(err)
		}
		if !denormalsOn() {
			t.Errorf("the thread computes without denormals after a row of %g", x)
		}
	}
}

// TestSoftmaxNCF16 compares the float16 operator with its kernels, one by one, and
// with float64, whatever the strides and threads.
func TestSoftmaxNCF16(t *testing.T) {
	const mark = 0x1234
	if !ukernel.AVX2.Supported() && !ukernel.NEONFP16ARITH.Supported() {
		err := SoftmaxNCF16([]uint16{0}, []uint16{0}, 1, 1, 1, 1, 1)
		if err == nil || !strings.Contains(err.Error(), "this CPU runs none of the f16_") {
			t.Errorf("error %v on a CPU that upstream does not take", err)
		}
		t.Skip("upstream's operator does not run on this CPU: ", err)
	}
	kernel := func(f ukernel.Family) ukernel.Func {
		name, ok := Preferred(f)
		k, err := Lookup(name)
		if !ok || err != nil {
			t.Fatal(name, err)
		}
		return k
	}
	rmax, exp, mul := kernel(ukernel.F16RMax), kernel(ukernel.F16RAddStoreExpMinusMax), kernel(ukernel.F16VMulC)
	for _, shape := range [][2]int{{1, 1}, {3, 5}, {7, 64}, {100, 10}, {2, 1001}} {
		rows, cols := shape[0], shape[1]
		for _, pad := range [][2]int{{0, 0}, {3, 0}, {0, 7}, {2, 2}} {
			dstStride, srcStride := cols+pad[0], cols+pad[1]
			floats := inputs.Normal.Row(uint64(cols), (rows-1)*srcStride+cols)
			src := inputs.Halves(floats)
			want := slices.Repeat([]uint16{mark}, (rows-1)*dstStride+cols)
			for i := range rows {
				x, y := src[i*srcStride:][:cols:cols], want[i*dstStride:][:cols:cols]
				sum := exp.F16RAddStoreExpMinusMax(y, x, rmax.F16RMax(x))
				mul.F16VMulC(y, y, f32.ToHalf(1/f32.FromHalf(sum)))
			}
			for _, threads := range []int{1, 2, 200} {
				dst := slices.Repeat([]uint16{mark}, len(want))
				if err := SoftmaxNCF16(dst, src, rows, cols, dstStride, srcStride, threads); err != nil {
					t.Fatal(err)
				}
				for i := range rows {
					exact := softmax64(floats[i*srcStride:][:cols])
					for j, h := range dst[i*dstStride:][:cols] {
						if got := float64(f32.FromHalf(h)); math.Abs(got-exact[j]) > 0x1p-6*exact[j]+0x1p-14 {
							t.Fatalf("%dx%d, row %d: element %d is %g, want %g", rows, cols, i, j, got, exact[j])
						}
					}
				}
				if runtime.GOARCH == "arm64" && threads == 1 {
					// Binary16 products below 2^-14, of which there are some in every row, are
					// zeros in the operator alone.
					for i := range rows {
						copy(want[i*dstStride:][:cols], dst[i*dstStride:])
					}
				}
				if !slices.Equal(dst, want) {
					t.Errorf("%dx%d, strides %d and %d, %d threads: not what the kernels give, and nothing else", rows, cols, dstStride, srcStride, threads)
				}
			}
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	one := []uint16{0x3c00, 0xfc00, 0x3c00}
	if err := SoftmaxNCF16(one, one, 1, 3, 3, 3, 1); err != nil || !slices.Equal(one, []uint16{0x3800, 0, 0x3800}) || !denormalsOn() {
		t.Errorf("%#04x, %v", one, err)
	}
}

func TestSoftmaxNCQU8(t *testing.T) {
	const mark = 0xa5
	for _, scale := range []float32{1. / 256, 0.1, 3, 0x1p-126, math.MaxFloat32} {
		op, err := NewSoftmaxNCQU8(scale, 1./256, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, shape := range [][2]int{{1, 1}, {3, 5}, {7, 64}, {100, 10}, {2, 1001}, {3, 512}, {3, 513}} {
			rows, cols := shape[0], shape[1]
			if scale == 0x1p-126 && cols > 512 {
				continue // equal exponentials, whose sum upstream rounds to more than 2^32
			}
			for _, pad := range [][2]int{{0, 0}, {3, 0}, {0, 7}, {2, 2}} {
				dstStride, srcStride := cols+pad[0], cols+pad[1]
				src := inputs.Bytes(inputs.Normal.Row(uint64(cols), (rows-1)*srcStride+cols))
				for _, threads := range []int{1, 2, 200} {
					dst := slices.Repeat([]uint8{mark}, (rows-1)*dstStride+cols)
					if err := op.Softmax(dst, src, rows, cols, dstStride, srcStride, threads); err != nil {
						t.Fatal(err)
					}
					for i := range rows {
						row := make([]float32, cols)
						for j := range row {
							row[j] = float32(src[i*srcStride+j])
						}
						top := float64(slices.Max(row))
						exp := func(x float32) float64 { return math.Exp((float64(x) - top) * float64(scale)) }
						var sum float64
						for _, x := range row {
							sum += exp(x)
						}
						for j, x := range row {
							want := min(255, 256*exp(x)/sum)
							if got := float64(dst[i*dstStride+j]); math.Abs(got-want) > 0.51 {
								t.Fatalf("scale %g, %dx%d, row %d: element %d is %g, want %g", scale, rows, cols, i, j, got, want)
							}
						}
						if between := dst[i*dstStride+cols : min(len(dst), (i+1)*dstStride)]; slices.ContainsFunc(between, func(x uint8) bool { return x != mark }) {
							t.Fatalf("%dx%d: written between the rows", rows, cols)
						}
					}
				}
			}
		}
	}
	for want, args := range map[string][3]float32{
		"the input scale is 0, it must be positive, finite": {0, 1. / 256, 0},
		"the input scale is -1":                             {-1, 1. / 256, 0},
		"the input scale is NaN":                            {nan, 1. / 256, 0},
		"the input scale is +Inf":                           {inf, 1. / 256, 0},
		"the input scale is 5.877472e-39":                   {0x1p-127, 1. / 256, 0},
		"the output scale is 0, it must be":                 {1, 0, 0},
		"the output scale is 0.5, it must be 1/256":         {1, 0.5, 0},
		"the output zero point is 3, it must be 0":          {1, 1. / 256, 3},
	} {
		if _, err := NewSoftmaxNCQU8(args[0], args[1], uint8(args[2])); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want one with %q", args, err, want)
		}
	}

	op, err := NewSoftmaxNCQU8(0.1, 1./256, 0)
	if err != nil {
		t.Fatal(err)
	}
	// One column too many for entries of 23 bits, whose sum would be 2^32 or more.
	most := slices.Repeat([]uint8{200}, 513)
	most[500] = 180
	if err := op.Softmax(most, most, 1, 513, 513, 513, 1); err != nil || slices.Max(most) > 1 {
		t.Errorf("512 of 513 equal elements: %d, error %v", slices.Max(most), err)
	}
	// 1024 times 2^22 is 2^32: the second row, where upstream divides by 0.
	src := inputs.Bytes(inputs.Normal.Row(1, 3*1024))
	clear(src[1024:2048])
	for _, threads := range []int{1, 2, 3} {
		if err := op.Softmax(make([]uint8, len(src)), src, 3, 1024, 1024, 1024, threads); err == nil || !strings.Contains(err.Error(), "row 1: upstream's sum") {
			t.Errorf("%d threads: error %v", threads, err)
		}
	}
}
