package sampler

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// filtered is the weight of each token after the filters: 0 if it is out. It
// sorts the vocabulary, and does one step after the other.
func filtered(probs []float32, p Params) []uint64 {
	order := make([]int, len(probs))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(probs[j], probs[i]) })
	sum := func(tokens []int) (mass uint64) {
		for _, i := range tokens {
			mass += weight(probs[i])
		}
		return mass
	}
	if p.TopK > 0 {
		order = order[:min(p.TopK, len(order))]
	}
	if p.TopP < 1 {
		enough := p.TopP * float64(sum(order))
		n, mass := 1, weight(probs[order[0]])
		for n < len(order) && float64(mass) < enough {
			mass += weight(probs[order[n]])
			n++
		}
		order = order[:n]
	}
	weights := make([]uint64, len(probs))
	for _, i := range order {
		if float64(probs[i]) >= p.MinP*float64(probs[order[0]]) {
			weights[i] = weight(probs[i])
		}
	}
	return weights
}

// probabilities draws some that sum to 1 nearly: from few values, for ties, or
// over many powers of 2.
func probabilities(t *rapid.T) []float32 {
	part := rapid.OneOf(
		rapid.SliceOfN(rapid.Map(rapid.IntRange(0, 3), func(n int) float64 { return float64(n) }), 1, 200),
		rapid.SliceOfN(rapid.Map(rapid.Float64Range(-150, 0), math.Exp2), 1, 200),
		rapid.SliceOfN(rapid.Float64Range(0.9, 1), 1, 200),
	).Draw(t, "part")
	part[rapid.IntRange(0, len(part)-1).Draw(t, "one")] = 1
	values := slices.Repeat(part, rapid.SampledFrom([]int{1, 1, 2, 30}).Draw(t, "repeat"))
	if rapid.Bool().Draw(t, "ascending") {
		slices.Sort(values)
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	probs := make([]float32, len(values))
	for i, v := range values {
		probs[i] = float32(v / sum)
	}
	return probs
}

func params(t *rapid.T) Params {
	share := func(off float64) *rapid.Generator[float64] {
		return rapid.OneOf(rapid.Just(off), rapid.Float64Range(1e-9, 1), rapid.SampledFrom([]float64{0.25, 0.5, 0.95, 1 - 1e-9, 1}))
	}
	return Params{
		Temperature: 1,
		TopK:        rapid.OneOf(rapid.Just(0), rapid.IntRange(1, 300), rapid.SampledFrom([]int{1, math.MaxInt})).Draw(t, "top-k"),
		TopP:        share(1).Draw(t, "top-p"),
		MinP:        share(0).Draw(t, "min-p"),
	}
}

// TestAgainstReference: the tokens that are kept, their probabilities and sum
// are those of the sorted vocabulary, to the bit.
func TestAgainstReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		probs, p := probabilities(t), params(t)
		want := filtered(probs, p)
		w := new(work)
		w.grow(len(probs))
		mass := w.kept.filter(probs, &p)
		got := make([]uint64, len(probs))
		for i, token := range w.kept.tokens[:w.kept.n] {
			if i > 0 && w.kept.tokens[i-1] >= token {
				t.Fatalf("token %d comes after %d", token, w.kept.tokens[i-1])
			}
			got[token] = weight(w.kept.probs[i])
		}
		var sum uint64
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%+v: token %d of %d, of probability %g, weighs %d, the reference says %d", p, i, len(probs), probs[i], got[i], want[i])
			}
			sum += want[i]
		}
		if mass != sum {
			t.Fatalf("the mass is %d, the sum of what is kept %d", mass, sum)
		}

		// A token owns the random numbers from below * 2^64 / sum up, where below is
		// the weight of those before it: the first and the last of them lead to it.
		below := uint64(0)
		for i, own := range want {
			if own > 0 {
				first := firstRandom(below, sum)
				for _, r := range []uint64{first, firstRandom(below+own, sum) - 1} {
					if token, ok := w.draw(probs, &p, r); !ok || token != i {
						t.Fatalf("random number %#x leads to token %d, %v; it is token %d's", r, token, ok, i)
					}
				}
			}
			below += own
		}
	})
}

// firstRandom is the least r with r * sum / 2^64 >= at, 2^64 being 0.
func firstRandom(at, sum uint64) uint64 {
	n := new(big.Int).Lsh(new(big.Int).SetUint64(at), 64)
	d := new(big.Int).SetUint64(sum)
	n.Add(n, d).Sub(n, big.NewInt(1)).Div(n, d)
	return n.Uint64() // takes the lowest 64 bits
}
