package native

import (
	"encoding"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/ukernel"
)

// randomRow is a row of n elements around 0; every other seed masks some.
func randomRow(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, uint64(n)))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * 4)
		if seed%2 == 1 && r.IntN(4) == 0 {
			x[i] = negInf
		}
	}
	return x
}

func must(t testing.TB, options ...Option) Softmaxer {
	t.Helper()
	s, err := New(options...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if got := fmt.Sprint(recover()); !strings.Contains(got, text) {
			t.Errorf("panic %q, want one with %q", got, text)
		}
	}()
	f()
}

func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want one with %q", err, text)
	}
}

// TestInPlace holds that in place gives the bits that out of place does.
func TestInPlace(t *testing.T) {
	for _, s := range settings(t, 1, 2) {
		for _, n := range []int{1, 7, 64, 1000, 5003, 2*chunkLen + 77} {
			src := randomRow(n, uint64(n))
			want := compute(s.Softmaxer, src)
			x := slices.Clone(src)
			s.Softmax(x, x)
			if !sameRow(x, want.softmax) {
				t.Errorf("%s: softmax of %d elements in place differs", s.name, n)
			}
			copy(x, src)
			s.LogSoftmax(x, x)
			if !sameRow(x, want.logSoftmax) {
				t.Errorf("%s: log-softmax of %d elements in place differs", s.name, n)
			}
		}
	}
}

// TestGoroutines holds that the number of goroutines does not show in the bits.
func TestGoroutines(t *testing.T) {
	for _, isa := range Levels() {
		for _, a := range append(ukernel.Algorithms(), ukernel.Auto) {
			one := must(t, WithISA(isa), WithAlgorithm(a))
			for _, n := range []int{1, vectorLeast, chunkLen, chunkLen + 1, 3*chunkLen + 19} {
				for seed := range uint64(2) {
					x := randomRow(n, seed)
					want := compute(one, x)
					for _, g := range []int{2, 3, 64} {
						got := compute(must(t, WithISA(isa), WithAlgorithm(a), WithGoroutines(g)), x)
						if !sameRow(got.softmax, want.softmax) || !sameRow(got.logSoftmax, want.logSoftmax) || !same(got.logSumExp, want.logSumExp) {
							t.Errorf("%v %v: %d elements by %d goroutines differ from one", isa, a, n, g)
						}
					}
				}
			}
		}
	}
}

// TestRows holds that rows have the bits of single rows, whatever the strides,
// the goroutines and the place, and that nothing between them changes.
func TestRows(t *testing.T) {
	const mark = 12345
	for _, s := range settings(t, 1, 3) {
		for _, shape := range [][2]int{{1, 1}, {3, 5}, {7, 64}, {200, 10}, {30, 300}, {5, 1001}, {2, chunkLen + 3}} {
			rows, cols := shape[0], shape[1]
			if s.goroutines == 3 && rows*cols < vectorLeast {
				continue
			}
			for _, pad := range [][2]int{{0, 0}, {3, 0}, {0, 7}} {
				dstStride, srcStride := cols+pad[0], cols+pad[1]
				src := randomRow(rows*srcStride, uint64(rows))
				dst := slices.Repeat([]float32{mark}, rows*dstStride)
				logs := slices.Clone(dst)
				lse := make([]float32, rows)
				s.SoftmaxRows(dst, src, rows, cols, dstStride, srcStride)
				s.LogSoftmaxRows(logs, src, rows, cols, dstStride, srcStride)
				s.LogSumExpRows(lse, src, rows, cols, srcStride)
				inPlace := slices.Clone(src)
				s.SoftmaxRows(inPlace, inPlace, rows, cols, srcStride, srcStride)
				for i := range rows {
					want := compute(s.Softmaxer, src[i*srcStride:][:cols])
					if !sameRow(dst[i*dstStride:][:cols], want.softmax) || !sameRow(logs[i*dstStride:][:cols], want.logSoftmax) ||
						!same(lse[i], want.logSumExp) || !sameRow(inPlace[i*srcStride:][:cols], want.softmax) {
						t.Errorf("%s: row %d of %dx%d, strides %d and %d, differs", s.name, i, rows, cols, dstStride, srcStride)
						break
					}
					for _, gap := range [][]float32{dst[i*dstStride+cols : (i+1)*dstStride], logs[i*dstStride+cols : (i+1)*dstStride]} {
						if slices.IndexFunc(gap, func(x float32) bool { return x != mark }) >= 0 {
							t.Fatalf("%s: %dx%d: written between rows", s.name, rows, cols)
						}
					}
					if !sameRow(inPlace[i*srcStride+cols:(i+1)*srcStride], src[i*srcStride+cols:(i+1)*srcStride]) {
						t.Fatalf("%s: %dx%d in place: written between rows", s.name, rows, cols)
					}
				}
			}
		}
	}
	lse := []float32{1, 2}
	LogSumExpRows(lse, nil, 2, 0, 0)
	if lse[0] != negInf || lse[1] != negInf {
		t.Errorf("log-sum-exp of empty rows is %v", lse)
	}
}

// TestRowsShared holds that goroutines which share the rows of a matrix do each
// row once: in place, where a row that is done twice is wrong, and for shares of
// one row and of several.
func TestRowsShared(t *testing.T) {
	for _, shape := range [][2]int{{3, 20000}, {64, 1000}, {5000, 10}, {1001, 300}} {
		rows, cols := shape[0], shape[1]
		src := randomRow(rows*cols, 0)
		for _, g := range []int{2, 3} {
			s := must(t, WithGoroutines(g), WithScale(0.5)).Masked(Mask{Causal: true, Offset: cols / 2})
			one := must(t, WithScale(0.5)).Masked(Mask{Causal: true, Offset: cols / 2})
			for name, f := range map[string]func(s Softmaxer, x []float32){
				"softmax":     func(s Softmaxer, x []float32) { s.SoftmaxRows(x, x, rows, cols, cols, cols) },
				"log-softmax": func(s Softmaxer, x []float32) { s.LogSoftmaxRows(x, x, rows, cols, cols, cols) },
				"log-sum-exp": func(s Softmaxer, x []float32) { s.LogSumExpRows(x[:rows], slices.Clone(x), rows, cols, cols) },
			} {
				got, want := slices.Clone(src), slices.Clone(src)
				f(s, got)
				f(one, want)
				if !sameRow(got, want) {
					t.Errorf("%s of %dx%d in place by %d goroutines differs from one's", name, rows, cols, g)
				}
			}
		}
	}
}

