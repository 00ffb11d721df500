package native_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
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
	"time"
	"unsafe"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

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

// mat is a matrix of x.
func mat(x []float32, rows, cols, stride int) native.Matrix[float32] {
	return native.Matrix[float32]{Rows: rows, Cols: cols, Data: x, Stride: stride}
}

func TestPanics(t *testing.T) {
	x := make([]float32, 100)
	wantPanic(t, "native.Softmax: len(dst) is 3, len(src) is 4", func() { native.Softmax(x[:3], x[4:8]) })
	wantPanic(t, "native.Softmax: dst of 5 elements overlaps src of 5; they must be the same or apart", func() { native.Softmax(x[1:6], x[:5]) })
	wantPanic(t, "native.LogSoftmax: len(dst) is 0, len(src) is 100", func() { native.LogSoftmax(nil, x) })
	wantPanic(t, "native.LogSoftmax: dst of 5", func() { native.LogSoftmax(x[:5], x[4:9]) })
	soft := func(dst, src native.Matrix[float32]) func() {
		return func() { native.SoftmaxRows(dst, src, nil) }
	}
	wantPanic(t, "native.SoftmaxRows: dst has -1 rows of 3 columns", soft(mat(x, -1, 3, 3), mat(x, -1, 3, 3)))
	wantPanic(t, "the stride of dst is 2, it must be at least its columns, 3", soft(mat(x, 2, 3, 2), mat(x, 2, 3, 3)))
	wantPanic(t, "src has 9 elements, too few for 3 rows of 4 columns with stride 4", soft(mat(x[50:], 3, 4, 4), mat(x[:9], 3, 4, 4)))
	wantPanic(t, "too few", soft(mat(x[50:], math.MaxInt, 3, 3), mat(x[:9], math.MaxInt, 3, 3)))
	wantPanic(t, "too few", soft(mat(x, 2, 3, math.MaxInt), mat(x, 2, 3, 3)))
	wantPanic(t, "dst is 2 x 3, src is 2 x 4, they must be equal", soft(mat(x[50:], 2, 3, 4), mat(x, 2, 4, 4)))
	wantPanic(t, "overlaps src of", soft(mat(x, 3, 4, 4), mat(x, 3, 4, 5)))
	wantPanic(t, "overlaps src of", soft(mat(x[1:], 3, 4, 4), mat(x, 3, 4, 4)))
	wantPanic(t, "len(dst) is 2, it must be the number of rows, 3", func() { native.LogSumExpRows(x[50:52], mat(x[:30], 3, 10, 10), nil) })
	wantPanic(t, "dst of 3 elements overlaps src of 30", func() { native.LogSumExpRows(x[:3], mat(x[:30], 3, 10, 10), nil) })
	with := func(o native.Options) func() {
		return func() { native.SoftmaxRows(mat(x, 2, 4, 4), mat(x, 2, 4, 4), &o) }
	}
	wantPanic(t, "Options.Add is 1 x 3, it must be 1 x 4 or 2 x 4", with(native.Options{Add: native.Row(x[50:53])}))
	wantPanic(t, "Options.Keep is 3 x 4, it must be 1 x 4 or 2 x 4", with(native.Options{Keep: native.Rows(make([]bool, 12), 4)}))
	wantPanic(t, "the stride of Options.Add is 3", with(native.Options{Add: mat(x[50:], 2, 4, 3)}))
	wantPanic(t, "-1 goroutines", with(native.Options{Goroutines: -1}))
	wantPanic(t, "algorithm 9 does not exist", with(native.Options{Algorithm: 9}))
	add := native.Row(x[2:6])
	for name, f := range map[string]func(o *native.Options){
		"native.SoftmaxRows":    func(o *native.Options) { native.SoftmaxRows(mat(x, 2, 4, 4), mat(x, 2, 4, 4), o) },
		"native.LogSoftmaxRows": func(o *native.Options) { native.LogSoftmaxRows(mat(x, 2, 4, 4), mat(x[50:], 2, 4, 4), o) },
		"native.LogSumExpRows":  func(o *native.Options) { native.LogSumExpRows(x[:4], native.Rows(x[50:66], 4), o) },
	} {
		wantPanic(t, name+": dst overlaps Options.Add of 4 elements; they must be apart", func() { f(&native.Options{Add: add}) })
	}
	native.SoftmaxRows(mat(x, 2, 4, 4), mat(x, 2, 4, 4), &native.Options{Add: native.Row(x[8:12])}) // behind the matrix may be the mask
	inMask := native.Row(unsafe.Slice((*native.Float16)(unsafe.Pointer(&x[5])), 4))                 // the last two floats of add
	for text, o := range map[string]native.Options{"Options.Add of 4": {Add: add}, "Options.Scales of 1": {Scales: x[6:7]}} {
		wantPanic(t, "dst overlaps "+text, func() { native.SoftmaxRows(inMask, native.Row(x[50:54]), &o) })
	}
	h := make([]native.Float16, 10)
	wantPanic(t, "dst of 5 elements overlaps src of 5", func() { native.SoftmaxRows(native.Row(h[2:7]), native.Row(h[:5]), nil) })
	wantPanic(t, "native.SoftmaxGrad: len(dst) is 4, len(dy) is 5", func() { native.SoftmaxGrad(x[:4], x[10:14], x[20:25]) })
	wantPanic(t, "native.LogSoftmaxGrad: dst of 4 elements overlaps y of 4", func() { native.LogSoftmaxGrad(x[:4], x[1:5], x[20:24]) })
	wantPanic(t, "native.LogSoftmaxGradRows: dst is 2 x 4, dy is 2 x 3, they must be equal", func() {
		native.LogSoftmaxGradRows(mat(x, 2, 4, 4), mat(x, 2, 4, 4), mat(x, 2, 3, 4), nil)
	})
	wantPanic(t, "native: -2 goroutines", func() {
		native.SoftmaxGradRows(mat(x, 2, 4, 4), mat(x, 2, 4, 4), mat(x, 2, 4, 4), &native.Options{Goroutines: -2})
	})
	wantPanic(t, "native.Rows: 10 elements can't be rows of 3", func() { native.Rows(x[:10], 3) })
	wantPanic(t, "native.Accumulator.Softmax: len(dst) is 1", func() { new(native.Accumulator).Softmax(x[:1], x[:2]) })
	wantPanic(t, "the accumulator is nil", func() { new(native.Accumulator).Merge(nil) })
	wantPanic(t, "scale is 0, it must be from", func() { native.NewAccumulator(0) })
	wantPanic(t, "scale 1 can't be merged with scale 0.5", func() {
		a := native.NewAccumulator(0.5)
		new(native.Accumulator).Merge(&a)
	})
	wantError(t, (&native.Options{Goroutines: -1}).Check(), "-1 goroutines")
	wantError(t, (&native.Options{Algorithm: 77}).Check(), "algorithm 77")
	wantError(t, (&native.Options{Algorithm: native.Recompute + 1}).Check(), "algorithm 3 does not exist")
	if err := (*native.Options)(nil).Check(); err != nil {
		t.Error(err)
	}
}

