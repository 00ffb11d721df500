package sampler

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twopass-softmax/twopass/native"
)

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

func newSampler(t testing.TB, p Params) *Sampler {
	t.Helper()
	s, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// logits are n as a model's are: most near 0, a few far above.
func logits(n int, seed uint64) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(2.5 * r.NormFloat64())
	}
	for range 20 {
		x[r.IntN(n)] += float32(8 + 3*r.NormFloat64())
	}
	return x
}

// TestDistribution draws with evenly spaced random numbers, so that a token
// must come up as often as its exact probability says, but for one at either
// end of its share and what the softmax rounds.
func TestDistribution(t *testing.T) {
	const draws = 1 << 14
	x := []float32{1, 2, -inf, 2, 0, 3, -4, 2.5}
	for _, test := range []struct {
		params  Params
		allowed []bool
		kept    []int
	}{
		{Params{Temperature: 1, TopP: 1}, nil, []int{0, 1, 3, 4, 5, 6, 7}},
		{Params{Temperature: 0.7, TopP: 1}, nil, []int{0, 1, 3, 4, 5, 6, 7}},
		{Params{Temperature: 2, TopP: 1}, []bool{true, false, true, true, false, false, true, true}, []int{0, 3, 6, 7}},
		{Params{Temperature: 1, TopP: 1, TopK: 2}, nil, []int{5, 7}},
		{Params{Temperature: 1, TopP: 1, TopK: 3}, nil, []int{1, 5, 7}}, // token 3 ties with 1
		{Params{Temperature: 1, TopP: 1, TopK: 100}, nil, []int{0, 1, 3, 4, 5, 6, 7}},
		{Params{Temperature: 1, TopP: 0.39}, nil, []int{5}}, // it has 0.396 of the mass
		{Params{Temperature: 1, TopP: 0.5}, nil, []int{5, 7}},
		{Params{Temperature: 1, TopP: 0.7}, nil, []int{1, 5, 7}},
		{Params{Temperature: 1, TopP: 0.6, TopK: 2}, nil, []int{5}}, // 0.62 of the mass of two
		{Params{Temperature: 1, TopP: 1, MinP: 0.3}, nil, []int{1, 3, 5, 7}},
		{Params{Temperature: 0.5, TopP: 1, MinP: 0.3}, nil, []int{5, 7}}, // after temperature
		{Params{Temperature: 1, TopP: 0.97, MinP: 0.1, TopK: 6}, nil, []int{0, 1, 3, 5, 7}},
	} {
		t.Run(fmt.Sprintf("%+v", test.params), func(t *testing.T) {
			want := make([]float64, len(x))
			sum := 0.0
			for _, i := range test.kept {
				want[i] = math.Exp(float64(x[i]) / test.params.Temperature)
				sum += want[i]
			}
			s := newSampler(t, test.params)
			got := make([]int, len(x))
			for j := range uint64(draws) {
				token, err := s.sample(x, test.allowed, (2*j+1)*(1<<63/draws))
				if err != nil {
					t.Fatal(err)
				}
				got[token]++
			}
			for i := range x {
				if exact := want[i] / sum * draws; math.Abs(float64(got[i])-exact) > 1.01 {
					t.Errorf("token %d was drawn %d times of %d, want %.1f", i, got[i], draws, exact)
				}
			}
		})
	}
}

// TestSeed: what a seed gives is settled, on every machine.
func TestSeed(t *testing.T) {
	want := map[Params][]int{
		{Temperature: 0.8, TopP: 1, Seed: 1}:                        {59851, 8937, 71513, 2393, 70167, 55550, 81085, 59024},
		{Temperature: 1, TopK: 50, TopP: 0.95, MinP: 0.01, Seed: 2}: {56818, 72981, 34397, 22196, 8014, 57651, 7181, 50560},
	}
	// Products and sums of small integers, which are exact everywhere.
	x := make([]float32, 100_000)
	for i := range x {
		x[i] = float32(i*i%1013)/64 + float32(i%7)/8
	}
	for p, want := range want {
		for range 2 {
			s := newSampler(t, p)
			var got []int
			for range want {
				token, err := s.Sample(x, nil)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, token)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v: tokens %v, want %v", p, got, want)
			}
		}
	}
	a, b := newSampler(t, Params{Temperature: 1, TopP: 1, Seed: 1}), newSampler(t, Params{Temperature: 1, TopP: 1, Seed: 2})
	same := 0
	for range 100 {
		i, err := a.Sample(x, nil)
		j, err2 := b.Sample(x, nil)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if i == j {
			same++
		}
	}
	if same > 10 {
		t.Errorf("two seeds gave the same token %d times of 100", same)
	}
}

