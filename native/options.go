package native

import (
	"fmt"

	"github.com/klauspost/cpuid/v2"

	"github.com/twopass-softmax/twopass/ukernel"
)

// Softmaxer computes with fixed options. It is a small value to keep, copy and
// share: it does not change, and any number of goroutines may use one at once.
// The zero Softmaxer has the defaults, which are those of the package's
// functions.
type Softmaxer struct {
	engine     *engine // nil for the default one
	algorithm  ukernel.Algorithm
	scale      float32 // 0 for 1
	goroutines int     // 0 for 1
	fixed      bool    // Auto may not look at the machine
	stream     bool    // results go around the caches
	zeros      bool    // rows of -Inf become zeros
	mask       Mask
}

// Option is a setting of a [Softmaxer].
type Option func(*Softmaxer) error

// New makes a Softmaxer. The error names the first option that can't be.
// Without options it tells whether [EnvISA] is in order.
func New(options ...Option) (Softmaxer, error) {
	var s Softmaxer
	for _, o := range options {
		if err := o(&s); err != nil {
			return Softmaxer{}, err
		}
	}
	if s.engine == nil {
		if _, err := ISA(); err != nil {
			return Softmaxer{}, err
		}
	}
	return s, nil
}

// WithAlgorithm chooses the algorithm. The default, [ukernel.Auto], is what the
// package comment says.
func WithAlgorithm(a ukernel.Algorithm) Option {
	return func(s *Softmaxer) error {
		if a != ukernel.Auto && len(a.Families()) == 0 {
			return fmt.Errorf("native: algorithm %v does not exist", a)
		}
		s.algorithm = a
		return nil
	}
}

// WithScale multiplies every element by scale before anything else: 1 divided by
// the temperature of a sampler, or 1/sqrt(d) for attention scores. The product
// is rounded to float32, and where it overflows it is an infinity to all that
// follows. A negative scale turns -Inf into +Inf.
//
// The scale must be finite and not 0.
func WithScale(scale float32) Option {
	return func(s *Softmaxer) error {
		if !finite(scale) || scale == 0 {
			return fmt.Errorf("native: scale is %v, it must be finite and not 0", scale)
		}
		s.scale = scale
		return nil
	}
}

// WithISA uses the kernels of this ISA and of narrower ones, whatever [EnvISA]
// says. The error tells if this build or this CPU does not have it; [Levels]
// lists what there is.
func WithISA(isa ukernel.ISA) Option {
	return func(s *Softmaxer) error {
		start()
		if s.engine = engines[isa]; s.engine == nil {
			return available(isa)
		}
		return nil
	}
}

// WithGoroutines lets a call use up to n goroutines, its own included: for the
// rows of a matrix, and for the parts of one long row. Short calls use fewer.
// The default is 1, which starts none.
//
// A single row is done by one goroutine if it is of a half type, a gradient, or
// summed by LogSumExp with a scale or mask.
//
// The number never shows in the bits of a given algorithm. What Auto chooses
// may depend on it; see [WithReproducible].
func WithGoroutines(n int) Option {
	return func(s *Softmaxer) error {
		if n < 1 {
			return fmt.Errorf("native: %d goroutines, there must be at least 1", n)
		}
		s.goroutines = n
		return nil
	}
}

// WithReproducible makes the bits of a result depend on nothing but the row, the
// options and the ISA: Auto then chooses by the length of the row alone, not by
// the caches of the machine or the number of goroutines. Together with
// [WithISA] two machines give the same bits.
func WithReproducible() Option {
	return func(s *Softmaxer) error { s.fixed = true; return nil }
}

// WithStreaming writes results around the caches where that is possible, with
// non-temporal stores: by the two-pass and recompute algorithms, and by LogSoftmax,
// to a dst that is not src, on CPUs with AVX. It is for rows beyond the caches
// whose results nobody reads soon. Whether it gains anything depends on the CPU:
// a third of the memory traffic where it reads a line before the first write to
// it, and nothing, or a loss, where it does not, as on Zen 5. It changes no bits.
func WithStreaming() Option {
	return func(s *Softmaxer) error { s.stream = true; return nil }
}

// WithZeroRows makes rows in which every element is -Inf, or masked, all zeros
// instead of NaN; their log-softmax is all -Inf.
func WithZeroRows() Option {
	return func(s *Softmaxer) error { s.zeros = true; return nil }
}

func (s *Softmaxer) kernels() *engine {
	e := s.engine
	if e == nil {
		e = ready.Load()
	}
	if e == nil {
		e = defaults()
	}
	return e
}

// lastCache is taken for the size of the last-level cache where the CPU does not
// tell it or tells more, as a virtual machine does that has a small part of it, and
// where the choice may not depend on it.
const lastCache = 32 << 20

// far is the algorithm for long rows, the length from which it is taken, and why
// from there. A length of 0 is never.
//
// With vectors of 512 bits exponentials are so fast that to compute them twice
// costs less than to write them, read them and write them again, as soon as rows
// are too long for oneBlock. With shorter ones it does not pay before the last-level
// cache is full.
func (s *Softmaxer) far() (a ukernel.Algorithm, from int, why string) {
	e := s.kernels()
	if t := e.tuning(); t != nil && !s.fixed {
		return t.algorithm, t.from, "as measured on CPUs of this family: " + t.evidence
	}
	if e.addMax != nil && e.extISA.Lanes() == 16 {
		return ukernel.ThreePassRecompute, oneBlock + 1, "as exponentials are fast at this level"
	}
	if e.extISA == ukernel.Scalar {
		return ukernel.ThreePassReload, 0, "has no vector kernels for two passes"
	}
	cache := lastCache
	switch l3 := cpuid.CPU.Cache.L3; {
	case s.fixed:
		why = "which WithReproducible fixes"
	case l3 > 0 && l3 < lastCache:
		cache, why = l3, "by the size of the last-level cache"
	default:
		why = "as for a last-level cache of 32 MiB, since this CPU tells of no smaller one"
	}
	if e.addMax != nil {
		return ukernel.ThreePassRecompute, cache / 8, why
	}
	return ukernel.TwoPass, cache / 8, why
}

// near is a number of elements that is less than any cache holds: short rows should
// not wait for the choice by caches.
const near = 1 << 14

// direct reports whether there is nothing to ask about a row of n elements: it is
// neither empty nor long, all of it counts, and the algorithm is reload.
func (s *Softmaxer) direct(n int) bool {
	return n > 0 && n < near && s.unmasked() && (s.algorithm == ukernel.Auto || s.algorithm == ukernel.ThreePassReload)
}

// choose is the algorithm for a row of n elements.
func (s *Softmaxer) choose(n int) ukernel.Algorithm {
	if s.algorithm != ukernel.Auto {
		return s.algorithm
	}
	if n < near {
		return ukernel.ThreePassReload
	}
	a, from, _ := s.far()
	if from == 0 || n < from {
		return ukernel.ThreePassReload
	}
	return a
}

// empty is what the softmax of a row without a number is, in logarithms if log.
func (s *Softmaxer) empty(log bool) float32 {
	switch {
	case !s.zeros:
		return nan
	case log:
		return negInf
	}
	return 0
}