// TestNames holds the names of algorithms, the text of other numbers, and that
// Level tells of a name that it ignores.
func TestNames(t *testing.T) {
	for a, want := range map[native.Algorithm]string{native.Auto: "auto", native.Recompute: "recompute", native.Recompute + 1: "Algorithm(3)", 200: "Algorithm(200)"} {
		if got := a.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	before := arith.EnvErr
	defer func() { arith.EnvErr = before }()
	arith.EnvErr = nil
	if level, err := native.Level(); level != arith.Best.String() || err != nil {
		t.Errorf("level %s, %v", level, err)
	}
	arith.EnvErr = errors.New("mmx is ignored")
	level, err := native.Level()
	if wantError(t, err, "native: mmx is ignored"); level != arith.Best.String() {
		t.Errorf("level %s, want %v", level, arith.Best)
	}
}

// TestEnvironment runs itself with TWOPASS_ISA and GODEBUG set.
func TestEnvironment(t *testing.T) {
	if os.Getenv("NATIVE_PRINT") != "" {
		level, err := native.Level()
		fmt.Println(level, err == nil, native.LogSumExp([]float32{1}), err)
		return
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(env ...string) string {
		// Under an emulator it is the one that runs the program, see tools/emulate.
		words := append(strings.Fields(os.Getenv("TWOPASS_RUN_UNDER")), exe, "-test.run=^TestEnvironment$")
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Env = append(append(os.Environ(), "NATIVE_PRINT=1"), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", env, err, out)
		}
		return string(out)
	}
	best := levels()[len(levels())-1].String()
	for _, level := range levels() {
		if out := run(arith.Env + "=" + level.String()); !strings.HasPrefix(out, level.String()+" true 1 ") {
			t.Errorf("%s=%v: %s", arith.Env, level, out)
		}
	}
	foreign := "neon"
	if runtime.GOARCH == "arm64" {
		foreign = "avx2"
	}
	for _, bad := range []string{"mmx", foreign, "AVX2"} {
		if out := run(arith.Env + "=" + bad); !strings.HasPrefix(out, fmt.Sprintf("%s false 1 native: %s=%q is no level of %s; it is ignored", best, arith.Env, bad, runtime.GOARCH)) {
			t.Errorf("%s=%s: %s", arith.Env, bad, out)
		}
	}
	if out := run("GODEBUG=cpu.all=off"); runtime.GOARCH == "amd64" && !strings.Contains(out, "scalar true 1") {
		t.Errorf("GODEBUG=cpu.all=off: %s", out)
	}
}

// TestConcurrent shares options among many goroutines, for the race detector.
func TestConcurrent(t *testing.T) {
	o := &native.Options{Scale: 0.5, Goroutines: 2, Causal: true, Offset: 50000}
	src := inputs.Masked.Row(1, 100000)
	want, wantLSE := make([]float32, len(src)), make([]float32, 1)
	native.LogSumExpRows(wantLSE, native.Row(src), o)
	native.SoftmaxRows(native.Row(want), native.Row(src), o)
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 3 {
				got, lse := make([]float32, len(src)), make([]float32, 1)
				native.SoftmaxRows(native.Row(got), native.Row(src), o)
				native.LogSumExpRows(lse, native.Row(src), o)
				if !slices.Equal(got, want) || lse[0] != wantLSE[0] {
					t.Error("results differ between goroutines")
				}
			}
		}()
	}
	wg.Wait()
}

