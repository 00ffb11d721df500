package native

import (
	"fmt"
	"math"

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
		if !(math.Abs(float64(scale)) <= math.MaxFloat32) || scale == 0 {
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
// [WithISA] two machines give the same bits; LogSoftmax and LogSumExp end in
// math.Log, which may round otherwise on another architecture.
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
	if s.engine != nil {
		return s.engine
	}
	return defaults()
}

// lastCache is the size from which Auto takes rows and results for too large for
// the caches, where the CPU does not tell the size of its last-level cache, where
// that is larger, as of a virtual machine that has a small part of it, and where
// the choice may not depend on it.
const lastCache = 32 << 20

// farFrom is the length from which Auto takes another algorithm than reload, and
// why it is that.
func (s *Softmaxer) farFrom() (n int, why string) {
	cache := lastCache
	switch l2, l3 := cpuid.CPU.Cache.L2, cpuid.CPU.Cache.L3; {
	case s.fixed:
		why = "which WithReproducible fixes"
	case l3 > 0 && l3 < lastCache:
		cache, why = max(l3, 4*l2), "at which input and result fill the last-level cache"
	default:
		why = "at which input and result are 32 MiB, as this CPU tells of no smaller last-level cache"
	}
	return cache / 8, why
}

// far is the algorithm for rows that don't fit the caches, and reload if that is
// the best there too: where the exponentials take longer than memory.
func (s *Softmaxer) far() (a ukernel.Algorithm, why string) {
	e := s.kernels()
	switch {
	case e.extISA == ukernel.Scalar:
		return ukernel.ThreePassReload, "has no vector kernels for two passes"
	case e.extISA.Lanes() == 8 && (s.fixed || s.goroutines <= manyGoroutines):
		return ukernel.ThreePassReload, "spends more time on exponentials than on memory"
	case e.extISA.Lanes() == 8:
		return ukernel.ThreePassRecompute, ""
	}
	return ukernel.TwoPass, ""
}

// manyGoroutines is the number up to which memory can serve goroutines with
// 8 lanes each as fast as they compute.
const manyGoroutines = 2

// reloads reports whether short rows take the reload algorithm.
func (s *Softmaxer) reloads() bool {
	return s.algorithm == ukernel.Auto || s.algorithm == ukernel.ThreePassReload
}

// choose is the algorithm for a row of n elements.
func (s *Softmaxer) choose(n int) ukernel.Algorithm {
	if s.algorithm != ukernel.Auto {
		return s.algorithm
	}
	if n < 1<<14 { // less than any cache: short rows should not wait for the rest
		return ukernel.ThreePassReload
	}
	if from, _ := s.farFrom(); n < from {
		return ukernel.ThreePassReload
	}
	a, _ := s.far()
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
