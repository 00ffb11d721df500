package f64_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/f64"
)

// softmaxBound is that of the package comment, in units of 2^-53.
const softmaxBound = 7

// TestBounds holds the errors of every class of rows to the bounds of the package comment.
func TestBounds(t *testing.T) {
	lengths := []int{1, 2, 3, 8, 15, 17, 40, 100, 333}
	draws := 4
	if testing.Short() {
		draws = 1
	} else {
		lengths = append(lengths, 4500)
	}
	scales := []float64{1, 1, 0.3, 17, 0x1p-300, -1}
	for _, c := range classes {
		t.Run(c.name, func(t *testing.T) {
			var softmax, logSoftmax, logSumExp float64
			for k, n := range lengths {
				for d := range draws {
					if n > 1000 && d > 0 {
						break
					}
					r := rand.New(rand.NewPCG(uint64(n), uint64(d)))
					x := make([]float64, n)
					c.fill(r, x)
					scale := scales[(k+d)%len(scales)]
					if scale < 0 {
						for i, v := range x {
							if math.IsInf(v, 0) {
								x[i] = 0
							}
						}
					}
					o := &f64.Options{Scale: scale}
					want := newReference(x, scale)
					y := make([]float64, n)
					f64.SoftmaxRows(native.Row(y), native.Row(x), o)
					softmax = max(softmax, want.softmaxError(t, y))
					f64.LogSoftmaxRows(native.Row(y), native.Row(x), o)
					logSoftmax = max(logSoftmax, want.logSoftmaxError(t, y))
					f64.LogSumExpRows(y[:1], native.Row(x), o)
					logSumExp = max(logSumExp, want.logSumExpError(y[0]))
				}
			}
			t.Logf("softmax %.2f of %d * 2^-53; log-softmax %.2f, log-sum-exp %.2f of their bounds", softmax, softmaxBound, logSoftmax, logSumExp)
			if !(softmax <= softmaxBound && logSoftmax <= 1 && logSumExp <= 1) {
				t.Error("beyond the bounds")
			}
		})
	}
}