// TestOneNumberPerToken: an error, and what is cut off, do not shift the
// generator.
func TestOneNumberPerToken(t *testing.T) {
	p := Params{Temperature: 1, TopP: 1, Seed: 7}
	x := logits(1000, 3)
	a, b := newSampler(t, p), newSampler(t, p)
	if _, err := a.Sample([]float32{nan}, nil); err == nil {
		t.Error("a logit of NaN is no error")
	}
	if _, err := a.Sample([]float32{0}, []bool{false}); !errors.Is(err, ErrNothingAllowed) {
		t.Errorf("with nothing allowed: %v", err)
	}
	i, err := a.Sample(x, nil)
	j, err2 := b.Sample(x, nil)
	if err != nil || err2 != nil || i != j {
		t.Errorf("after two errors token %d (%v), without them %d (%v)", i, err, j, err2)
	}
}

func TestArgmax(t *testing.T) {
	s := newSampler(t, Params{TopP: 0.5})
	for _, test := range []struct {
		x       []float32
		allowed []bool
		want    int
	}{
		{[]float32{1, 3, 3, 2}, nil, 1},
		{[]float32{-inf, -math.MaxFloat32}, nil, 1},
		{[]float32{math.MaxFloat32, 0}, nil, 0},
		{[]float32{nan, 3, inf, 2, 2}, []bool{false, false, false, true, true}, 3},
	} {
		if got, err := s.Sample(test.x, test.allowed); err != nil || got != test.want {
			t.Errorf("%v, %v: token %d, %v; want %d", test.x, test.allowed, got, err, test.want)
		}
	}
}

// TestMasked: what is masked is never drawn, whatever its logit is.
func TestMasked(t *testing.T) {
	for _, p := range []Params{
		{Temperature: 1, TopP: 1}, {Temperature: 100, TopP: 1, TopK: 4}, {Temperature: 1, TopP: 0.999}, {Temperature: 1, TopP: 1, MinP: 1e-9}, {TopP: 1},
	} {
		s := newSampler(t, p)
		x := []float32{nan, 5, inf, -inf, 4}
		allowed := []bool{false, false, false, true, true}
		for _, r := range []uint64{0, 1 << 63, math.MaxUint64} {
			if token, err := s.sample(x, allowed, r); err != nil || token != 4 {
				t.Errorf("%+v: token %d, %v; want 4, the only one", p, token, err)
			}
		}
	}
}

func TestSampleErrors(t *testing.T) {
	for _, test := range []struct {
		x       []float32
		allowed []bool
		want    string
	}{
		{nil, nil, "0 logits, there must be from 1 to 16777216"},
		{[]float32{1, 2}, []bool{true}, "2 logits, but a mask for 1"},
		{[]float32{1, nan, 2}, nil, "token 1 is NaN"},
		{[]float32{1, 2, inf}, []bool{true, false, true}, "token 2 is +Inf"},
		{[]float32{-inf, -inf}, nil, "no token is allowed, of 2"},
		{[]float32{1, 2}, []bool{false, false}, "no token is allowed, of 2"},
		{[]float32{nan, -inf}, []bool{false, true}, "no token is allowed, of 2"},
	} {
		for _, p := range []Params{{TopP: 1}, {Temperature: 1, TopP: 1}, {Temperature: 0.5, TopK: 3, TopP: 0.5, MinP: 0.5}} {
			token, err := newSampler(t, p).Sample(test.x, test.allowed)
			if err == nil || !strings.Contains(err.Error(), test.want) || token != 0 {
				t.Errorf("%+v: %v, %v: token %d, %v; want an error with %q", p, test.x, test.allowed, token, err, test.want)
			}
		}
	}
}

