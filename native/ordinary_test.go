package native_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// unusual are rows for logarithms of which kernels for ordinary rows do all, some or nothing.
var unusual = map[string]func(r *rand.Rand, x []float32){
	"ordinary": func(*rand.Rand, []float32) {},
	"sure":     func(r *rand.Rand, x []float32) { x[r.IntN(len(x))] = 30 + 5*r.Float32() },
	"nearly sure": func(r *rand.Rand, x []float32) {
		k := r.IntN(len(x))
		x[k] = negInf
		x[k] = native.LogSumExp(x) + float32(math.Log(2)) + (r.Float32()-0.5)*float32(math.Ldexp(1, -r.IntN(22)))
	},
	"about half": func(r *rand.Rand, x []float32) { // of several chunks one is sure
		k := r.IntN(len(x))
		x[k] = negInf
		share := 0.3 + 0.4*r.Float64()
		x[k] = native.LogSumExp(x) + float32(math.Log(share/(1-share)))
	},
	"about two thirds": func(r *rand.Rand, x []float32) {
		k := r.IntN(len(x))
		x[k] = negInf
		share := 0.64 + 0.05*r.Float64()
		x[k] = native.LogSumExp(x) + float32(math.Log(share/(1-share)))
	},
	"several sure chunks": func(r *rand.Rand, x []float32) {
		for at := 0; at < len(x); at += arith.Chunk {
			x[at+r.IntN(min(arith.Chunk, len(x)-at))] = 25 + 3*r.Float32()
		}
	},
	"a sure chunk below others": func(r *rand.Rand, x []float32) {
		for i := range x[:min(arith.Chunk, len(x))] {
			x[i] -= 20
		}
		x[r.IntN(min(arith.Chunk, len(x)))] = 5
	},
	"sure and wide": func(r *rand.Rand, x []float32) { // near the first element, but not the largest one
		x[0] = 0
		x[r.IntN(len(x))] = 35 + 5*r.Float32()
		x[r.IntN(len(x))] = -47.4 - 0.3*r.Float32()
		x[r.IntN(len(x))] = 40.65 + 0.2*r.Float32()
	},
	"two largest": func(r *rand.Rand, x []float32) {
		k := r.IntN(len(x))
		x[k], x[(k+16)%len(x)] = 12, 12
	},
	"one is -Inf":      func(r *rand.Rand, x []float32) { x[1+r.IntN(len(x)-1)] = negInf },
	"padded":           func(_ *rand.Rand, x []float32) { fill(x[len(x)-len(x)/5:], negInf) },
	"begins with -Inf": func(_ *rand.Rand, x []float32) { x[0] = negInf },
	"a NaN":            func(r *rand.Rand, x []float32) { x[r.IntN(len(x))] = nan },
	"rising": func(_ *rand.Rand, x []float32) {
		for i := range x {
			x[i] += float32(i) * 120 / float32(len(x))
		}
	},
	"falling": func(_ *rand.Rand, x []float32) {
		for i := range x {
			x[i] -= float32(i) * 200 / float32(len(x))
		}
	},
	"what is 0 by definition": func(r *rand.Rand, x []float32) {
		for i := range x[1:] {
			x[1+i] = x[0] - float32(148+r.IntN(32))*math.Ln2/2
		}
		x[r.IntN(len(x))] = x[0]
	},
	"normalized": func(_ *rand.Rand, x []float32) { native.LogSoftmax(x, x) },
	"far from 0": func(r *rand.Rand, x []float32) {
		by := float32(r.IntN(2)*2-1) * []float32{50, 66, 68, 100, 1e4, 3e5, 1e30}[r.IntN(7)]
		for i := range x {
			x[i] += by
		}
	},
	"zeros": func(r *rand.Rand, x []float32) {
		for i := range x {
			x[i] = float32(math.Copysign(0, float64(r.IntN(2))-0.5))
		}
	},
	"a far one": func(r *rand.Rand, x []float32) {
		x[r.IntN(len(x))] = []float32{inf, 1e30, -1e30, -3e38, 60, 80, 100, -100, -1e5}[r.IntN(9)]
	},
}