// TestMask compares masks with rows that are masked before they are given.
func TestMask(t *testing.T) {
	for _, cols := range []int{40, 300, sumBlock + 907} {
		t.Run(fmt.Sprint(cols), func(t *testing.T) { testMask(t, cols) })
	}
}

func testMask(t *testing.T, cols int) {
	const rows = 9
	stride := cols + 11
	r := rand.New(rand.NewPCG(1, 2))
	src := randomRow(rows*cols, 0)
	add := make([]float32, rows*stride)
	keep := make([]bool, rows*stride)
	for i := range add {
		if add[i] = float32(r.NormFloat64()); r.IntN(5) == 0 {
			add[i] = negInf
		}
		keep[i] = r.IntN(3) > 0
	}
	for i := 4 * stride; i < 5*stride; i++ {
		keep[i] = false // a row with nothing left
	}
	scale := float32(0.37)
	for _, c := range []struct {
		name  string
		scale float32
		Mask
	}{
		{"add row", 1, Mask{Add: add[:cols]}},
		{"keep row", 1, Mask{Keep: keep[:cols]}},
		{"add matrix", 1, Mask{Add: add, Stride: stride}},
		{"keep matrix", scale, Mask{Keep: keep, Stride: stride}},
		{"causal", 1, Mask{Causal: true}},
		{"causal from 7", scale, Mask{Causal: true, Offset: 7}},
		{"causal before the first", 1, Mask{Causal: true, Offset: -3}},
		{"causal without end", 1, Mask{Causal: true, Offset: math.MaxInt}},
		{"all", scale, Mask{Add: add, Keep: keep, Stride: stride, Causal: true, Offset: 150}},
		{"scale", scale, Mask{}},
	} {
		for _, s := range settings(t, 1, 2) {
			if c.scale != 1 {
				s.scale = c.scale
			}
			masked := s.Masked(c.Mask)
			plain := must(t, WithISA(s.engine.isa), WithAlgorithm(s.algorithm))
			x := slices.Clone(src)
			if c.Keep != nil {
				for i := range x { // what is taken out may be anything
					if !keep[i/cols*c.Stride+i%cols] {
						x[i] = nan
					}
				}
			}
			dst := make([]float32, rows*cols)
			logs := make([]float32, rows*cols)
			lse := make([]float32, rows)
			masked.SoftmaxRows(dst, x, rows, cols, cols, cols)
			masked.LogSoftmaxRows(logs, x, rows, cols, cols, cols)
			masked.LogSumExpRows(lse, x, rows, cols, cols)
			for i := range rows {
				row := make([]float32, cols)
				for j := range row {
					row[j] = float32(src[i*cols+j] * c.scale)
					if c.Add != nil {
						row[j] += add[i*c.Stride+j]
					}
					if c.Keep != nil && !keep[i*c.Stride+j] || c.Causal && j-i > c.Offset {
						row[j] = negInf
					}
				}
				got := result{dst[i*cols:][:cols], logs[i*cols:][:cols], lse[i]}
				if err := verify(row, got, nan); err != nil {
					t.Errorf("%s, %s: row %d: %v", c.name, s.name, i, err)
				}
				if want := compute(plain, row); !c.Causal && !(sameRow(got.softmax, want.softmax) && sameRow(got.logSoftmax, want.logSoftmax)) {
					t.Errorf("%s, %s: row %d: bits differ from those of a row masked before", c.name, s.name, i)
				}
			}
		}
	}
	// A NaN that is seen makes all of its row NaN, one that is hidden nothing.
	x := []float32{1, nan, 3, 4}
	dst := make([]float32, 4)
	causal := Softmaxer{}.Masked(Mask{Causal: true, Offset: 1})
	if causal.Softmax(dst, x); dst[0] == dst[0] || dst[3] == dst[3] {
		t.Errorf("softmax with a NaN in sight is %v", dst)
	}
	causal = causal.Masked(Mask{Causal: true})
	if causal.LogSoftmax(dst, x); dst[0] != 0 || dst[1] != negInf {
		t.Errorf("log-softmax with a NaN out of sight is %v", dst)
	}
}

// TestScale holds that a scale gives the bits of a row that was scaled before.
func TestScale(t *testing.T) {
	for _, scale := range []float32{0.1, 2.5, -1, 1e-30} {
		s := must(t, WithScale(scale))
		x := randomRow(3000, 2)
		scaled := make([]float32, len(x))
		for i := range x {
			scaled[i] = x[i] * scale
		}
		got := compute(s, x)
		if err := verify(scaled, got, nan); err != nil {
			t.Errorf("scale %v: %v", scale, err)
		}
		if want := compute(Softmaxer{}, scaled); !sameRow(got.softmax, want.softmax) {
			t.Errorf("scale %v: softmax differs", scale)
		}
	}
}