// TestWorkerPanic holds that a panic in any goroutine reaches the caller, who can recover it, once all have ended.
func TestWorkerPanic(t *testing.T) {
	for which := range 2 {
		began, ended := make(chan struct{}), false
		func() {
			defer func() {
				if value := recover(); value != "this" || !ended {
					t.Errorf("task %d of 2: the panic is %v, the other task ended: %v", which, value, ended)
				}
			}()
			native.Parallel(2, 2, func(i int) {
				if i == which {
					<-began
					panic("this")
				}
				close(began)
				time.Sleep(3 * time.Millisecond)
				ended = true
			})
		}()
	}
}

// TestAllocs holds that no call allocates, nor makes its caller's local arrays escape.
func TestAllocs(t *testing.T) {
	if native.RaceEnabled {
		t.Skip("under the race detector pools of buffers allocate")
	}
	const n = 777
	src := inputs.Wide.Row(1, 6000)
	dst := make([]float32, len(src))
	half := make([]native.BFloat16, len(src))
	o := &native.Options{Scale: 0.5, Add: native.Row(src), Causal: true, Offset: 5000}
	buf := make([]byte, 0, 64)
	// Rows with elements beyond reach of those before them, of one chunk and of several.
	rising, long, longHalf := make([]float32, 1000), make([]float32, 200_000), make([]native.BFloat16, 200_000)
	for i := range long {
		long[i] = float32(i/50%2000) * 5
	}
	copy(rising, long[50_000:])
	m, d := mat(src, 60, 100, 100), mat(dst, 60, 100, 100)
	for _, arith.Best = range levels() {
		for name, f := range map[string]func(){
			"Softmax of local arrays":    func() { var x, y [n]float32; native.Softmax(y[:], x[:]) },
			"LogSoftmax of local arrays": func() { var x, y [n]float32; native.LogSoftmax(y[:], x[:]) },
			"LogSumExp of local arrays":  func() { var x [n]float32; native.LogSumExp(x[:]) },
			"gradients of local arrays": func() {
				var x, y, z [n]float32
				native.SoftmaxGrad(z[:], y[:], x[:])
				native.LogSoftmaxGrad(z[:], y[:], x[:])
			},
			"an accumulator of local arrays": func() {
				var x, y [n]float32
				var a native.Accumulator
				a.Add(x[:])
				a.Softmax(y[:], x[:])
				a.LogSoftmax(y[:], x[:])
				buf, _ = a.AppendBinary(buf[:0])
			},
			"rows": func() {
				native.SoftmaxRows(d, m, nil)
				native.LogSoftmaxRows(d, m, nil)
				native.LogSumExpRows(dst[:60], m, nil)
			},
			"a mask": func() {
				native.SoftmaxRows(native.Row(dst), native.Row(src), o)
				native.LogSumExpRows(dst[:1], native.Row(src[:6000]), &native.Options{Scale: 2})
			},
			"16-bit rows": func() {
				native.SoftmaxRows(native.Row(dst), native.Row(half), nil)
				native.SoftmaxRows(native.Row(half), native.Row(half), nil)
			},
			"rows that rise": func() {
				native.Softmax(dst[:len(rising)], rising)
				native.LogSoftmaxRows(native.Row(dst[:len(rising)]), native.Row(rising), nil)
				native.LogSumExp(long)
				native.SoftmaxRows(native.Row(longHalf), native.Row(long), nil)
			},
			"gradients": func() { native.LogSoftmaxGradRows(d, m, m, nil) },
		} {
			f() // what a pool has to get first
			if n := testing.AllocsPerRun(10, f); n > 0 {
				t.Errorf("level %v: %s: %v allocations", arith.Best, name, n)
			}
		}
	}
}