func add(x []float32, v float32) {
	for i := range x {
		x[i] += v
	}
}

func fill(x []float32, v float32) {
	for i := range x {
		x[i] = v
	}
}

// TestOrdinary holds logarithms to plain Go's, which have no faster way for ordinary rows.
func TestOrdinary(t *testing.T) {
	best := arith.Best
	defer func() { arith.Best = best }()
	lengths := []int{2, 10, 16, 30, 64, 100, 128, 129, 150, 192, 256, 257, 400, 1000, 4097, arith.Chunk, arith.Chunk + 1, 3*arith.Chunk - 5, 1<<18 + 300}
	if testing.Short() {
		lengths = []int{10, 100, 129, 256, 257}
	}
	for what, change := range unusual {
		for _, n := range lengths {
			r := rand.New(rand.NewPCG(uint64(n), 1))
			rows := max(2, min(8, 1<<11/n))
			if what == "about half" {
				rows = 8
			}
			x := make([]float32, rows*n)
			for i := range x {
				x[i] = r.Float32()*20 - 10
			}
			for i := range rows {
				if i == 0 || r.IntN(3) > 0 {
					change(r, x[i*n:][:n])
				}
			}
			for _, o := range []*native.Options{nil, {Scale: 0.7}} {
				logs := func(level arith.Level, inPlace bool) (sums, results []float32) {
					arith.Best = level
					sums, results = make([]float32, rows+1), make([]float32, len(x))
					native.LogSumExpRows(sums[:rows], native.Rows(x, n), o)
					src := x
					if inPlace {
						copy(results, x)
						src = results
					}
					first := 0
					if o == nil {
						sums[rows] = native.LogSumExp(x[:n])
						native.LogSoftmax(results[:n], src[:n])
						first = n
					}
					native.LogSoftmaxRows(native.Rows(results[first:], n), native.Rows(src[first:], n), o)
					return sums, results
				}
				wantSums, want := logs(arith.Plain, false)
				for _, level := range levels()[1:] {
					for _, inPlace := range []bool{false, true} {
						sums, got := logs(level, inPlace)
						if i := differs(sums, wantSums); i >= 0 {
							t.Errorf("%s, level %v, %d elements, %+v: log-sum-exp of row %d is %v, want %v", what, level, n, o, i, sums[i], wantSums[i])
						}
						if i := differs(got, want); i >= 0 {
							t.Errorf("%s, level %v, %d elements, %+v, in place %v: element %d of row %d is %v, want %v", what, level, n, o, inPlace, i%n, i/n, got[i], want[i])
						}
					}
				}
			}
		}
	}
}