func TestPanics(t *testing.T) {
	x := make([]float32, 100)
	var s Softmaxer
	wantPanic(t, "native.Softmax: len(dst) is 3, len(src) is 4", func() { Softmax(x[:3], x[4:8]) })
	wantPanic(t, "native.Softmax: dst begins 4 bytes after src and overlaps it", func() { Softmax(x[1:6], x[:5]) })
	wantPanic(t, "native.LogSoftmax: len(dst) is 0, len(src) is 100", func() { LogSoftmax(nil, x) })
	wantPanic(t, "native.LogSoftmax: dst begins", func() { LogSoftmax(x[:5], x[4:9]) })
	wantPanic(t, "-1 rows of 3 columns", func() { SoftmaxRows(x, x, -1, 3, 3, 3) })
	wantPanic(t, "the stride of dst is 2, it must be at least the number of columns, 3", func() { SoftmaxRows(x, x, 2, 3, 2, 3) })
	wantPanic(t, "len(src) is 9, too short for 3 rows of 4 columns with stride 4", func() { SoftmaxRows(x[50:], x[:9], 3, 4, 4, 4) })
	wantPanic(t, "too short", func() { SoftmaxRows(x[50:], x[:9], math.MaxInt, 3, 3, 3) })
	wantPanic(t, "too short", func() { LogSoftmaxRows(x, x, 2, 3, math.MaxInt, 3) })
	wantPanic(t, "dst (stride 4) and src (stride 5) overlap", func() { SoftmaxRows(x, x, 3, 4, 4, 5) })
	wantPanic(t, "overlap", func() { SoftmaxRows(x[1:], x, 3, 4, 4, 4) })
	wantPanic(t, "len(dst) is 2, it must be the number of rows, 3", func() { LogSumExpRows(x[50:52], x[:30], 3, 10, 10) })
	wantPanic(t, "dst of 3 elements overlaps src of 30", func() { LogSumExpRows(x[:3], x[:30], 3, 10, 10) })
	wantPanic(t, "len(Mask.Add) is 3, it must be that of a row, 4", func() { s.Masked(Mask{Add: x[:3]}).Softmax(x[:4], x[:4]) })
	wantPanic(t, "len(Mask.Keep) is 1, it must be that of a row, 4", func() { s.Masked(Mask{Keep: make([]bool, 1)}).LogSumExp(x[:4]) })
	wantPanic(t, "the stride of Mask.Add is 3", func() { s.Masked(Mask{Add: x, Stride: 3}).SoftmaxRows(x, x, 2, 4, 4, 4) })
	wantPanic(t, "len(Mask.Add) is 7, too short for 2 rows", func() { s.Masked(Mask{Add: x[:7], Stride: 4}).SoftmaxRows(x, x, 2, 4, 4, 4) })
	for _, dst := range [][]float32{x[50:54], x[47:51], x[53:57]} { // the mask, or a part of it
		masked := s.Masked(Mask{Add: x[50:54]})
		const text = "dst of 4 elements overlaps Mask.Add of 4; they must be apart"
		wantPanic(t, "native.Softmax: "+text, func() { masked.Softmax(dst, x[:4]) })
		wantPanic(t, "native.Softmax: "+text, func() { masked.Softmax(dst, dst) })
		wantPanic(t, "native.LogSoftmax: "+text, func() { masked.LogSoftmax(dst, x[:4]) })
		wantPanic(t, "native.SoftmaxRows: "+text, func() { masked.SoftmaxRows(dst, x[:4], 1, 4, 4, 4) })
		wantPanic(t, "native.LogSoftmaxRows: "+text, func() { masked.LogSoftmaxRows(dst, x[:4], 1, 4, 4, 4) })
		wantPanic(t, "native.LogSumExpRows: "+text, func() { masked.LogSumExpRows(dst, x[:16], 4, 4, 4) })
		wantPanic(t, "native.SoftmaxHalf: "+text, func() { SoftmaxHalf(masked, dst, make([]Float16, 4)) })
		wantPanic(t, "native.LogSoftmaxHalf: "+text, func() { LogSoftmaxHalf(masked, dst, make([]Float16, 4)) })
		wantPanic(t, "native.SoftmaxHalfRows: "+text, func() { SoftmaxHalfRows(masked, dst, make([]Float16, 4), 1, 4, 4, 4) })
	}
	s.Masked(Mask{Add: x[8:12]}).SoftmaxRows(x, x, 2, 4, 4, 4) // behind the matrix, and src, may be the mask
	s.Masked(Mask{Add: x[:4]}).Softmax(x[8:12], x[:4])
	h := make([]Float16, 10)
	wantPanic(t, "native.SoftmaxHalf: len(dst) is 9, len(src) is 10", func() { SoftmaxHalf(s, x[:9], h) })
	wantPanic(t, "native.SoftmaxHalf: dst of 5 elements overlaps src of 5", func() { SoftmaxHalf(s, h[2:7], h[:5]) })
	wantPanic(t, "too short", func() { SoftmaxHalfRows(s, x, h, 2, 6, 6, 6) })
	wantPanic(t, "native.SoftmaxGrad: len(dst) is 4, len(y) is 4, len(dy) is 5", func() { SoftmaxGrad(x[:4], x[10:14], x[20:25]) })
	wantPanic(t, "native.LogSoftmaxGrad: dst of 4 elements overlaps y of 4", func() { LogSoftmaxGrad(x[:4], x[1:5], x[20:24]) })
	wantPanic(t, "native.Accumulator.Softmax: len(dst) is 1", func() { new(Accumulator).Softmax(x[:1], x[:2]) })
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		Option
		text string
	}{
		{WithScale(0), "scale is 0"},
		{WithScale(inf), "scale is +Inf"},
		{WithScale(nan), "scale is NaN"},
		{WithAlgorithm(99), "Algorithm(99) does not exist"},
		{WithGoroutines(0), "0 goroutines"},
		{WithGoroutines(-1), "-1 goroutines"},
		{WithISA(ukernel.ISA(77)), "does not exist"},
	} {
		_, err := New(WithZeroRows(), c.Option)
		wantError(t, err, c.text)
	}
	foreign := ukernel.NEON
	if runtime.GOARCH == "arm64" {
		foreign = ukernel.AVX2
	}
	_, err := New(WithISA(foreign))
	wantError(t, err, foreign.String()+" is of ")

	if s := must(t); s.algorithm != ukernel.Auto {
		t.Error("the default algorithm is not auto")
	}
	var zero Softmaxer
	x := randomRow(100, 0)
	if !sameRow(compute(zero, x).softmax, compute(must(t), x).softmax) {
		t.Error("the zero Softmaxer is not New()")
	}
}

