package f64_test

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/f64"
)

var updateAnswers = flag.Bool("answers.update", false, "write testdata/answers.txt anew; a change of it is a change of the contract")

// hash is FNV-1a of the bits of floats.
type hash uint64

func (h *hash) add(xs ...float64) {
	if *h == 0 {
		*h = 14695981039346656037
	}
	for _, x := range xs {
		w := math.Float64bits(x)
		for range 8 {
			*h = (*h ^ hash(w&0xff)) * 1099511628211
			w >>= 8
		}
	}
}

// answers are the lines of testdata/answers.txt, computed with so many goroutines, in place or not.
func answers(goroutines int, inPlace bool, lengths []int) []byte {
	var b bytes.Buffer
	for k, c := range classes {
		var h [7]hash
		for i, n := range lengths {
			if n > 500 && k%4 != 0 || n > 5000 && k%8 != 0 {
				continue // in software, as on 386, an fma takes long
			}
			r := rand.New(rand.NewPCG(uint64(n), uint64(k)))
			x := make([]float64, n)
			c.fill(r, x)
			for f := range h {
				if n > 5000 && f != 0 && f != 2 {
					continue
				}
				h[f].add(answer(f, x, goroutines, inPlace, []float64{1, 0.7, -3}[i%3])...)
			}
		}
		for f, name := range []string{"softmax", "log-softmax", "log-sum-exp", "softmax scaled", "softmax masked", "gradients", "accumulator"} {
			fmt.Fprintf(&b, "%016x %s %s\n", uint64(h[f]), name, c.name)
		}
	}
	return b.Bytes()
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
	}
	return y
}

// TestOneAnswer holds the results of every function to testdata/answers.txt, the same file on every
// platform, at every level of instructions, with one goroutine and several, in place.
func TestOneAnswer(t *testing.T) {
	const file = "testdata/answers.txt"
	lengths := []int{1, 2, 5, 8, 15, 16, 17, 31, 48, 100, 300, 1000, 4099, 70001}
	if *updateAnswers {
		if err := os.WriteFile(file, answers(1, false, lengths), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f64.SetLeast(1)()
	eachLevel(t, func(t *testing.T) {
		for _, g := range []int{1, 3} {
			for _, inPlace := range []bool{false, true} {
				if testing.Short() && (g > 1) != inPlace {
					continue
				}
				got := answers(g, inPlace, lengths)
				for i, line := range bytes.Split(got, []byte("\n")) {
					if w := bytes.Split(want, []byte("\n"))[i]; !bytes.Equal(line, w) {
						t.Errorf("%d goroutines, in place %v: %s, want %s", g, inPlace, line, w)
					}
				}
			}
		}
	})
}

// TestStoredOrNot holds rows whose exponentials are computed twice to those whose exponentials are
// stored, by an accumulator, which never stores.
func TestStoredOrNot(t *testing.T) {
	eachLevel(t, func(t *testing.T) {
		for k, c := range classes {
			for _, n := range []int{100, 5000, f64.RecomputeFrom - 1, f64.RecomputeFrom, f64.RecomputeFrom + 70000} {
				if n > 5000 && testing.Short() {
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