// TestOrdinaryChunks holds which rows of several chunks the faster kernels do, and compares those with plain Go.
func TestOrdinaryChunks(t *testing.T) {
	best := arith.Best
	defer func() { arith.Best = best }()
	kernels := slices.DeleteFunc(slices.Clone(levels()), func(l arith.Level) bool { return l != arith.AVX2 && l != arith.AVX512 })
	const n = arith.Chunk + 300
	for what, c := range map[string]struct {
		change func(x []float32)
		done   bool
	}{
		"ordinary":                    {func([]float32) {}, true},
		"sure by the first chunk":     {func(x []float32) { x[arith.Chunk-1] = 30 }, true},
		"sure by the last":            {func(x []float32) { x[n-1] = 27 }, true},
		"two sure chunks":             {func(x []float32) { x[7], x[n-1] = 25, 26 }, false},
		"a sure chunk below others":   {func(x []float32) { unusual["a sure chunk below others"](rand.New(rand.NewPCG(1, 1)), x) }, true},
		"about two thirds":            {func(x []float32) { x[5] = negInf; x[5] = native.LogSumExp(x) + math.Ln2 }, false},
		"a NaN":                       {func(x []float32) { x[n-2] = nan }, false},
		"a low chunk":                 {func(x []float32) { add(x[arith.Chunk:], -56.5) }, true},
		"a chunk too low":             {func(x []float32) { add(x[arith.Chunk:], -58) }, false},
		"a high chunk":                {func(x []float32) { add(x[arith.Chunk:], 76.5) }, true},
		"a chunk too high":            {func(x []float32) { add(x[arith.Chunk:], 78) }, false},
		"an element far above others": {func(x []float32) { x[n-2] = 90 }, false},
	} {
		r := rand.New(rand.NewPCG(12, 1))
		x, want := make([]float32, n), make([]float32, n)
		for i := range x {
			x[i] = r.Float32()*20 - 10
		}
		arith.Best = best
		x[arith.Chunk] = -10
		c.change(x)
		var wantSum float32
		if arith.Best = arith.Plain; c.done {
			wantSum = native.LogSumExp(x)
			native.LogSoftmax(want, x)
		}
		for _, arith.Best = range kernels {
			got := make([]float32, n)
			sum, done, alsoDone := native.OrdinaryLogs(got, x)
			if done != c.done || alsoDone != c.done {
				t.Errorf("level %v, %s: done %v, log-softmax %v, want %v", arith.Best, what, done, alsoDone, c.done)
			}
			if done && sum != wantSum {
				t.Errorf("level %v, %s: log-sum-exp is %v, want %v", arith.Best, what, sum, wantSum)
			}
			if alsoDone {
				compareRows(t, what, got, want)
			}
		}
	}
	for _, arith.Best = range kernels {
		x, y := make([]float32, 1<<20+1), make([]float32, 1<<20+1)
		for _, c := range []struct {
			n            int
			sum, softmax bool
		}{{arith.Chunk, false, false}, {arith.Chunk + 1, true, true}, {1 << 18, true, true}, {1<<18 + 1, true, false}, {1 << 20, true, false}, {1<<20 + 1, false, false}} {
			if _, sum, softmax := native.OrdinaryLogs(y[:c.n], x[:c.n]); sum != c.sum || softmax != c.softmax {
				t.Errorf("level %v, %d elements: done %v, log-softmax %v, want %v, %v", arith.Best, c.n, sum, softmax, c.sum, c.softmax)
			}
		}
	}
}

// differs is the index of the first element that is another one, or -1.
func differs(x, y []float32) int {
	for i := range x {
		if !slices.Equal(x[i:i+1], y[i:i+1]) && !(x[i] != x[i] && y[i] != y[i]) || math.Signbit(float64(x[i])) != math.Signbit(float64(y[i])) {
			return i
		}
	}
	return -1
}

// TestLargestTwice has rows with the largest element two or three times in one lane. That lane has most of the sum, but
// the row is not sure.
func TestLargestTwice(t *testing.T) {
	best := arith.Best
	defer func() { arith.Best = best }()
	for _, n := range []int{17, 40, 128, 129, 140, 200, 256, 257, 300, 320, 321, 1000, 5000, 65536, 65553, 66000, 131100} {
		for rep := range 6 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(i*i%29) * 0.03
			}
			top := float32(20 + 3*rep)
			at := rep * 7 % (n - 16)
			x[at], x[at+16+(n-17-at)/16*(rep%2)*16] = top, top
			if at+48 < n && rep == 5 {
				x[at+48] = top
			}
			var want []float32
			for _, arith.Best = range levels() {
				logs := make([]float32, 2*n)
				native.LogSoftmax(logs[:n], x)
				sums := []float32{native.LogSumExp(x), 0, 0, 0}
				two := native.Rows(append(x[:n:n], x...), n)
				native.LogSumExpRows(sums[1:3], two, nil)
				native.LogSumExpRows(sums[3:], native.Row(x), &native.Options{Scale: 0.5})
				got := append(sums, logs[0])
				native.LogSoftmaxRows(native.Rows(logs, n), two, nil)
				if got = append(got, logs[0], logs[n]); want == nil {
					want = got
				}
				if !sameBits(got, want) {
					t.Errorf("level %v, %d elements, the largest is %v: %v, want %v", arith.Best, n, top, got, want)
				}
			}
		}
	}
}