// TestReproducible holds that the choice does not look at the machine.
func TestReproducible(t *testing.T) {
	s := must(t, WithReproducible())
	a, from, _ := s.far()
	for _, n := range []int{1, max(1, from)} {
		if text := s.Explain(n); from != 0 && !strings.Contains(text, fmt.Sprint(from)) {
			t.Errorf("Explain(%d) does not give the limit %d:\n%s", n, from, text)
		}
	}
	if near, far := s.choose(max(1, from-1)), s.choose(max(1, from)); near != ukernel.ThreePassReload || from != 0 && far != a {
		t.Errorf("chosen are %v and %v, want %v and, from %d elements, %v", near, far, ukernel.ThreePassReload, from, a)
	}
}

func TestExplain(t *testing.T) {
	for _, isa := range Levels() {
		for _, a := range append(ukernel.Algorithms(), ukernel.Auto) {
			s := must(t, WithISA(isa), WithAlgorithm(a))
			for _, n := range []int{1, 1000, 1 << 24} {
				text := s.Explain(n)
				if name := s.engine.shortName; n == 1 && s.choose(n) == ukernel.ThreePassReload && !strings.Contains(text, name) {
					t.Errorf("%v %v: Explain does not name %s", isa, a, name)
				}
				if name := s.engine.longName; n == 1000 && s.choose(n) == ukernel.ThreePassReload && !strings.Contains(text, name) {
					t.Errorf("%v %v: Explain does not name %s", isa, a, name)
				}
				for _, f := range s.choose(n).Families() {
					if name := s.engine.kernels[f].Name; name != "" && !strings.Contains(text, name) {
						t.Errorf("%v %v: Explain does not name %s", isa, a, name)
					}
				}
				if !strings.Contains(text, s.choose(n).String()) || !strings.Contains(text, "level "+isa.String()+", as WithISA says") {
					t.Errorf("Explain:\n%s", text)
				}
			}
		}
	}
}

// TestEngines holds that each level runs kernels of its own instructions and of
// narrower ones only, and that all that are preferred exist.
func TestEngines(t *testing.T) {
	byName := make(map[string]bool)
	for _, k := range Kernels() {
		byName[k.Name] = true
	}
	for _, names := range preferred {
		for _, name := range names {
			if arch := ukernel.MustParse(name).ISA.Arch(); !byName[name] && (arch == "" || arch == runtime.GOARCH && available(ukernel.MustParse(name).ISA) == nil) {
				t.Errorf("%s is preferred but does not exist", name)
			}
		}
	}
	for _, names := range preferredRows {
		for _, name := range names {
			if k := ukernel.MustParse(ukernel.Softmax.String() + name); k.ISA.Arch() == runtime.GOARCH && available(k.ISA) == nil && !byName[k.Name] {
				t.Errorf("%s is preferred but does not exist", k)
			}
		}
	}
	start()
	for isa, e := range engines {
		for family, f := range e.kernels {
			if f.Name == "" {
				if family > int(ukernel.VSubC2) {
					continue // not every level has one
				}
				t.Errorf("level %v has no kernel of %v", isa, ukernel.Family(family))
				continue
			}
			if k := ukernel.MustParse(f.Name); k.ISA > isa || !k.ISA.Supported() {
				t.Errorf("level %v runs %s", isa, k)
			}
		}
	}
}

// TestEnvironment runs itself with TWOPASS_ISA and GODEBUG set.
func TestEnvironment(t *testing.T) {
	if os.Getenv("NATIVE_PRINT") != "" {
		isa, err := ISA()
		_, newErr := New()
		fmt.Println(isa, err == nil, newErr == nil, err)
		defer func() { fmt.Println("panic:", recover()) }()
		fmt.Println(LogSumExp([]float32{1}), strings.ReplaceAll(Softmaxer{}.Explain(1), "\n", " "))
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(env ...string) string {
		// Under tools/emulate's qemu the system would not run exe.
		line := append(strings.Fields(os.Getenv("TWOPASS_RUN_UNDER")), exe, "-test.run=^TestEnvironment$")
		cmd := exec.Command(line[0], line[1:]...)
		cmd.Env = append(append(os.Environ(), "NATIVE_PRINT=1"), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", env, err, out)
		}
		return string(out)
	}
	for _, isa := range Levels() {
		out := run(EnvISA + "=" + isa.String())
		if !strings.HasPrefix(out, isa.String()+" true true") || !strings.Contains(out, EnvISA+"="+isa.String()+" allows") {
			t.Errorf("%s=%v: %s", EnvISA, isa, out)
		}
	}
	// A level above what there is is a limit like any other.
	all := ukernel.ISAs()
	for _, isa := range all {
		if isa.Arch() == runtime.GOARCH && available(isa) != nil {
			if out := run(EnvISA + "=" + isa.String()); !strings.HasPrefix(out, best(isa).String()+" true true") {
				t.Errorf("%s=%v: %s", EnvISA, isa, out)
			}
		}
	}
	foreign := "neon"
	if runtime.GOARCH == "arm64" {
		foreign = "avx2"
	}
	for _, bad := range []string{"mmx", foreign, "AVX2"} {
		out := run(EnvISA + "=" + bad)
		if !strings.Contains(out, "false false") || !strings.Contains(out, fmt.Sprintf("panic: native: %s=%q is no ISA of %s, which are scalar", EnvISA, bad, runtime.GOARCH)) {
			t.Errorf("%s=%s: %s", EnvISA, bad, out)
		}
	}
	if runtime.GOARCH == "amd64" && !strings.Contains(os.Getenv("GODEBUG"), "cpu.") {
		want := ukernel.Scalar.String()
		if available(ukernel.AVX) == nil {
			want = ukernel.AVX.String()
		}
		// With GOAMD64=v3 the runtime says first that it can do nothing about AVX2.
		if out := run("GODEBUG=cpu.avx2=off"); !strings.Contains("\n"+out, "\n"+want+" true true") {
			t.Errorf("GODEBUG=cpu.avx2=off: %s", out)
		}
	}
}

// TestConcurrent uses one Softmaxer from many goroutines, for the race detector.
func TestConcurrent(t *testing.T) {
	s := must(t, WithScale(0.5), WithGoroutines(2)).Masked(Mask{Causal: true, Offset: 50000})
	src := randomRow(100000, 1)
	want := compute(s, src)
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 3 {
				got := compute(s, src)
				if !sameRow(got.softmax, want.softmax) || !sameRow(got.logSoftmax, want.logSoftmax) || !same(got.logSumExp, want.logSumExp) {
					t.Error("results differ between goroutines")
				}
			}
		}()
	}
	wg.Wait()
}

