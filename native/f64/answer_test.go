package f64_test

import (
	"encoding/binary"
	"flag"
	"fmt"
	"hash"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/f64"
)

var updateAnswers = flag.Bool("answers.update", false, "write testdata/answers.txt anew; a change of it is a change of the contract")

// answered are the functions of the table of answers.
var answered = [12]string{"softmax", "log-softmax", "log-sum-exp", "softmax scaled", "softmax masked", "gradients", "accumulator",
	"causal rows with scales", "log-probs", "top-k", "exponentials", "axis"}

// answers are the lines of testdata/answers.txt for class k, hashes of the results' bits, computed with so many
// goroutines, in place or not.
func answers(k, goroutines int, inPlace bool) string {
	var h [len(answered)]hash.Hash64
	for f := range h {
		h[f] = fnv.New64a()
	}
	for i, n := range []int{1, 2, 5, 8, 15, 16, 17, 31, 48, 100, 300, 1000, 4099, 70001} {
		if n > 500 && k%4 != 0 || n > 5000 && k%8 != 0 {
			continue // in software, as on 386, an fma takes long
		}
		r := rand.New(rand.NewPCG(uint64(n), uint64(k)))
		x := make([]float64, n)
		classes[k].fill(r, x)
		for f := range h {
			if n > 5000 && f != 0 && f != 2 {
				continue
			}
			_ = binary.Write(h[f], binary.LittleEndian, answer(f, x, goroutines, inPlace, []float64{1, 0.7, -3}[i%3])) // a hash does not fail
		}
	}
	var b strings.Builder
	for f, name := range answered {
		fmt.Fprintf(&b, "%016x %s %s\n", h[f].Sum64(), name, classes[k].name)
	}
	return b.String()
}

func answer(f int, x []float64, goroutines int, inPlace bool, scale float64) []float64 {
	x = slices.Clone(x)
	y := x
	if !inPlace {
		y = make([]float64, len(x))
	}
	o := &f64.Options{Goroutines: goroutines}
	switch f {
	case 0:
		f64.SoftmaxRows(native.Row(y), native.Row(x), o)
	case 1:
		f64.LogSoftmaxRows(native.Row(y), native.Row(x), o)
	case 2:
		y = make([]float64, 1)
		f64.LogSumExpRows(y, native.Row(x), o)
	case 3:
		o.Scale = scale
		f64.SoftmaxRows(native.Row(y), native.Row(x), o)
	case 4:
		o.Scale = scale
		o.Add, o.Keep = native.Row(slices.Clone(x)), native.Row(make([]bool, len(x)))
		for i := range x {
			o.Keep.Data[i] = i%5 != 3
		}
		f64.SoftmaxRows(native.Row(y), native.Row(x), o)
	case 5:
		p, d := make([]float64, len(x)), make([]float64, len(x))
		for i := range d {
			d[i] = float64(i%7) / 3
		}
		f64.LogSoftmax(p, x)
		f64.LogSoftmaxGradRows(native.Row(y), native.Row(p), native.Row(d), o)
		f64.SoftmaxGrad(d, p, d)
		return append(d, y...)
	case 6:
		a := f64.NewAccumulator(math.Abs(scale))
		b := a
		third := len(x) / 3
		a.Add(x[:third])
		b.Add(x[third:])
		a.Merge(&b)
		lse := a.LogSumExp()
		a.Softmax(y, x)
		return append(slices.Clone(y), lse)
	default:
		return answerOfRows(f, x, y, o, scale)
	}
	return y
}

// answerOfRows is answer for functions that take rows: x with three scales.
func answerOfRows(f int, x, y []float64, o *f64.Options, scale float64) []float64 {
	const rows = 3
	n, inPlace := len(x), len(x) > 0 && &y[0] == &x[0]
	if x = slices.Repeat(x, rows); n > 1000 {
		x = x[:rows*1000]
		n = 1000
	}
	if y = x; !inPlace {
		y = make([]float64, len(x))
	}
	o.Scales = []float64{math.Abs(scale), 0, 0.3}
	src, dst, sums := native.Rows(x, n), native.Rows(y, n), make([]float64, rows)
	switch f {
	case 7:
		o.Causal, o.Offset = true, n/2
		f64.SoftmaxRows(dst, src, o)
		return y
	case 8:
		f64.LogProbs(sums, src, []int{0, n / 2, n - 1}, o)
		return sums
	case 9:
		k := min(n, 5)
		probs, index := native.Rows(make([]float64, rows*k), k), native.Rows(make([]int, rows*k), k)
		f64.TopK(probs, index, src, o)
		for _, i := range index.Data {
			probs.Data = append(probs.Data, float64(i))
		}
		return probs.Data
	case 10:
		as, out := make([]f64.Accumulator, rows), []float64{}
		part := func(m f64.Matrix, from, to int) f64.Matrix {
			return f64.Matrix{Rows: rows, Cols: to - from, Data: m.Data[from:], Stride: n}
		}
		for at := 0; at < n; at += (n + 1) / 2 {
			end := min(n, at+(n+1)/2)
			f64.ExpRows(part(dst, at, end), part(src, at, end), as, sums, o)
			out = append(out, sums...)
			f64.DivideRows(part(dst, at, end), part(dst, at, end), as, o)
		}
		for i := range as {
			out = append(out, as[i].Reciprocal(), as[i].LogSumExp())
		}
		return append(out, y...)
	}
	o.Scales = nil
	f64.LogSoftmaxAxis(native.Along(y, []int{n, rows}, 0), native.Along(x, []int{n, rows}, 0), o)
	return y
}

// TestOneAnswer holds the results of every function to testdata/answers.txt, the same file on every
// platform, at every level of instructions, with one goroutine and several, in place.
func TestOneAnswer(t *testing.T) {
	const file = "testdata/answers.txt"
	if *updateAnswers {
		var b strings.Builder
		for k := range classes {
			b.WriteString(answers(k, 1, false))
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.Collect(strings.Lines(string(text)))
	if len(lines) != len(classes)*len(answered) {
		t.Fatalf("%s has %d lines, want %d functions of %d classes", file, len(lines), len(answered), len(classes))
	}
	defer f64.SetLeast(1)()
	eachLevel(t, func(t *testing.T) {
		for k, c := range classes {
			t.Run(c.name, func(t *testing.T) {
				want := lines[k*len(answered):][:len(answered)]
				for _, g := range []int{1, 3} {
					for _, inPlace := range []bool{false, true} {
						if testing.Short() && (g > 1) != inPlace {
							continue
						}
						i := 0
						for line := range strings.Lines(answers(k, g, inPlace)) {
							if line != want[i] {
								t.Errorf("%d goroutines, in place %v: %swant %s", g, inPlace, line, want[i])
							}
							i++
						}
					}
				}
			})
		}
	})
}

// TestStoredOrNot holds rows whose exponentials are computed twice to those whose exponentials are
// stored, by an accumulator, which never stores.
func TestStoredOrNot(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for k, c := range classes {
			for _, n := range []int{100, 5000, f64.RecomputeFrom - 1, f64.RecomputeFrom, f64.RecomputeFrom + 70000} {
				if n > 5000 && (testing.Short() || k%4 != 0) {
					continue
				}
				x, y, z := make([]float64, n), make([]float64, n), make([]float64, n)
				c.fill(rand.New(rand.NewPCG(uint64(n), uint64(k))), x)
				var a f64.Accumulator
				a.Add(x)
				a.Softmax(z, x)
				f64.Softmax(y, x)
				same(t, c.name, y, z)
			}
		}
	})
}