// TestExtremes: finite logits always have a token, the same as without a
// temperature, though over the temperature they are beyond float32.
func TestExtremes(t *testing.T) {
	const big = math.MaxFloat32
	for _, test := range []struct {
		x       []float32
		allowed []bool
		want    int
	}{
		{[]float32{-big, -big}, nil, 0},
		{[]float32{-inf, -big, -big}, nil, 1},
		{[]float32{-big, -big / 2}, nil, 1},
		{[]float32{0, -big, -big}, []bool{false, true, true}, 1},
		{[]float32{nan, -big, -big}, []bool{false, true, true}, 1},
		{[]float32{big, big / 2}, nil, 0},
		{[]float32{0, 1e37, -1e38}, nil, 1},
		{[]float32{-big, 0, big}, nil, 2},
	} {
		for _, temperature := range []float64{0, MinTemperature, 0.7, 1, 2} {
			for _, p := range []Params{{TopP: 1}, {TopP: 0.5}, {TopP: 1, MinP: 0.5}, {TopP: 1, TopK: 1}} {
				p.Temperature = temperature
				if got, err := newSampler(t, p).sample(test.x, test.allowed, 0); err != nil || got != test.want {
					t.Errorf("%+v: %v, %v: token %d, %v; want %d", p, test.x, test.allowed, got, err, test.want)
				}
			}
		}
	}
	// Equal logits still have equal probabilities.
	s := newSampler(t, Params{Temperature: 0.7, TopP: 1})
	if got, err := s.sample([]float32{-big, -big}, nil, 1<<63); err != nil || got != 1 {
		t.Errorf("token %d, %v; want 1", got, err)
	}
	// p = (.3, .1, .1, .5) with top-p 0.8: two tokens, on every machine.
	x := []float32{-1.2039728, -2.3025851, -2.3025851, -0.6931472}
	s = newSampler(t, Params{Temperature: 1, TopP: 0.8})
	drawn := make(map[int]bool)
	for r := range uint64(64) {
		got, err := s.sample(x, nil, r<<58)
		if err != nil {
			t.Fatal(err)
		}
		drawn[got] = true
	}
	if len(drawn) != 2 {
		t.Errorf("drawn from %v", drawn)
	}
}

func TestNewErrors(t *testing.T) {
	for want, p := range map[string]Params{
		"temperature is -1, it must be 0 or from 0.001 to 1000": {Temperature: -1, TopP: 1},
		"temperature is 1e-06":                         {Temperature: 1e-6, TopP: 1},
		"temperature is +Inf":                          {Temperature: math.Inf(1), TopP: 1},
		"temperature is NaN":                           {Temperature: math.NaN(), TopP: 1},
		"top-k is -1, it must be at least 0":           {TopK: -1, TopP: 1},
		"top-p is 0, it must be above 0 and at most 1": {},
		"top-p is 1.5":                                 {TopP: 1.5},
		"top-p is NaN":                                 {TopP: math.NaN()},
		"min-p is -0.1, it must be from 0 to 1":        {TopP: 1, MinP: -0.1},
		"min-p is 2":                                   {TopP: 1, MinP: 2},
		"min-p is NaN":                                 {TopP: 1, MinP: math.NaN()},
	} {
		if s, err := New(p); s != nil || err == nil || !strings.HasPrefix(err.Error(), "sampler: "+want) {
			t.Errorf("%+v: %v, want an error with %q", p, err, want)
		}
	}
}

// settings are those of the benchmark, by name.
var settings = []struct {
	name   string
	params Params
}{
	{"greedy", Params{TopP: 1}},
	{"temperature", Params{Temperature: 0.8, TopP: 1}},
	{"top-k=40", Params{Temperature: 0.8, TopK: 40, TopP: 1}},
	{"top-p=0.95", Params{Temperature: 0.8, TopP: 0.95}},
	{"min-p=0.05", Params{Temperature: 0.8, TopP: 1, MinP: 0.05}},
	{"top-k=1000,top-p=0.9,min-p=0.01", Params{Temperature: 0.8, TopK: 1000, TopP: 0.9, MinP: 0.01}},
	{"flat,top-p=0.95", Params{Temperature: 1000, TopP: 0.95}}, // nearly every token is kept
}

// TestLarge: at the vocabularies of the benchmark, where every path is taken,
// the tokens are those of the reference.
func TestLarge(t *testing.T) {
	x := logits(150_000, 5)
	step := uint64(3)
	if testing.Short() {
		step = 1 << 13
	}
	slices.Sort(x[50_000:100_000]) // an order that top-k likes least
	for _, set := range settings[1:] {
		s := newSampler(t, set.params)
		probs := make([]float32, len(x))
		native.SoftmaxRows(native.Row(probs), native.Row(x), &s.softmax)
		weights := filtered(probs, set.params)
		var sum uint64
		for _, w := range weights {
			sum += w
		}
		for r, last := uint64(1), uint64(0); last < r && r < 1<<63; last, r = r, step*r+1 {
			at, _ := bits.Mul64(r, sum)
			want := 0
			for ; at >= weights[want]; want++ {
				at -= weights[want]
			}
			if got, err := s.sample(x, nil, r); err != nil || got != want {
				t.Fatalf("%s: random number %#x leads to token %d, %v; the reference says %d", set.name, r, got, err, want)
			}
		}
	}
}