// TestAllocs holds that no call allocates.
func TestAllocs(t *testing.T) {
	src := randomRow(6000, 0)
	dst := make([]float32, len(src))
	half := make([]BFloat16, len(src))
	buf := make([]byte, 0, 8)
	var acc Accumulator
	for _, s := range settings(t, 1) {
		scaled := s.Softmaxer
		scaled.scale = 0.5
		scaled = scaled.Masked(Mask{Add: src, Causal: true, Offset: 5000})
		for name, f := range map[string]func(){
			"Softmax":        func() { s.Softmax(dst, src) },
			"LogSoftmax":     func() { s.LogSoftmax(dst, src) },
			"LogSumExp":      func() { s.LogSumExp(src) },
			"masked Softmax": func() { scaled.Softmax(dst, src) },
			"masked LogSum":  func() { scaled.LogSumExp(src) },
			"SoftmaxRows":    func() { s.SoftmaxRows(dst, src, 60, 100, 100, 100) },
			"LogSoftmaxRows": func() { s.LogSoftmaxRows(dst, src, 60, 100, 100, 100) },
			"LogSumExpRows":  func() { s.LogSumExpRows(dst[:60], src, 60, 100, 100) },
			"SoftmaxHalf":    func() { SoftmaxHalf(s.Softmaxer, dst, half); SoftmaxHalf(s.Softmaxer, half, half) },
			"LogSumExpHalf":  func() { LogSumExpHalf(s.Softmaxer, half) },
			"SoftmaxHalfRow": func() { SoftmaxHalfRows(s.Softmaxer, dst, half, 60, 100, 100, 100) },
			"gradients":      func() { s.SoftmaxGrad(dst, src, src); s.LogSoftmaxGradRows(dst, src, src, 60, 100, 100, 100, 100) },
			"Accumulator": func() {
				acc = s.Accumulator()
				acc.Add(src)
				acc.Softmax(dst, src)
				buf, _ = acc.AppendBinary(buf[:0])
			},
		} {
			// The pool of scratch buffers may be emptied by a garbage collection.
			if n := testing.AllocsPerRun(50, f); n > 0 && !raceEnabled {
				t.Errorf("%s: %s allocates %v times", s.name, name, n)
			}
		}
	}
}

// TestAccumulator holds that pieces make up the whole.
func TestAccumulator(t *testing.T) {
	for _, s := range settings(t, 1) {
		for _, offset := range []float32{0, 3e4, -1e5, 1e30} {
			x := randomRow(30000, 1)
			for i := range x {
				x[i] += offset
			}
			whole := s.Accumulator()
			got := result{make([]float32, len(x)), make([]float32, len(x)), 0}
			var pieces []Accumulator
			for lo, n := 0, 1; lo < len(x); lo, n = lo+n, n*3 {
				hi := min(lo+n, len(x))
				whole.Add(x[lo:hi])
				piece := s.Accumulator()
				piece.Add(x[lo:hi])
				pieces = append(pieces, piece)
			}
			got.logSumExp = whole.LogSumExp()
			for lo := 0; lo < len(x); lo += 7000 {
				hi := min(lo+7000, len(x))
				whole.Softmax(got.softmax[lo:hi], x[lo:hi])
				whole.LogSoftmax(got.logSoftmax[lo:hi], x[lo:hi])
			}
			if err := verify(x, got, nan); err != nil {
				t.Errorf("%s, offset %g: %v", s.name, offset, err)
			}
			// Any order of merging, also of what was marshalled, is near.
			slices.Reverse(pieces)
			merged := s.Accumulator()
			for i := range pieces {
				data, err := pieces[i].MarshalBinary()
				if err != nil || len(data) != 8 {
					t.Fatalf("MarshalBinary: %d bytes, %v", len(data), err)
				}
				read := s.Accumulator()
				if err := read.UnmarshalBinary(data); err != nil {
					t.Fatal(err)
				}
				merged.Merge(&read)
			}
			a, b := whole.sum, merged.sum
			if d := math.Abs(math.Log(a.mass/b.mass) + (float64(a.ref) - float64(b.ref))); !(d < 0x1p-22) {
				t.Errorf("%s, offset %g: merged sum is off by %g", s.name, offset, d)
			}
		}
	}
}

