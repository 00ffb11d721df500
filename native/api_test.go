package native

import (
	"encoding"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

var inf = float32(math.Inf(1))

// setting is a way to compute.
type setting struct {
	name string
	Softmaxer
}

// settings lists every algorithm at every level that runs here.
func settings(t testing.TB) (all []setting) {
	for _, isa := range Levels() {
		for _, a := range append(ukernel.Algorithms(), ukernel.Auto) {
			all = append(all, setting{fmt.Sprintf("%v/%v", isa, a), must(t, WithISA(isa), WithAlgorithm(a))})
		}
	}
	return all
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

	if s := must(t); !reflect.DeepEqual(s, Softmaxer{}) {
		t.Errorf("New() is %+v, not the zero Softmaxer", s)
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
		cmd := exec.Command(exe, "-test.run=^TestEnvironment$")
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
	src := inputs.Masked.Row(1, 100000)
	want, wantLSE := make([]float32, len(src)), s.LogSumExp(src)
	s.Softmax(want, src)
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 3 {
				got := make([]float32, len(src))
				if s.Softmax(got, src); !slices.Equal(got, want) || s.LogSumExp(src) != wantLSE {
					t.Error("results differ between goroutines")
				}
			}
		}()
	}
	wg.Wait()
}

// TestAllocs holds that no call allocates.
func TestAllocs(t *testing.T) {
	src := inputs.Wide.Row(1, 6000)
	dst := make([]float32, len(src))
	half := make([]BFloat16, len(src))
	buf := make([]byte, 0, 8)
	var acc Accumulator
	for _, s := range settings(t) {
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
	for _, s := range settings(t) {
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
		if float64(f) != want && want == want || math.Signbit(float64(f)) != (sign < 0) {
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

// TestSize holds that a Softmaxer stays a small value.
func TestSize(t *testing.T) {
	if size := unsafe.Sizeof(Softmaxer{}); size > 128 {
		t.Errorf("a Softmaxer has %d bytes", size)
	}
}
