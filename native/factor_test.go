package native_test

import (
	"math"
	"testing"

	"github.com/twopass-softmax/twopass/native"
)

// TestFactorShifted has sums on both sides of 327,680: one subtracts the largest element first, the
// other does not.
func TestFactorShifted(t *testing.T) {
	for _, c := range [][2]float32{{-327690, -327675}, {-327675, -327690}, {327690, 327675}, {327675, 327690}, {-327690, -327688}, {1e6, 1e6 - 3}, {2, 5}} {
		var part, other native.Accumulator
		part.Add(c[:1])
		other.Add(c[1:])
		all := part
		all.Merge(&other)
		share := float64(all.Factor(&part)) * float64(all.Reciprocal()) / float64(part.Reciprocal())
		want := 1 / (1 + math.Exp(float64(c[1])-float64(c[0])))
		if !(math.Abs(share-want) <= 1e-5*want) {
			t.Errorf("%v: the first one's share is %v, want %v; its factor is %v", c, share, want, all.Factor(&part))
		}
	}
}