// TestAccumulatorSpecial holds the table of special values across pieces.
func TestAccumulatorSpecial(t *testing.T) {
	for _, c := range specials {
		for split := 0; split <= len(c.row); split++ {
			var a, b Accumulator
			a.Add(c.row[:split])
			b.Add(c.row[split:])
			data, err := a.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			var read Accumulator
			if err := read.UnmarshalBinary(data); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			read.Merge(&b)
			got := result{make([]float32, len(c.row)), make([]float32, len(c.row)), read.LogSumExp()}
			read.Softmax(got.softmax, c.row)
			read.LogSoftmax(got.logSoftmax, c.row)
			if err := verify(c.row, got, nan); err != nil {
				t.Errorf("%s, split at %d: %v", c.name, split, err)
			}
		}
	}
}

func TestAccumulatorBinary(t *testing.T) {
	var _ encoding.BinaryMarshaler = (*Accumulator)(nil)
	var _ encoding.BinaryUnmarshaler = (*Accumulator)(nil)
	var _ encoding.BinaryAppender = (*Accumulator)(nil)
	var a Accumulator
	a.Add([]float32{2, 2})
	data, err := a.MarshalBinary()
	if want := []byte{0, 0, 0, 0x40, 0, 0, 0, 0x40}; err != nil || !slices.Equal(data, want) {
		t.Errorf("MarshalBinary is % x, %v, want % x", data, err, want)
	}
	for _, c := range []struct {
		data []byte
		text string
	}{
		{nil, "8 bytes, not 0"},
		{make([]byte, 9), "8 bytes, not 9"},
		{[]byte{0, 0, 0x80, 0xbf, 0, 0, 0, 0}, "mass can't be -1"},
		{[]byte{0, 0, 0, 0x80, 0, 0, 0, 0}, "mass can't be -0"},
		{[]byte{1, 0, 0, 0, 0, 0, 0, 0}, "mass is 1e-45, it must be from 0.5 to 1.8446744e+19"},
		{[]byte{0xff, 0xff, 0xff, 0x3e, 0, 0, 0, 0}, "mass is 0.49999997, it must be"},
		{[]byte{1, 0, 0x80, 0x5f, 0, 0, 0, 0}, "mass is 1.8446746e+19, it must be"},
		{[]byte{0xff, 0xff, 0x7f, 0x7f, 0, 0, 0, 0}, "mass is 3.4028235e+38, it must be"},
		{[]byte{0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x7f}, "ref can't be +Inf"},
		{[]byte{0, 0, 0x80, 0x3f, 0, 0, 0xc0, 0x7f}, "ref can't be NaN"},
		{[]byte{0, 0, 0x80, 0x7f, 0, 0, 0x80, 0x3f}, "ref is 1, with a mass of +Inf it must be 0"},
		{[]byte{0, 0, 0, 0, 0, 0, 0, 0x80}, "with a mass of 0 it must be 0"},
	} {
		before := a
		wantError(t, a.UnmarshalBinary(c.data), c.text)
		if a.sum != before.sum {
			t.Errorf("% x: the accumulator changed", c.data)
		}
	}
}

// TestAccumulatorBounds holds that an accumulator with the least or largest mass
// can be used, and that no mass makes 0 of a result above 2^-126.
func TestAccumulatorBounds(t *testing.T) {
	for _, bits := range []uint32{math.Float32bits(minMass), math.Float32bits(maxMass)} {
		var a Accumulator
		data := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, bits), math.Float32bits(3))
		if err := a.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		x := []float32{a.LogSumExp(), a.LogSumExp() - 80}
		y := slices.Clone(x)
		a.Softmax(y, x)
		for i := range y {
			want := math.Exp(float64(x[i]) - 3 - math.Log(a.sum.mass))
			if !(math.Abs(float64(y[i])-want) <= want*0x1p-16) {
				t.Errorf("mass %v: softmax of %v is %v, want %v", a.sum.mass, x[i], y[i], want)
			}
		}
		a.Merge(&a)
		if y := a.LogSumExp(); !(y > x[0]) {
			t.Errorf("mass %v: log-sum-exp is %v after merging it with itself, %v before", a.sum.mass, y, x[0])
		}
	}
	for _, s := range settings(t, 1) {
		for _, offset := range []float32{0, 40000, -40000} {
			for first := offset - 0.35; first < offset+0.35; first += 0.01 {
				x := []float32{first, first - 87.3}
				var y [2]float32
				a := s.Accumulator()
				a.Add(x)
				a.Softmax(y[:], x)
				if y[1] == 0 {
					t.Errorf("%s: softmax of %v is %v", s.name, x, y)
				}
			}
		}
	}
}

// TestHalfTypes compares the conversions with those by definition, for every
// value of both types, and for all float32 that lie between two of them.
func TestHalfTypes(t *testing.T) {
	for h := range 1 << 16 {
		f := Float16(h).Float32()
		sign, exp, frac := 1-2*(h>>15), h>>10&31, h&1023
		want := float64(sign) * math.Ldexp(float64(frac), -24)
		switch {
		case exp == 31 && frac != 0:
			want = math.NaN()
		case exp == 31:
			want = math.Inf(sign)
		case exp > 0:
			want = float64(sign) * math.Ldexp(float64(1024+frac), exp-25)
		}
		// The sign is read from f's bits: on riscv64 a conversion to float64 takes it from a NaN.
		same := float64(f) == want || f != f && want != want
		if !same || math.Float32bits(f)>>31 != uint32(h>>15) {
			t.Fatalf("Float16(%#04x) is %g, want %g", h, f, want)
		}
		if back := ToFloat16(f); f == f && back != Float16(h) || f != f && back.Float32() == back.Float32() {
			t.Fatalf("Float16(%#04x) comes back as %#04x", h, back)
		}
		b := BFloat16(h).Float32()
		if back := ToBFloat16(b); b == b && back != BFloat16(h) || b != b && back.Float32() == back.Float32() {
			t.Fatalf("BFloat16(%#04x) comes back as %#04x", h, back)
		}
	}
	// Half-way between neighbours, and next to it.
	for h := range 0x7c00 {
		lo, hi := Float16(h), Float16(h+1)
		even := lo + lo&1
		mid := float32(float64(lo.Float32())/2 + float64(hi.Float32())/2)
		if hi == 0x7c00 {
			mid = 65520
		}
		if a, b, c := ToFloat16(math.Nextafter32(mid, 0)), ToFloat16(mid), ToFloat16(math.Nextafter32(mid, inf)); a != lo || b != even || c != hi {
			t.Fatalf("around %g: %#04x %#04x %#04x, want %#04x %#04x %#04x", mid, a, b, c, lo, even, hi)
		}
	}
	for h := range 0x7f80 {
		lo, hi := BFloat16(h), BFloat16(h+1)
		mid := math.Float32frombits(uint32(h)<<16 | 0x8000)
		if a, b, c := ToBFloat16(math.Nextafter32(mid, 0)), ToBFloat16(mid), ToBFloat16(math.Nextafter32(mid, inf)); a != lo || b != lo+lo&1 || c != hi {
			t.Fatalf("around %g: %#04x %#04x %#04x", mid, a, b, c)
		}
	}
}

