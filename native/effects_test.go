package native_test

import (
	"bytes"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/cpuid/v2"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/kerneltest"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// What options do that values don't show: which kernels run, where, and in how many
// goroutines.

func must(t *testing.T, options ...native.Option) native.Softmaxer {
	t.Helper()
	s, err := native.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// kernelsOf are the kernels that compute runs, each once.
func kernelsOf(s native.Softmaxer, compute func(s native.Softmaxer)) (names []string) {
	var mu sync.Mutex
	compute(native.Traced(s, func(kernel string) {
		mu.Lock()
		defer mu.Unlock()
		if !slices.Contains(names, kernel) {
			names = append(names, kernel)
		}
	}))
	return names
}

// TestLevels holds that the level that [kerneltest.EnvISA] claims is among those tested
// here, and says which are.
func TestLevels(t *testing.T) {
	isa, err := kerneltest.Claimed()
	if err != nil {
		t.Fatal(err)
	}
	if t.Log(levels()); !slices.Contains(levels(), isa) {
		t.Errorf("%s=%v, but only %v can be tested", kerneltest.EnvISA, isa, levels())
	}
}

// TestExplain holds that the kernels that run are those that Explain names, at every
// level and by every algorithm.
func TestExplain(t *testing.T) {
	lengths := []int{1, 100, 1000, 1 << 14, 1<<20 + 1}
	if testing.Short() {
		lengths = lengths[:4]
	}
	for _, level := range levels() {
		for _, a := range algorithms() {
			for _, scale := range []float32{1, 0.5} {
				s := must(t, native.WithISA(level), native.WithAlgorithm(a), native.WithScale(scale))
				if scale == 1 {
					s = must(t, native.WithISA(level), native.WithAlgorithm(a))
				}
				for _, n := range lengths {
					if n > 1<<14 && scale != 1 {
						continue
					}
					text := s.Explain(n)
					if a != ukernel.Auto && !strings.Contains(text, a.String()+", as WithAlgorithm says") || !strings.Contains(text, "level "+level.String()+", as WithISA says") {
						t.Errorf("%v, %v: Explain(%d) does not say so:\n%s", level, a, n, text)
					}
					x := inputs.Normal.Row(1, n)
					ran := kernelsOf(s, func(s native.Softmaxer) { s.Softmax(x, x) })
					for _, name := range ran {
						k := ukernel.MustParse(name)
						if k.Family == ukernel.VMulC && scale != 1 {
							continue // which applies the scale
						}
						if !strings.Contains(text, "\n  "+name) {
							t.Errorf("%v, %v, scale %v, %d elements: %s ran, which is not in what Explain says:\n%s", level, a, scale, n, name, text)
						}
						if k.ISA > level {
							t.Errorf("level %v: %s ran", level, name)
						}
					}
					if len(ran) == 0 {
						t.Errorf("%v, %v, %d elements: no kernel ran", level, a, n)
					}
				}
			}
		}
	}
}

// TestStreaming holds that, where a kernel that writes results has a twin that writes
// around the caches, WithStreaming runs that instead; and not in place.
func TestStreaming(t *testing.T) {
	streams := make(map[string]string) // by the name without _nt
	for _, k := range native.Kernels() {
		if strings.Contains(k.Name, "_nt_") {
			streams[strings.Replace(k.Name, "_nt_", "_", 1)] = k.Name
		}
	}
	x := inputs.Normal.Row(1, 5000)
	y := make([]float32, len(x))
	instead := 0
	for _, level := range levels() {
		for _, a := range algorithms() {
			plain := must(t, native.WithISA(level), native.WithAlgorithm(a))
			streaming := must(t, native.WithISA(level), native.WithAlgorithm(a), native.WithStreaming())
			for name, f := range map[string]func(s native.Softmaxer){
				"softmax":     func(s native.Softmaxer) { s.Softmax(y, x) },
				"log-softmax": func(s native.Softmaxer) { s.LogSoftmax(y, x) },
				"softmax of an accumulator": func(s native.Softmaxer) {
					acc := s.Accumulator()
					acc.Add(x)
					acc.Softmax(y, x)
				},
			} {
				want := kernelsOf(plain, f)
				for i, k := range want {
					if nt := streams[k]; nt != "" {
						want[i] = nt
						instead++
					}
				}
				if got := kernelsOf(streaming, f); !slices.Equal(got, want) {
					t.Errorf("%v, %v, %s with streaming: %v ran, want %v", level, a, name, got, want)
				}
			}
			for _, k := range kernelsOf(streaming, func(s native.Softmaxer) { s.Softmax(y, y); s.LogSoftmax(y, y) }) {
				if strings.Contains(k, "_nt_") {
					t.Errorf("%v, %v: %s ran in place", level, a, k)
				}
			}
		}
	}
	if len(streams) > 0 && slices.Contains(levels(), ukernel.AVX2) && instead == 0 {
		t.Error("there are kernels that stream, but there was no place for any")
	}
}

// TestGoroutinesRun holds that a call with two goroutines has two: kernels wait a little
// for the other one, so that it has time to begin.
func TestGoroutinesRun(t *testing.T) {
	x := inputs.Normal.Row(1, 4*native.ChunkLen)
	half := make([]native.BFloat16, len(x))
	const cols = 1 << 10
	rows := len(x) / cols
	s := must(t, native.WithGoroutines(2), native.WithAlgorithm(ukernel.ThreePassRecompute))
	for name, f := range map[string]func(s native.Softmaxer){
		"softmax":             func(s native.Softmaxer) { s.Softmax(x, x) },
		"log-softmax":         func(s native.Softmaxer) { s.LogSoftmax(x, x) },
		"log-sum-exp":         func(s native.Softmaxer) { s.LogSumExp(x) },
		"softmax of rows":     func(s native.Softmaxer) { s.SoftmaxRows(x, x, rows, cols, cols, cols) },
		"log-sum-exp of rows": func(s native.Softmaxer) { s.LogSumExpRows(make([]float32, rows), x, rows, cols, cols) },
		"16-bit rows":         func(s native.Softmaxer) { native.SoftmaxHalfRows(s, half, half, rows, cols, cols, cols) },
		"gradients":           func(s native.Softmaxer) { s.LogSoftmaxGradRows(x, x, x, rows, cols, cols, cols, cols) },
	} {
		var mu sync.Mutex
		seen := make(map[string]bool)
		both := make(chan struct{})
		f(native.Traced(s, func(string) {
			id, _, _ := bytes.Cut(stack(), []byte(" ["))
			mu.Lock()
			if !seen[string(id)] && len(seen) == 1 {
				close(both)
			}
			seen[string(id)] = true
			mu.Unlock()
			select {
			case <-both:
			case <-time.After(20 * time.Millisecond): // the other may not have begun yet
			}
		}))
		if len(seen) < 2 {
			t.Errorf("%s: one goroutine did it all", name)
		}
	}
}

func stack() []byte {
	buf := make([]byte, 64)
	return buf[:runtime.Stack(buf, false)]
}

// TestReproducible holds that with WithReproducible the machine shows neither in what
// Explain says nor in the bits: the same calls as if on other machines, where without
// it Explain says something else.
func TestReproducible(t *testing.T) {
	real := cpuid.CPU
	defer func() { cpuid.CPU = real }()
	machines := []func(){
		func() { cpuid.CPU = real },
		func() { cpuid.CPU.VendorID, cpuid.CPU.Cache.L3 = cpuid.Intel, 1<<20 },
		func() { cpuid.CPU.VendorID, cpuid.CPU.Family, cpuid.CPU.Cache.L3 = cpuid.AMD, 26, 64<<20 },
	}
	const n = 1<<17 + 5
	x := inputs.Wide.Row(1, n)
	for _, level := range levels() {
		var texts, fixedTexts []string
		var first []float32
		for i, become := range machines {
			become()
			texts = append(texts, must(t, native.WithISA(level)).Explain(n))
			for _, g := range []int{1, 3} {
				s := must(t, native.WithISA(level), native.WithReproducible(), native.WithGoroutines(g))
				fixedTexts = append(fixedTexts, s.Explain(n))
				y := make([]float32, n)
				if s.Softmax(y, x); first == nil {
					first = y
				} else if !sameRow(y, first) {
					t.Errorf("level %v: machine %d with %d goroutines gives other bits", level, i, g)
				}
			}
		}
		cpuid.CPU = real
		if len(slices.Compact(fixedTexts)) > 1 {
			t.Errorf("level %v: explained differently: %q", level, fixedTexts)
		}
		if level == ukernel.AVX2 && len(slices.Compact(texts)) == 1 {
			t.Errorf("level %v: without WithReproducible nothing depends on the machine either: %q", level, texts)
		}
	}
}

// localArraysStay is whether a caller's local arrays stay on the stack.
const localArraysStay = false

// TestLocalArrays holds that calls with local arrays allocate nothing.
func TestLocalArrays(t *testing.T) {
	if native.RaceEnabled {
		t.Skip("under the race detector pools of buffers allocate")
	}
	const n = 777
	s := must(t, native.WithScale(0.5))
	for name, f := range map[string]func(){
		"Softmax":        func() { var x, y [n]float32; native.Softmax(y[:], x[:]) },
		"LogSoftmax":     func() { var x, y [n]float32; native.LogSoftmax(y[:], x[:]) },
		"LogSumExp":      func() { var x [n]float32; native.LogSumExp(x[:]) },
		"SoftmaxRows":    func() { var x, y [n]float32; native.SoftmaxRows(y[:], x[:], 7, 111, 111, 111) },
		"with a scale":   func() { var x, y [n]float32; s.Softmax(y[:], x[:]) },
		"with a mask":    func() { var x, y [n]float32; var m [n]bool; s.Masked(native.Mask{Keep: m[:]}).Softmax(y[:], x[:]) },
		"SoftmaxHalf":    func() { var x, y [n]native.Float16; native.SoftmaxHalf(s, y[:], x[:]) },
		"LogSoftmaxGrad": func() { var x, y, z [n]float32; native.LogSoftmaxGrad(z[:], y[:], x[:]) },
		"Accumulator": func() {
			var x, y [n]float32
			var a native.Accumulator
			a.Add(x[:])
			a.Softmax(y[:], x[:])
		},
	} {
		f() // what a pool has to get first
		if allocs := testing.AllocsPerRun(50, f); (allocs == 0) != localArraysStay {
			t.Errorf("%s with local arrays allocates %v times; localArraysStay is %v", name, allocs, localArraysStay)
		}
	}
}
