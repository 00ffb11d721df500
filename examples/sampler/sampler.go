// Package sampler draws the next token from a language model's logits, as an
// inference server does: temperature, top-k, top-p, min-p and a grammar's mask.
//
//	s, err := sampler.New(sampler.Params{Temperature: 0.7, TopP: 0.95, Seed: 42})
//	...
//	token, err := s.Sample(logits, allowed)
//
// # What is drawn from
//
// The steps are those of Hugging Face's transformers, in its order; each works
// on what the one before left:
//
//  1. The mask: tokens that are not allowed, and those whose logit is -Inf.
//  2. Temperature: the softmax of logits / temperature.
//  3. Top-k: the k most probable tokens.
//  4. Top-p: the fewest of the most probable tokens that have p of the mass.
//  5. Min-p: the tokens with at least p times the highest probability.
//
// Of equally probable tokens the one with the smaller number comes first, so
// that top-k keeps k tokens and no more. The most probable token always stays.
//
// A probability counts in whole units of 2^-62, which 64 random bits can tell
// apart: sums of them are exact, in any order, and so is the choice.
//
// # Compared with llama.cpp and ollama
//
// The same settings do not always mean the same:
//
//   - llama.cpp applies the temperature last, in its default chain: its top-p and
//     min-p see the probabilities at temperature 1. Ollama's order is this one.
//   - Under a grammar both draw without it first, and with it only if it refuses
//     the token. So tokens that were likely without it are drawn more often than
//     their share of what is allowed. Here the mask comes first.
//   - Ollama's top-p keeps tokens until they have more than p of the mass, this one
//     and llama.cpp's until they have at least p. They differ where a sum is p.
//   - A min-p of 1 turns ollama's filter off. Here it keeps the most probable token
//     and its equals, as in llama.cpp.
//   - Ollama adds float32 probabilities, and draws with 24 random bits. Seeds are
//     those of this package alone.
//
// # Why it is an example
//
// This package is made to be copied: three files, about 400 lines, which need
// nothing but native and the standard library. Its module can't be got by others, since it
// takes the root module from the folder above. As a package of the root module it
// would cost users of native nothing to build, but would promise an order of
// filters for good, in a field where each engine has its own and adds one a year.
// Who needs exactly these filters should own the copy.
//
// # Reproducibility
//
// The same seed, parameters, logits and masks give the same tokens: a call of
// Sample consumes one number of the generator, a PCG whose numbers math/rand/v2
// specifies, unless it returns an error. The machine does not matter: native
// promises equal bits on all.
package sampler

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"sync"

	"github.com/twopass-softmax/twopass/native"
)

// Params say how to draw. The zero Params are not valid, as TopP is 0.
type Params struct {
	// Temperature divides the logits, from MinTemperature to MaxTemperature. 0
	// takes the token with the largest logit, the first one of equals.
	Temperature float64
	// TopK is how many tokens may be drawn at most. 0 is all.
	TopK int
	// TopP is the share of the mass that is enough, above 0 and at most 1. 1 is
	// all tokens.
	TopP float64
	// MinP is the least probability, as a share of the highest one, from 0 to 1.
	MinP float64
	// Seed starts the generator.
	Seed uint64
}

// The limits of a temperature that is not 0.
const (
	MinTemperature = 1e-3
	MaxTemperature = 1e3
)

// MaxVocabulary is the largest number of logits.
const MaxVocabulary = 1 << 24

// ErrNothingAllowed is the error of [Sampler.Sample] when every token is masked
// out or has a logit of -Inf. A grammar that leads here is at its end.
var ErrNothingAllowed = errors.New("no token is allowed")

// Sampler draws the tokens of one sequence. It is small: what a call needs
// besides, 12 bytes for each token of the vocabulary, comes from a pool. One
// Sampler may not be used by two goroutines at once; different ones may.
type Sampler struct {
	params  Params
	softmax native.Options
	random  rand.PCG
}

// New makes a Sampler. The error names the parameter that can't be.
func New(p Params) (*Sampler, error) {
	switch {
	case p.Temperature != 0 && !(p.Temperature >= MinTemperature && p.Temperature <= MaxTemperature):
		return nil, fmt.Errorf("sampler: temperature is %v, it must be 0 or from %v to %v", p.Temperature, MinTemperature, MaxTemperature)
	case p.TopK < 0:
		return nil, fmt.Errorf("sampler: top-k is %d, it must be at least 0", p.TopK)
	case !(p.TopP > 0 && p.TopP <= 1):
		return nil, fmt.Errorf("sampler: top-p is %v, it must be above 0 and at most 1", p.TopP)
	case !(p.MinP >= 0 && p.MinP <= 1):
		return nil, fmt.Errorf("sampler: min-p is %v, it must be from 0 to 1", p.MinP)
	}
	s := &Sampler{params: p, random: *rand.NewPCG(p.Seed, 0)}
	if p.Temperature == 0 {
		return s, nil
	}
	s.softmax = native.Options{Scale: float32(1 / p.Temperature), ZeroRows: true}
	return s, nil
}