// TestGoroutinesRun holds that calls with two goroutines have two.
func TestGoroutinesRun(t *testing.T) {
	var mu sync.Mutex
	seen := make(map[string]bool)
	both := make(chan struct{})
	native.Parallel(2, 1000, func(int) {
		buf := make([]byte, 64)
		id, _, _ := bytes.Cut(buf[:runtime.Stack(buf, false)], []byte(" ["))
		mu.Lock()
		if !seen[string(id)] && len(seen) == 1 {
			close(both)
		}
		seen[string(id)] = true
		mu.Unlock()
		select {
		case <-both:
		case <-time.After(20 * time.Millisecond):
		}
	})
	if len(seen) != 2 {
		t.Errorf("%d goroutines, want 2", len(seen))
	}
	for n, want := range map[int]string{100: "1 goroutines", 1 << 20: "2 goroutines"} {
		if text := (&native.Options{Goroutines: 2}).Explain(n); !strings.Contains(text, want) {
			t.Errorf("%d elements: %s, want %s", n, text, want)
		}
	}
}

// TestExplain holds what Explain says of each option that does not show in results.
func TestExplain(t *testing.T) {
	arith.Best = levels()[len(levels())-1]
	for _, c := range []struct {
		o    native.Options
		n    int
		want string
	}{
		{native.Options{}, 100, "store, as the row is shorter"},
		{native.Options{Algorithm: native.Recompute}, 100, "recompute, as Options.Algorithm says"},
		{native.Options{Algorithm: native.Store}, 1 << 24, "store, as Options.Algorithm says"},
		{native.Options{Algorithm: native.Recompute, Streaming: true}, 100, "around the caches"},
	} {
		if got := c.o.Explain(c.n); arith.Best != arith.Plain && !strings.Contains(got, c.want) {
			t.Errorf("%+v, %d elements: %s, want %s", c.o, c.n, got, c.want)
		}
	}
}

