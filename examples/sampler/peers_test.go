package sampler

import (
	"math"
	"reflect"
	"slices"
	"testing"
)

// peer is a chain of filters in the order, and with the limits, of llama.cpp or
// ollama.
type peer struct {
	temperatureLast bool // llama.cpp: top-p and min-p see the probabilities at temperature 1
	strictTopP      bool // ollama: more than p, not at least p
	minP1Off        bool // ollama: a min-p of 1 is none
}

var (
	llama  = peer{temperatureLast: true}
	ollama = peer{strictTopP: true, minP1Off: true}
)

// probabilities are those from which a peer draws, after its filters.
func (c peer) probabilities(x []float32, allowed []bool, p Params) []float64 {
	softmax := func(temperature float64) []float64 {
		sum := 0.0
		y := make([]float64, len(x))
		for i := range x {
			if allowed == nil || allowed[i] {
				y[i] = math.Exp(float64(x[i]) / temperature)
				sum += y[i]
			}
		}
		for i := range y {
			y[i] /= sum
		}
		return y
	}
	final := softmax(p.Temperature)
	seen := final
	if c.temperatureLast {
		seen = softmax(1)
	}
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		if seen[i] > seen[j] {
			return -1
		} else if seen[i] < seen[j] {
			return 1
		}
		return 0
	})
	if p.TopK > 0 {
		order = order[:min(p.TopK, len(order))]
	}
	mass := 0.0
	for _, i := range order {
		mass += seen[i]
	}
	if p.TopP < 1 {
		sum := 0.0
		for n, i := range order {
			if sum += seen[i] / mass; sum > p.TopP || !c.strictTopP && sum >= p.TopP {
				order = order[:n+1]
				break
			}
		}
	}
	kept := make([]float64, len(x))
	sum := 0.0
	for _, i := range order {
		if seen[i] >= p.MinP*seen[order[0]] || c.minP1Off && p.MinP == 1 {
			kept[i] = final[i]
			sum += final[i]
		}
	}
	for i := range kept {
		kept[i] /= sum
	}
	return kept
}

// withGrammar is how both draw under a grammar: without it, and only if it
// refuses the token again, with it.
func (c peer) withGrammar(x []float32, allowed []bool, p Params) []float64 {
	free, masked := c.probabilities(x, nil, p), c.probabilities(x, allowed, p)
	refused := 0.0
	for i := range free {
		if !allowed[i] {
			refused += free[i]
			free[i] = 0
		}
	}
	for i := range free {
		free[i] += refused * masked[i]
	}
	return free
}

// shares are how often we draw each token, of evenly spaced random numbers.
func shares(t *testing.T, x []float32, allowed []bool, p Params) []float64 {
	t.Helper()
	const draws = 1 << 14
	got := make([]float64, len(x))
	for j := range uint64(draws) {
		token, err := newSampler(t, p).sample(x, allowed, (2*j+1)*(1<<63/draws))
		if err != nil {
			t.Fatal(err)
		}
		got[token] += 1.0 / draws
	}
	return got
}

// drawn are the tokens with a share.
func drawn(p []float64) (tokens []int) {
	for i := range p {
		if p[i] > 0 {
			tokens = append(tokens, i)
		}
	}
	return tokens
}

// TestPeers has an example for each difference that the package's documentation
// names, and of what is the same.
func TestPeers(t *testing.T) {
	ln := func(p ...float64) []float32 {
		x := make([]float32, len(p))
		for i := range p {
			x[i] = float32(math.Log(p[i]))
		}
		return x
	}
	for _, test := range []struct {
		name                string
		x                   []float32
		p                   Params
		ours, llama, ollama []int
	}{
		{"top-p at a high temperature", ln(0.7, 0.2, 0.06, 0.04), Params{Temperature: 2, TopP: 0.65}, []int{0, 1}, []int{0}, []int{0, 1}},
		{"top-p at a low temperature", ln(0.5, 0.3, 0.15, 0.05), Params{Temperature: 0.5, TopP: 0.85}, []int{0, 1}, []int{0, 1, 2}, []int{0, 1}},
		{"min-p at a high temperature", ln(0.7, 0.2, 0.06, 0.04), Params{Temperature: 2, TopP: 1, MinP: 0.3}, []int{0, 1}, []int{0}, []int{0, 1}},
		{"top-k does not see the temperature", ln(0.7, 0.2, 0.06, 0.04), Params{Temperature: 2, TopP: 1, TopK: 2}, []int{0, 1}, []int{0, 1}, []int{0, 1}},
		{"a sum of exactly p", []float32{0, 0}, Params{Temperature: 1, TopP: 0.5}, []int{0}, []int{0}, []int{0, 1}},
		{"top-p of what top-k left", ln(0.4, 0.3, 0.2, 0.1), Params{Temperature: 1, TopP: 0.5, TopK: 2}, []int{0}, []int{0}, []int{0}},
		{"min-p of 1", []float32{1, 0, 0, -1}, Params{Temperature: 1, TopP: 1, MinP: 1}, []int{0}, []int{0}, []int{0, 1, 2, 3}},
	} {
		for who, c := range map[string]struct {
			got  []float64
			want []int
		}{
			"ours":      {shares(t, test.x, nil, test.p), test.ours},
			"llama.cpp": {llama.probabilities(test.x, nil, test.p), test.llama},
			"ollama":    {ollama.probabilities(test.x, nil, test.p), test.ollama},
		} {
			if got := drawn(c.got); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s: %s draws from %v, want %v", test.name, who, got, c.want)
			}
		}
	}

	// Under a grammar: token 0 is refused. We draw from what it allows, and nothing
	// else; both peers prefer what they would have drawn without it.
	x, allowed := ln(0.5, 0.3, 0.2), []bool{false, true, true}
	p := Params{Temperature: 1, TopP: 0.75}
	ours := shares(t, x, allowed, p)
	for i, want := range []float64{0, 0.6, 0.4} {
		if math.Abs(ours[i]-want) > 1e-3 {
			t.Errorf("a grammar: ours draws %v", ours)
		}
	}
	for who, c := range map[string]peer{"llama.cpp": llama, "ollama": ollama} {
		got := c.withGrammar(x, allowed, p)
		// 0.375 at once, and 0.6 of the 0.625 that are refused.
		for i, want := range []float64{0, 0.75, 0.25} {
			if math.Abs(got[i]-want) > 1e-6 {
				t.Errorf("a grammar: %s draws %v", who, got)
			}
		}
	}
}
