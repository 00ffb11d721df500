//go:build xnnpack && cgo && (amd64 || arm64)

package xnnpack

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// longest is beyond two turns of the longest main loop, which has 192 elements.
const longest = 400

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

// runnable calls f as a subtest for every kernel that this CPU can run, and logs
// those that it can't.
func runnable(t *testing.T, f func(t *testing.T, k ukernel.Kernel, fn ukernel.Func)) {
	missing := make(map[ukernel.ISA]int)
	for _, k := range Kernels() {
		if !k.ISA.Supported() {
			missing[k.ISA]++
			continue
		}
		fn, err := Lookup(k.Name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(k.Name, func(t *testing.T) { f(t, k, fn) })
	}
	for isa, n := range missing {
		t.Logf("not run: %d kernels of %v, which this CPU has not", n, isa)
	}
}

func TestKernels(t *testing.T) {
	if err := Available(); err != nil {
		t.Fatal(err)
	}
	if m := Missing(); len(m) != 0 || InOutMax() {
		t.Skipf("the library is not of the pinned commit: %d kernels are missing", len(m))
	}
	var want []ukernel.Kernel
	for _, k := range ukernel.Upstream() {
		if a := k.ISA.Arch(); a == "" || a == architecture {
			want = append(want, k)
		}
	}
	if got := Kernels(); !slices.Equal(got, want) || len(got) != kernelCount {
		t.Errorf("%d kernels, want the %d of upstream's that %s can compile", len(got), kernelCount, architecture)
	}
}

// TestReference compares every float32 kernel with its definition in float64. Those of
// narrower numbers are compared by the tests of the operators.
func TestReference(t *testing.T) {
	runnable(t, func(t *testing.T, k ukernel.Kernel, fn ukernel.Func) {
		if k.Family.Half() || k.Family.Bytes() {
			return
		}
		for n := 1; n <= longest; n++ {
			src := inputs.Uniform10.Row(uint64(n), n)
			a := ukernel.Args{Src: src, Max: slices.Max(src), Scale: 0.75, ScaleExp: -3}
			if k.Family.Stores() {
				a.Dst = make([]float32, n)
			}
			r := fn.Call(a)
			var sum float64
			for i, x := range src {
				x, max := float64(x), float64(a.Max)
				var want float64
				switch k.Family {
				case ukernel.RAddExtExp:
					sum += math.Exp(x)
				case ukernel.VScaleExtExp:
					want = math.Exp(x) * 0.75 / 8
				case ukernel.RAddExpMinusMax:
					sum += math.Exp(x - max)
				case ukernel.VScaleExpMinusMax:
					want = math.Exp(x-max) * 0.75
				case ukernel.RAddStoreExpMinusMax:
					want = math.Exp(x - max)
					sum += want
				case ukernel.VMulC:
					want = x * 0.75
				}
				if a.Dst != nil && !close(float64(a.Dst[i]), want) {
					t.Fatalf("n = %d: dst[%d] = %g, want %g", n, i, a.Dst[i], want)
				}
			}
			got := float64(r.Value)
			switch k.Family {
			case ukernel.RMax:
				sum = float64(a.Max)
			case ukernel.RAddExtExp:
				got = math.Ldexp(got, int(r.Exponent))
			}
			if !close(got, sum) {
				t.Fatalf("n = %d: result %g, want %g", n, got, sum)
			}
		}
	})
}

// close allows for the error of the worst exponential (neon lut64, without FMA:
// 2.1e-6) and of sums in the tests' short rows.
func close(x, want float64) bool { return math.Abs(x-want) <= 4e-6*math.Abs(want) }

// TestSoftmax compares the algorithms with float64, out of place and in place.
func TestSoftmax(t *testing.T) {
	for n := 1; n <= longest; n++ {
		src := inputs.Uniform10.Row(uint64(n), n)
		want := softmax64(src)
		check := func(what string, f func(dst, src []float32)) {
			dst, same := make([]float32, n), slices.Clone(src)
			f(dst, src)
			f(same, same)
			for i := range want {
				if !close(float64(dst[i]), want[i]) {
					t.Fatalf("%s, n = %d: dst[%d] = %g, want %g", what, n, i, dst[i], want[i])
				}
			}
			if !slices.Equal(same, dst) {
				t.Fatalf("%s, n = %d: in place differs", what, n)
			}
		}
		check("Softmax", Softmax)
		for _, a := range composable() {
			check(a.String(), func(dst, src []float32) {
				if err := SoftmaxWith(dst, src, Options{Algorithm: a}); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

// TestRows holds that rows have the bits of single rows, whatever the strides,
// in place or not, and that nothing between them is written.
func TestRows(t *testing.T) {
	const mark = 12345
	for _, shape := range [][2]int{{1, 1}, {3, 5}, {7, 64}, {100, 10}, {2, 1001}} {
		rows, cols := shape[0], shape[1]
		for _, pad := range [][2]int{{0, 0}, {3, 0}, {0, 7}, {2, 2}} {
			dstStride, srcStride := cols+pad[0], cols+pad[1]
			// The last rows end where the slices do.
			src := inputs.Uniform10.Row(uint64(cols), (rows-1)*srcStride+cols)
			dst := slices.Repeat([]float32{mark}, (rows-1)*dstStride+cols)
			same := slices.Clone(src)
			SoftmaxRows(dst, src, rows, cols, dstStride, srcStride)
			SoftmaxRows(same, same, rows, cols, srcStride, srcStride)
			want, wantSame := slices.Repeat([]float32{mark}, len(dst)), slices.Clone(src)
			for i := range rows {
				Softmax(want[i*dstStride:][:cols], src[i*srcStride:][:cols])
				Softmax(wantSame[i*srcStride:][:cols], src[i*srcStride:][:cols])
			}
			if !slices.Equal(dst, want) {
				t.Errorf("%dx%d, strides %d and %d: not the rows' softmax and nothing else", rows, cols, dstStride, srcStride)
			}
			if !slices.Equal(same, wantSame) {
				t.Errorf("%dx%d, stride %d, in place: not the rows' softmax and nothing else", rows, cols, srcStride)
			}
		}
	}
	SoftmaxRows(nil, nil, 0, 5, 5, 5)
	SoftmaxRows(nil, nil, 5, 0, 0, 0)
}

// composable lists the algorithms for which upstream has kernels on this CPU.
func composable() []ukernel.Algorithm {
	return slices.DeleteFunc(ukernel.Algorithms(), func(a ukernel.Algorithm) bool {
		return slices.ContainsFunc(a.Families(), func(f ukernel.Family) bool {
			_, ok := Preferred(f)
			return !ok
		})
	})
}

// TestChoice holds what Softmax and the options choose, by the bits.
func TestChoice(t *testing.T) {
	src := inputs.Normal.Row(1, 333)
	compute := func(opts Options) []float32 {
		dst := make([]float32, len(src))
		if err := SoftmaxWith(dst, src, opts); err != nil {
			t.Fatal(err)
		}
		return dst
	}
	want := make([]float32, len(src))
	Softmax(want, src)
	if !slices.Equal(compute(Options{}), want) || !slices.Equal(compute(Options{Algorithm: ukernel.ThreePassReload}), want) {
		t.Error("Softmax is not ThreePassReload with the default kernels")
	}
	var names []string
	for _, f := range ukernel.ThreePassReload.Families() {
		name, ok := Preferred(f)
		if !ok {
			t.Fatalf("no preferred kernel of %v", f)
		}
		names = append(names, name)
	}
	slices.Reverse(names)
	if !slices.Equal(compute(Options{Algorithm: ukernel.ThreePassReload, Kernels: names}), want) {
		t.Errorf("%v give other bits than the defaults", names)
	}
	scalar := "f32_raddstoreexpminusmax_ukernel__scalar_rr2_lut64_p2_u4_acc4"
	dst := compute(Options{Kernels: []string{scalar}})
	sum := float32(0)
	max := slices.Max(src)
	f, err := Lookup(scalar)
	if err != nil {
		t.Fatal(err)
	}
	sum = f.RAddStoreExpMinusMax(want, src, max)
	for i := range want {
		if dst[i] != want[i]*(1/sum) {
			t.Fatalf("dst[%d] = %g with %s, want %g", i, dst[i], scalar, want[i]*(1/sum))
		}
	}
}

func TestErrors(t *testing.T) {
	src := []float32{1, 2, 3}
	for _, c := range []struct {
		opts Options
		want string
	}{
		{Options{Algorithm: 77}, "Algorithm(77)"},
		{Options{Kernels: []string{"f32_rmax_ukernel__mmx_u2"}}, `"f32_rmax_ukernel__mmx_u2": no such kernel`},
		{Options{Kernels: []string{foreign}}, foreign + `": no such kernel`},
		{Options{Algorithm: ukernel.TwoPass, Kernels: []string{"f32_rmax_ukernel__scalar_u1"}}, `two-pass has no pass for kernel "f32_rmax_ukernel__scalar_u1"`},
		{Options{Kernels: []string{"f32_rmax_ukernel__scalar_u1", "f32_rmax_ukernel__scalar_u2_acc2"}}, `"f32_rmax_ukernel__scalar_u1" and "f32_rmax_ukernel__scalar_u2_acc2" are for the same pass`},
	} {
		dst := []float32{7, 7, 7}
		if err := SoftmaxWith(dst, src, c.opts); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want one with %q", c.opts, err, c.want)
		}
		if !slices.Equal(dst, []float32{7, 7, 7}) {
			t.Errorf("%+v: dst was written", c.opts)
		}
	}
	if _, err := Lookup("xnn_f32"); !errors.Is(err, ukernel.ErrUnknownKernel) {
		t.Errorf("Lookup: error %v", err)
	}
	for _, k := range Kernels() {
		if k.ISA.Supported() {
			continue
		}
		var unsupported *ukernel.UnsupportedError
		if _, err := Lookup(k.Name); !errors.As(err, &unsupported) || unsupported.Name != k.Name {
			t.Errorf("Lookup(%q): error %v, want an UnsupportedError", k.Name, err)
		}
	}
	for _, a := range ukernel.Algorithms() {
		if err := SoftmaxWith(make([]float32, 3), src, Options{Algorithm: a}); (err == nil) != slices.Contains(composable(), a) {
			t.Errorf("%v: error %v", a, err)
		}
	}
}

// TestPanics holds that functions refuse slices and matrices that do not fit. They leave the thread's setting of
// denormals alone then, and for a matrix without elements.
func TestPanics(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	x := make([]float32, 10)
	f, err := Lookup("f32_rmax_ukernel__scalar_u1")
	if err != nil {
		t.Fatal(err)
	}
	for want, call := range map[string]func(){
		"xnnpack.Softmax: len(dst) is 2, len(src) is 3":                                        func() { Softmax(x[:2], x[:3]) },
		"xnnpack.SoftmaxWith: len(dst) is 2, len(src) is 3":                                    func() { SoftmaxWith(x[:2], x[:3], Options{}) },
		"xnnpack.Softmax: dst of 5 elements overlaps src of 5; they must be the same or apart": func() { Softmax(x[2:7], x[:5]) },
		"xnnpack.SoftmaxRows: len(dst) is 3, too short for 2 rows of 2 columns with stride 2":  func() { SoftmaxRows(x[:3], x[:4], 2, 2, 2, 2) },
		"xnnpack.SoftmaxRows: the stride of src is 1, it must be at least the number of":       func() { SoftmaxRows(x[:4], x[:4], 2, 2, 2, 1) },
		"xnnpack.SoftmaxRows: -1 rows of 2 columns":                                            func() { SoftmaxRows(x, x, -1, 2, 2, 2) },
		"xnnpack.SoftmaxRows: dst (stride 2) and src (stride 3) overlap":                       func() { SoftmaxRows(x, x, 2, 2, 2, 3) },
		"f32_rmax_ukernel__scalar_u1: len(src) is 0":                                           func() { f.RMax(nil) },
		"xnnpack.SoftmaxNCF32: threads is 0, it must be at least 1":                            func() { SoftmaxNCF32(x, x, 2, 2, 2, 2, 0) },
		"xnnpack.SoftmaxNCF32: len(dst) is 3, too short for 2 rows of 2 columns with":          func() { SoftmaxNCF32(x[:3], x, 2, 2, 2, 2, 1) },
		"xnnpack.SoftmaxNCF32: the stride of src is 1":                                         func() { SoftmaxNCF32(x, x, 2, 2, 2, 1, 1) },
		"xnnpack.SoftmaxNCF32: dst (stride 2) and src (stride 3) overlap":                      func() { SoftmaxNCF32(x[1:], x, 1, 2, 2, 3, 1) },
		"xnnpack.TimeSoftmax: 10 elements in rows of 0, 1 times":                               func() { TimeSoftmax(x, x, 0, 1, Options{}) },
		"xnnpack.TimeSoftmax: 10 elements in rows of 5, 0 times":                               func() { TimeSoftmax(x, x, 5, 0, Options{}) },
		"xnnpack.TimeSoftmax: 10 elements in rows of 7, 1 times":                               func() { TimeSoftmax(x, x, 7, 1, Options{}) },
	} {
		func() {
			defer func() {
				if s := fmt.Sprint(recover()); !strings.Contains(s, want) {
					t.Errorf("panic %q, want one with %q", s, want)
				}
			}()
			call()
		}()
	}
	Softmax(nil, nil)
	Softmax(x[3:3], x[4:4])
	for _, shape := range [][2]int{{0, 4}, {4, 0}, {0, 0}} {
		if err := SoftmaxNCF32(nil, nil, shape[0], shape[1], 4, 4, 1); err != nil {
			t.Error(err)
		}
	}
	if !denormalsOn() {
		t.Error("the thread computes without denormals")
	}
}

// TestSpecialValues holds the table in the package comment.
func TestSpecialValues(t *testing.T) {
	const (
		right  = iota // exp(x) / sum(exp(x)), to 4e-6
		allNaN        // NaN everywhere
		split         // NaN at the special value, 0 elsewhere
		wrong         // a NaN somewhere
		unstated
	)
	// The table's rows. Each special value stands among values in [-10, 10).
	rows := []struct {
		name     string
		specials []float32
		all      bool // every value of the row is the special one
	}{
		{"N up to 1e10", []float32{-1e10, -1e5, 1e5, 1e10}, false},
		{"N above 4e15", []float32{-1e30, -4e15, 4e15, 1e30}, false},
		{"N at the limit", []float32{-math.MaxFloat32, math.MaxFloat32}, false},
		{"some -Inf", []float32{-inf}, false},
		{"all -Inf", []float32{-inf}, true},
		{"a +Inf", []float32{inf}, false},
		{"a NaN", []float32{nan, -nan}, false},
	}
	for _, column := range []struct {
		name      string
		algorithm ukernel.Algorithm
		kernels   []string
		want      [7]int // by row
	}{
		{"reload, as preferred", ukernel.ThreePassReload, nil,
			[7]int{right, right, right, right, allNaN, allNaN, allNaN}},
		{"reload, scalar", ukernel.ThreePassReload,
			[]string{"f32_rmax_ukernel__scalar_u4_acc4", "f32_raddstoreexpminusmax_ukernel__scalar_rr2_p5_u4_acc2", "f32_vmulc_ukernel__scalar_u8"},
			[7]int{right, right, right, right, allNaN, allNaN, allNaN}},
		{"reload, SSE2", ukernel.ThreePassReload,
			[]string{"f32_rmax_ukernel__sse_u16_acc4", "f32_raddstoreexpminusmax_ukernel__sse2_rr2_p5_u16_acc2", "f32_vmulc_ukernel__sse_u8"},
			[7]int{right, right, right, right, allNaN, allNaN, allNaN}},
		{"reload, AVX2", ukernel.ThreePassReload,
			[]string{"f32_rmax_ukernel__avx_u32_acc4", "f32_raddstoreexpminusmax_ukernel__avx2_rr2_p5_u32_acc2", "f32_vmulc_ukernel__avx_u16"},
			[7]int{right, right, right, right, allNaN, allNaN, allNaN}},
		{"recompute, AVX2", ukernel.ThreePassRecompute,
			[]string{"f32_rmax_ukernel__avx_u32_acc4", "f32_raddexpminusmax_ukernel__avx2_p5_u96", "f32_vscaleexpminusmax_ukernel__avx2_p5_u24"},
			[7]int{right, right, right, right, allNaN, allNaN, allNaN}},
		{"recompute, AVX-512F", ukernel.ThreePassRecompute,
			[]string{"f32_rmax_ukernel__avx512f_u64_acc4", "f32_raddexpminusmax_ukernel__avx512f_p5_scalef_u128_acc4", "f32_vscaleexpminusmax_ukernel__avx512f_p5_scalef_u16"},
			[7]int{right, wrong, unstated, right, allNaN, allNaN, allNaN}},
		{"two-pass, AVX2", ukernel.TwoPass,
			[]string{"f32_raddextexp_ukernel__avx2_p5_u96", "f32_vscaleextexp_ukernel__avx2_p5_u40"},
			[7]int{right, wrong, unstated, allNaN, allNaN, allNaN, allNaN}},
		{"two-pass, AVX-512F", ukernel.TwoPass,
			[]string{"f32_raddextexp_ukernel__avx512f_p5_scalef_u144_acc3", "f32_vscaleextexp_ukernel__avx512f_p5_scalef_u16"},
			[7]int{right, wrong, unstated, right, allNaN, split, allNaN}},
	} {
		t.Run(column.name, func(t *testing.T) {
			for _, name := range column.kernels {
				if k := ukernel.MustParse(name); !k.ISA.Supported() {
					t.Skipf("this CPU has no %v", k.ISA)
				}
			}
			for i, row := range rows {
				for n := 2; n < 300; n += 7 {
					for _, special := range row.specials {
						at := n * 5 % n
						src := inputs.Uniform10.Row(uint64(n), n)
						if src[at] = special; row.all {
							src = slices.Repeat([]float32{special}, n)
						}
						dst := make([]float32, n)
						if err := SoftmaxWith(dst, src, Options{column.algorithm, column.kernels}); err != nil {
							t.Fatal(err)
						}
						want := softmax64(src)
						ok := column.want[i] != wrong || slices.ContainsFunc(dst, func(y float32) bool { return y != y })
						for j, y := range dst {
							isNaN := y != y
							switch column.want[i] {
							case right:
								ok = ok && (close(float64(y), want[j]) || y == 0 && want[j] < 0x1p-125)
							case allNaN:
								ok = ok && isNaN
							case split:
								ok = ok && (isNaN && j == at || y == 0 && j != at)
							}
						}
						if !ok {
							t.Fatalf("%s: n = %d, %g at %d: %g", row.name, n, special, at, dst)
						}
					}
				}
			}
		})
	}
}

// softmax64 is softmax in float64, of at least one element.
func softmax64(src []float32) []float64 {
	dst := make([]float64, len(src))
	max, sum := float64(slices.Max(src)), 0.0
	for i, x := range src {
		dst[i] = math.Exp(float64(x) - max)
		sum += dst[i]
	}
	for i := range dst {
		dst[i] /= sum
	}
	return dst
}

func TestAllocs(t *testing.T) {
	src, dst := inputs.Normal.Row(1, 1000), make([]float32, 1000)
	none := func(what string, f func()) {
		if n := testing.AllocsPerRun(20, f); n != 0 {
			t.Errorf("%s: %g allocations", what, n)
		}
	}
	none("Softmax", func() { Softmax(dst, src) })
	none("SoftmaxRows", func() { SoftmaxRows(dst, src, 10, 100, 100, 100) })
	none("SoftmaxNCF32", func() { SoftmaxNCF32(dst, src, 10, 100, 100, 100, 1) })
	if ukernel.AVX2.Supported() || ukernel.NEONFP16ARITH.Supported() {
		halves, dst16 := inputs.Halves(src), make([]uint16, len(src))
		none("SoftmaxNCF16", func() { SoftmaxNCF16(dst16, halves, 10, 100, 100, 100, 1) })
	}
	op, err := NewSoftmaxNCQU8(0.1, 1./256, 0)
	if err != nil {
		t.Fatal(err)
	}
	bytes, dst8 := inputs.Bytes(src), make([]uint8, len(src))
	none("SoftmaxNCQU8", func() {
		op.Softmax(dst8, bytes, 10, 100, 100, 100, 1)
		op.Softmax(dst8, bytes, 1, 1000, 1000, 1000, 1) // by a table of its own
	})
	names := []string{"f32_rmax_ukernel__scalar_u4_acc4"}
	none("SoftmaxWith", func() { SoftmaxWith(dst, src, Options{Kernels: names}) })
	for _, a := range composable() {
		none(a.String(), func() { SoftmaxWith(dst, src, Options{Algorithm: a}) })
	}
	runnable(t, func(t *testing.T, k ukernel.Kernel, fn ukernel.Func) {
		a := inputs.Args(k.Family, 0, src)
		none(k.Name, func() { fn.Call(a) })
	})
}

// localArraysStay is whether a caller's local arrays stay on the stack.
const localArraysStay = false

// TestLocalArrays holds that calls with local arrays allocate nothing, once they don't.
func TestLocalArrays(t *testing.T) {
	const n = 777
	for name, f := range map[string]func(){
		"Softmax":     func() { var x, y [n]float32; Softmax(y[:], x[:]) },
		"SoftmaxRows": func() { var x, y [n]float32; SoftmaxRows(y[:], x[:], 7, 111, 111, 111) },
	} {
		if allocs := testing.AllocsPerRun(50, f); (allocs == 0) != localArraysStay {
			t.Errorf("%s with local arrays allocates %v times; localArraysStay is %v", name, allocs, localArraysStay)
		}
	}
}

// TestConcurrent runs all algorithms on shared inputs from several goroutines;
// the race detector sees the Go side of it.
func TestConcurrent(t *testing.T) {
	src := inputs.Normal.Row(2, 5000)
	want := make([]float32, len(src))
	Softmax(want, src)
	var wg sync.WaitGroup
	for range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			dst := make([]float32, len(src))
			for range 50 {
				for _, a := range composable() {
					if err := SoftmaxWith(dst, src, Options{Algorithm: a}); err != nil {
						t.Error(err)
					}
				}
				Softmax(dst, src)
				if !slices.Equal(dst, want) {
					t.Error("another result beside other goroutines")
				}
			}
		}()
	}
	wg.Wait()
}