// TestConcurrent: samplers of sequences that run at once, of two vocabularies,
// share scratch memory and nothing else.
func TestConcurrent(t *testing.T) {
	p := Params{Temperature: 1, TopK: 100, TopP: 0.9, Seed: 3}
	tokens := func(x []float32) (got []int, err error) {
		s, err := New(p)
		for range 50 {
			var token int
			if err == nil {
				token, err = s.Sample(x, nil)
			}
			got = append(got, token)
		}
		return got, err
	}
	rows := [][]float32{logits(1000, 1), logits(3000, 2)}
	var want [2][]int
	for i, x := range rows {
		var err error
		if want[i], err = tokens(x); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for g := range 8 {
		all.Add(1)
		go func() {
			defer all.Done()
			if got, err := tokens(rows[g%2]); err != nil || !slices.Equal(got, want[g%2]) {
				t.Errorf("alone %v, with others %v, %v", want[g%2], got, err)
			}
		}()
	}
	all.Wait()
}

func TestAllocations(t *testing.T) {
	x := logits(32_000, 1)
	allowed := slices.Repeat([]bool{true, true, false}, 11_000)[:len(x)]
	for _, set := range settings {
		s := newSampler(t, set.params)
		for _, allowed := range [][]bool{nil, allowed} {
			if n := testing.AllocsPerRun(20, func() {
				if _, err := s.Sample(x, allowed); err != nil {
					t.Fatal(err)
				}
			}); n != 0 && !raceEnabled {
				t.Errorf("%s: %v allocations a token", set.name, n)
			}
		}
	}
}

func BenchmarkSample(b *testing.B) {
	for _, n := range []int{32_000, 128_000, 256_000} {
		x := logits(n, 1)
		for _, set := range settings {
			b.Run(fmt.Sprintf("%dk/%s", n/1000, set.name), func(b *testing.B) {
				s := newSampler(b, set.params)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.Sample(x, nil); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// TestLimits holds what random rows hardly reach.
func TestLimits(t *testing.T) {
	s, err := New(Params{Temperature: 1, TopP: 1})
	if err != nil {
		t.Fatal(err)
	}
	// The error for the mask shows that the length was accepted.
	if _, err := s.Sample(make([]float32, MaxVocabulary), make([]bool, 1)); err == nil || !strings.Contains(err.Error(), "mask") {
		t.Errorf("%d logits, mask for 1: %v", MaxVocabulary, err)
	}
	if _, err := s.Sample(make([]float32, MaxVocabulary+1), nil); err == nil || !strings.Contains(err.Error(), "must be from 1 to 16777216") {
		t.Errorf("%d logits: %v", MaxVocabulary+1, err)
	}
	if _, err := s.Sample([]float32{math.MaxFloat32, float32(math.Inf(1))}, nil); err == nil || !strings.Contains(err.Error(), "token 1 is +Inf") {
		t.Errorf("MaxFloat32 and +Inf: %v", err)
	}

	var w work
	w.grow(8)
	before := &w.probs[0]
	if w.grow(8); &w.probs[0] != before {
		t.Error("work of the same size was allocated again")
	}

	// All but the first are a little less probable than 1/n, and top-p keeps most of them.
	probs := make([]float32, 1000)
	probs[0] = 0.1009
	for i := range probs[1:] {
		probs[i+1] = 0.0009
	}
	w.grow(len(probs))
	if w.kept.filter(probs, &Params{TopP: 0.99}); w.kept.n < 980 || w.kept.n > 995 {
		t.Errorf("top-p of 0.99 keeps %d of 1000", w.kept.n)
	}

	// Exactly half as probable as the first.
	if w.kept.filter([]float32{0.5, 0.25, 0.25}, &Params{TopP: 1, MinP: 0.5}); w.kept.n != 3 {
		t.Errorf("min-p of 0.5 keeps %d of 3", w.kept.n)
	}

	w.kept.n = copy(w.kept.probs, []float32{0.5, 0.25, 0.125})
	if w.kept.cut(9, one); w.kept.n != 3 {
		t.Errorf("cut of 9 tokens keeps %d of 3", w.kept.n)
	}
}