func TestAccumulatorBinary(t *testing.T) {
	a := native.NewAccumulator(0.5)
	a.Add([]float32{2, 2, -7})
	data, err := a.MarshalBinary()
	if err != nil || len(data) != 36 || data[0] != 1 {
		t.Errorf("MarshalBinary is % x, %v", data, err)
	}
	var viaJSON, viaGob struct{ A native.Accumulator }
	text, err := json.Marshal(struct{ A native.Accumulator }{a})
	if err != nil {
		t.Error(err)
	}
	if err := json.Unmarshal(text, &viaJSON); err != nil || viaJSON.A != a {
		t.Errorf("JSON: %s, %v, %+v, want %+v", text, err, viaJSON.A, a)
	}
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(struct{ A native.Accumulator }{a}); err != nil {
		t.Error(err)
	}
	if err := gob.NewDecoder(&b).Decode(&viaGob); err != nil || viaGob.A != a {
		t.Errorf("gob: %v, %+v, want %+v", err, viaGob.A, a)
	}
	other := native.NewAccumulator(2)
	wantError(t, other.UnmarshalBinary(data), "scale 2 can't become one of scale 0.5")
	wantError(t, other.UnmarshalText([]byte("!")), "text")
	change := func(at int, with ...byte) []byte {
		d := slices.Clone(data)
		copy(d[at:], with)
		return d
	}
	for _, c := range []struct {
		data []byte
		text string
	}{
		{nil, "36 bytes, not 0"},
		{make([]byte, 8), "36 bytes, not 8"},
		{change(0, 2), "version 2, this package reads version 1"},
		{change(1, 1), "begins with"},
		{change(1, 4), "begins with"},
		{change(3, 1), "begins with"},
		{change(4, 0, 0, 0, 0), "scale is 0"},
		{change(4, 0, 0, 0x80, 0xbf), "scale is -1"},
		{change(8, 0, 0, 0x80, 0x7f), "ref is +Inf, it must be finite"},
		{change(12, 0, 0, 0, 0x3f), "n is 0.5"},
		{change(12, 0, 0, 0x80, 0x4b), "must be an integer near"},
		{change(16, 0, 0, 0xc0, 0x7f), "largest element is NaN"},
		{change(20, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f), "total is +Inf"},
		{change(28, 0, 0, 0, 0, 0, 0, 0xf0, 0xbf), "rest is -1"},
		{change(20, 0, 0, 0, 0, 0, 0, 0, 0), "without a sum"},
	} {
		before := a
		wantError(t, a.UnmarshalBinary(c.data), c.text)
		if a != before {
			t.Errorf("% x: the accumulator changed", c.data)
		}
	}
}