// TestHalfKernels compares the conversions of every level with those of single numbers:
// all 16-bit numbers widened, and float32 narrowed that lie at, on both sides of, and
// anywhere between the places where the results change. A NaN may become any NaN.
func TestHalfKernels(t *testing.T) {
	all := make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	var edges []float32
	for h := range 1 << 16 {
		for _, bits := range []uint32{
			math.Float32bits(Float16(h).Float32()),
			math.Float32bits(Float16(h).Float32()/2 + Float16(h+1).Float32()/2), // half-way to the next
			uint32(h) << 16, uint32(h)<<16 | 0x8000,
		} {
			for d := range uint32(3) {
				edges = append(edges, math.Float32frombits(bits+d-1))
			}
		}
	}
	for _, x := range []float32{65504, 65519.996, 65520, 65536, math.MaxFloat32, 0x1p-24, 0x1p-25, 0x1.000002p-25, 0x1p-14, 0x1.ffcp-15, math.SmallestNonzeroFloat32} {
		edges = append(edges, x, -x)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 1 << 20 {
		edges = append(edges, math.Float32frombits(r.Uint32()))
	}
	start()
	for isa, e := range engines {
		for _, c := range []struct {
			name   string
			widen  func([]float32, []uint16)
			narrow func([]uint16, []float32)
			number func(uint16) float32
			word   func(float32) uint16
		}{
			{"float16", e.widenF16, e.narrowF16, func(w uint16) float32 { return Float16(w).Float32() }, func(x float32) uint16 { return uint16(ToFloat16(x)) }},
			{"bfloat16", e.widenBF16, e.narrowBF16, func(w uint16) float32 { return BFloat16(w).Float32() }, func(x float32) uint16 { return uint16(ToBFloat16(x)) }},
		} {
			wide := make([]float32, len(all))
			c.widen(wide, all)
			for i, w := range all {
				if want := c.number(w); !ukernel.Same(wide[i], want) {
					t.Fatalf("%v: %s %#04x is %v, want %v", isa, c.name, w, wide[i], want)
				}
			}
			// By 197, the numbers come to every place of a vector, and behind the last.
			got := make([]uint16, len(edges))
			for at := 0; at < len(edges); at += 197 {
				end := min(at+197, len(edges))
				c.narrow(got[at:end], edges[at:end])
			}
			for i, x := range edges {
				if want := c.word(x); got[i] != want && (x == x || c.number(got[i]) == c.number(got[i])) {
					t.Fatalf("%v: %v (%#08x) as %s is %#04x, want %#04x", isa, x, math.Float32bits(x), c.name, got[i], want)
				}
			}
		}
	}
}

// TestHalf compares with rows that are converted before and after.
func TestHalf(t *testing.T) {
	for _, cols := range []int{3001, scratchLen + 907, halfLen + 907} {
		testHalf(t, cols, ToFloat16)
		testHalf(t, cols, ToBFloat16)
	}
}

func testHalf[H Half](t *testing.T, cols int, to func(float32) H) {
	const rows = 3
	// Rows longer than a buffer are summed by blocks, and may round to a neighbour.
	near := func(h H, x float32) bool {
		d := int(h) - int(to(x))
		return d == 0 || cols > halfLen && (d == 1 || d == -1)
	}
	s := must(t, WithScale(0.5)).Masked(Mask{Causal: true, Offset: cols - 501, Add: randomRow(cols, 1)})
	for seed := range uint64(2) {
		src := randomRow(rows*cols, seed)
		half := make([]H, len(src))
		for i, x := range src {
			half[i] = to(x)
			one := half[i : i+1]
			widen(standard.kernels(), src[i:i+1], one)
		}
		for _, s := range []Softmaxer{{}, s, must(t, WithGoroutines(2))} {
			dst, logs := make([]float32, len(src)), make([]float32, len(src))
			SoftmaxHalfRows(s, dst, half, rows, cols, cols, cols)
			LogSoftmaxHalfRows(s, logs, half, rows, cols, cols, cols)
			for i := range rows {
				row := slices.Clone(src[i*cols:][:cols])
				for j := range row {
					if s.scale != 0 {
						row[j] = row[j]*s.scale + s.mask.Add[j]
					}
					if s.mask.Causal && j > i+s.mask.Offset {
						row[j] = negInf
					}
				}
				got := result{dst[i*cols:][:cols], logs[i*cols:][:cols], float32(refLogSumExp(row))}
				if err := verify(row, got, nan); err != nil {
					t.Errorf("%T, row %d: %v", half, i, err)
				}
			}
			same16 := slices.Clone(half)
			SoftmaxHalfRows(s, same16, same16, rows, cols, cols, cols)
			for i := range same16 {
				if !near(same16[i], dst[i]) {
					t.Fatalf("%T: element %d in place is %#x, want %#x", half, i, same16[i], to(dst[i]))
				}
			}
			single := make([]H, cols)
			SoftmaxHalf(s, single, half[:cols])
			if !slices.Equal(single, same16[:cols]) {
				t.Errorf("%T: single row differs from rows", half)
			}
			LogSoftmaxHalf(s, single, half[:cols])
			for i := range single {
				if !near(single[i], logs[i]) {
					t.Fatalf("%T: log-softmax %d is %#x, want %#x", half, i, single[i], to(logs[i]))
				}
			}
		}
		var s Softmaxer
		if got, want := LogSumExpHalf(s, half), s.LogSumExp(src); math.Abs(float64(got-want)) > 2e-6 {
			t.Errorf("%T: log-sum-exp is %g, want %g", half, got, want)
		}
	}
	// Special values, converted.
	for _, c := range specials {
		half, row := make([]H, len(c.row)), make([]float32, len(c.row))
		for i, x := range c.row {
			half[i] = to(x)
		}
		if len(row) > 0 {
			widen(standard.kernels(), row, half)
		}
		got := result{make([]float32, len(row)), make([]float32, len(row)), LogSumExpHalf(Softmaxer{}, half)}
		SoftmaxHalf(Softmaxer{}, got.softmax, half)
		LogSoftmaxHalf(Softmaxer{}, got.logSoftmax, half)
		if err := verify(row, got, nan); err != nil {
			t.Errorf("%T: %s: %v", half, c.name, err)
		}
	}
}

// TestHalfLong is TestHalf for a row that is converted twice even if dst is of float32.
func TestHalfLong(t *testing.T) {
	row := randomRow(oneBlock+907, 1)
	half := make([]BFloat16, len(row))
	for i, x := range row {
		half[i] = ToBFloat16(x)
		row[i] = half[i].Float32()
	}
	got := result{make([]float32, len(row)), make([]float32, len(row)), LogSumExpHalf(standard, half)}
	SoftmaxHalf(standard, got.softmax, half)
	LogSoftmaxHalf(standard, got.logSoftmax, half)
	if err := verify(row, got, nan); err != nil {
		t.Error(err)
	}
}

// TestGrad compares with the formulas in float64, and with a difference quotient
// of the forward pass in float64.
func TestGrad(t *testing.T) {
	for _, n := range []int{1, 2, 10, 1000, 5001} {
		x, dy := randomRow(n, 0), randomRow(n, 2)
		s := must(t, WithScale(0.7))
		r := compute(s, x)
		soft, logs := make([]float32, n), make([]float32, n)
		s.SoftmaxGrad(soft, r.softmax, dy)
		s.LogSoftmaxGrad(logs, r.logSoftmax, dy)

		// The gradient in direction v is the derivative of loss(x + h*v).
		v := randomRow(n, 4)
		loss := func(h float64, log bool) (l float64) {
			z := make([]float64, n)
			var sum float64
			for i := range z {
				z[i] = 0.7 * (float64(x[i]) + h*float64(v[i]))
				sum += math.Exp(z[i])
			}
			for i := range z {
				if z[i] -= math.Log(sum); !log {
					z[i] = math.Exp(z[i])
				}
				l += z[i] * float64(dy[i])
			}
			return l
		}
		const h = 1e-5
		for log, grad := range map[bool][]float32{false: soft, true: logs} {
			var got, size float64
			for i := range grad {
				got += float64(grad[i]) * float64(v[i])
				size += math.Abs(float64(grad[i]) * float64(v[i]))
			}
			if want := (loss(h, log) - loss(-h, log)) / (2 * h); math.Abs(got-want) > 1e-5*(1+size) {
				t.Errorf("%d elements, log %v: derivative is %g, want %g", n, log, got, want)
			}
		}
		// In place of either input, and as rows.
		for _, c := range []struct {
			name string
			got  []float32
			want []float32
			f    func(dst, y, dy []float32)
			y    []float32
		}{
			{"softmax", make([]float32, n), soft, s.SoftmaxGrad, r.softmax},
			{"log-softmax", make([]float32, n), logs, s.LogSoftmaxGrad, r.logSoftmax},
		} {
			copy(c.got, c.y)
			c.f(c.got, c.got, dy)
			if !sameRow(c.got, c.want) {
				t.Errorf("%s of %d elements in place of y differs", c.name, n)
			}
			copy(c.got, dy)
			c.f(c.got, c.y, c.got)
			if !sameRow(c.got, c.want) {
				t.Errorf("%s of %d elements in place of dy differs", c.name, n)
			}
		}
		const rows = 5
		many := must(t, WithScale(0.7), WithGoroutines(2))
		ys, logys, dys := slices.Repeat(r.softmax, rows), slices.Repeat(r.logSoftmax, rows), slices.Repeat(dy, rows)
		dst := make([]float32, rows*n)
		many.SoftmaxGradRows(dst, ys, dys, rows, n, n, n, n)
		if !sameRow(dst, slices.Repeat(soft, rows)) {
			t.Errorf("softmax gradients of %d elements as rows differ", n)
		}
		many.LogSoftmaxGradRows(dst, logys, dys, rows, n, n, n, n)
		if !sameRow(dst, slices.Repeat(logs, rows)) {
			t.Errorf("log-softmax gradients of %d elements as rows differ", n)
		}
	}
}

// TestSize holds that a Softmaxer stays a small value.
func TestSize(t *testing.T) {
	if size := unsafe.Sizeof(Softmaxer{}); size > 128 {
		t.Errorf("a Softmaxer has %d bytes", size)
	}
}