// Sample draws a token: an index into logits, which it does not change. Allowed
// is nil, or says for each token whether it may be drawn; the logits of the
// others do not matter, be they NaN. It allocates nothing but errors, and what
// the pool may have to.
//
// The error is [ErrNothingAllowed], or tells which logit is NaN or +Inf, or that
// the lengths don't fit.
func (s *Sampler) Sample(logits []float32, allowed []bool) (token int, err error) {
	before := s.random
	if token, err = s.sample(logits, allowed, s.random.Uint64()); err != nil {
		s.random = before
	}
	return token, err
}

// sample draws the token to which the random number r leads.
func (s *Sampler) sample(logits []float32, allowed []bool, r uint64) (int, error) {
	if n := len(logits); n == 0 || n > MaxVocabulary {
		return 0, fmt.Errorf("sampler: %d logits, there must be from 1 to %d", n, MaxVocabulary)
	}
	if allowed != nil && len(allowed) != len(logits) {
		return 0, fmt.Errorf("sampler: %d logits, but a mask for %d", len(logits), len(allowed))
	}
	if s.params.Temperature == 0 {
		return argmax(logits, allowed)
	}
	w := pool.Get().(*work)
	defer pool.Put(w)
	w.grow(len(logits))
	probs := w.probs[:len(logits)]
	o := s.softmax
	o.Keep = native.Row(allowed)
	native.SoftmaxRows(native.Row(probs), native.Row(logits), &o)
	// All are NaN if one is.
	if probs[0] != probs[0] {
		return 0, notFinite(logits, allowed)
	}
	token, ok := w.draw(probs, &s.params, r)
	if !ok {
		return 0, nothingAllowed(len(logits))
	}
	return token, nil
}

// argmax is the first of the largest logits.
func argmax(logits []float32, allowed []bool) (int, error) {
	token, top := -1, float32(math.Inf(-1))
	for i, x := range logits {
		// False for most, and for no NaN or new maximum.
		if x <= top || allowed != nil && !allowed[i] {
			continue
		}
		if !(x <= math.MaxFloat32) {
			return 0, notFinite(logits, allowed)
		}
		token, top = i, x
	}
	if token < 0 {
		return 0, nothingAllowed(len(logits))
	}
	return token, nil
}

func nothingAllowed(n int) error {
	return fmt.Errorf("sampler: %w, of %d", ErrNothingAllowed, n)
}

// notFinite is the error of logits that have no softmax.
func notFinite(logits []float32, allowed []bool) error {
	for i, x := range logits {
		if (allowed == nil || allowed[i]) && !(x <= math.MaxFloat32) {
			return fmt.Errorf("sampler: the logit of token %d is %v, it must be finite or -Inf", i, x)
		}
	}
	panic("sampler: finite logits have no softmax") // native's table of special values says otherwise
}

// work is what a call needs for itself.
type work struct {
	probs []float32
	kept  kept
}

var pool = sync.Pool{New: func() any { return new(work) }}

func (w *work) grow(n int) {
	if len(w.probs) < n {
		*w = work{make([]float32, n), kept{make([]int32, n), make([]float32, n), 0}}
	}
}

// draw is the token to which the random number r leads, false if none has a
// probability.
func (w *work) draw(probs []float32, p *Params, r uint64) (int, bool) {
	if p.TopK == 0 && p.TopP == 1 && p.MinP == 0 {
		return pick(probs, total(probs), r)
	}
	left := w.kept.filter(probs, p)
	i, ok := pick(w.kept.probs[:w.kept.n], left, r)
	if !ok {
		return 0, false
	}
	return int(w.kept.tokens[i]), true
}

// weight is a probability in units of 2^-62. The sum of all is at most about
// 2^62, and so of any number of them.
func weight(p float32) uint64 { return uint64(int64(float64(p) * (1 << 62))) }

func total(probs []float32) (sum uint64) {
	for _, p := range probs {
		sum += weight(p)
	}
	return sum
}

// pick is the index to which r leads, where all weights sum to sum: index i for
// a share of weight / sum of all r, in the order of the indices.
func pick(probs []float32, sum, r uint64) (int, bool) {
	at, _ := bits.Mul64(r, sum) // from 0 to below sum
	for i, p := range probs {
		w := weight(p)
		if at < w {
			return i, true
		}
		at -= w
	}
	return 0, false // sum is 0
}