// TestAccumulatorChunks holds that pieces of whole chunks give the bits of the row, and that
// merges and marshalling in between don't show.
func TestAccumulatorChunks(t *testing.T) {
	for _, class := range []inputs.Class{inputs.Uniform10, inputs.Uniform1000, inputs.LateTop, inputs.Rising, inputs.Sure, inputs.Infinities, inputs.NaNs} {
		x := class.Row(7, 3*native.ChunkLen+77)
		want, wantLog, got := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(x))
		native.Softmax(want, x)
		native.LogSoftmax(wantLog, x)
		pieces := [][]float32{x[:native.ChunkLen], x[native.ChunkLen : 3*native.ChunkLen], x[3*native.ChunkLen:]}
		var a, m native.Accumulator
		for _, p := range pieces {
			a.Add(p)
			var b, c native.Accumulator
			b.Add(p)
			data, err := b.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.UnmarshalBinary(data); err != nil {
				t.Fatal(err)
			}
			m.Merge(&c)
		}
		if a.Softmax(got, x); !sameRow(got, want) {
			t.Errorf("%v: softmax of pieces differs", class)
		}
		if a.LogSoftmax(got, x); !sameRow(got, wantLog) {
			t.Errorf("%v: log-softmax of pieces differs", class)
		}
		if y := native.LogSumExp(x); !same(a.LogSumExp(), y) {
			t.Errorf("%v: log-sum-exp of pieces is %v, that of the row %v", class, a.LogSumExp(), y)
		}
		if m.Softmax(got, x); !sameRow(got, want) && class != inputs.Sure && class != inputs.LateTop {
			t.Errorf("%v: softmax of merged pieces differs", class)
		}
	}
}

// TestHalfTypes compares the conversions with those by definition, for every
// value of both types, and for all float32 that lie between two of them.
func TestHalfTypes(t *testing.T) {
	for h := range 1 << 16 {
		f := native.Float16(h).Float32()
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
		if float64(f) != want && want == want || want == want && math.Signbit(float64(f)) != (sign < 0) || want != want && f == f {
			t.Fatalf("Float16(%#04x) is %g, want %g", h, f, want)
		}
		if want == want && native.ToFloat16(f) != native.Float16(h) || want != want && native.ToFloat16(f) != 0x7e00 {
			t.Fatalf("ToFloat16(%g) is %#04x, want %#04x", f, native.ToFloat16(f), h)
		}
		b := native.BFloat16(h).Float32()
		if math.Float32bits(b) != uint32(h)<<16 {
			t.Fatalf("BFloat16(%#04x) is %g", h, b)
		}
		if b == b && native.ToBFloat16(b) != native.BFloat16(h) || b != b && native.ToBFloat16(b) != 0x7fc0 {
			t.Fatalf("ToBFloat16(%g) is %#04x, want %#04x", b, native.ToBFloat16(b), h)
		}
		// Halfway to the next number, and next to that.
		if next := native.Float16(h + 1).Float32(); h&0x7fff < 0x7bff {
			mid := float32((float64(f) + float64(next)) / 2)
			even := native.Float16(h + h&1)
			for x, want := range map[float32]native.Float16{mid: even,
				math.Nextafter32(mid, f): native.Float16(h), math.Nextafter32(mid, next): native.Float16(h + 1)} {
				if got := native.ToFloat16(x); got != want {
					t.Fatalf("ToFloat16(%g) is %#04x, want %#04x", x, got, want)
				}
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 1 << 18 {
		x := math.Float32frombits(r.Uint32())
		if x-x != 0 {
			continue
		}
		got := native.ToBFloat16(x)
		best := got
		for _, c := range []native.BFloat16{got - 1, got + 1} {
			if d := math.Abs(float64(c.Float32()) - float64(x)); got.Float32()-got.Float32() == 0 && d < math.Abs(float64(best.Float32())-float64(x)) {
				best = c
			}
		}
		if best != got && best.Float32()-best.Float32() == 0 {
			t.Fatalf("ToBFloat16(%g) is %#04x, %#04x is nearer", x, got, best)
		}
	}
}

// TestLevels says which levels are tested here. The environment variable TWOPASS_TEST_ISA makes it
// fail if the level that it names is not among them.
func TestLevels(t *testing.T) {
	t.Log(levels())
	isa := os.Getenv("TWOPASS_TEST_ISA")
	for name, level := range map[string]arith.Level{"avx2": arith.AVX2, "avx512": arith.AVX512, "neon": arith.NEON, "rvv": arith.RVV} {
		if strings.HasPrefix(isa, name) && !slices.Contains(levels(), level) {
			t.Errorf("TWOPASS_TEST_ISA=%s, but only %v can be tested", isa, levels())
		}
	}
}
