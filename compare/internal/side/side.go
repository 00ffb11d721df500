// Package side has the implementations of kernels that are compared, and pairs their kernels by name.
package side

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/twopass-softmax/twopass/native/twins"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/model"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// Side is an implementation of kernels.
type Side struct {
	// Name is what reports call it.
	Name string
	// Kernels lists what is compiled in, whether or not this CPU runs it.
	Kernels []ukernel.Kernel
	// Lookup returns one of them, or why it can't be called here.
	Lookup func(name string) (ukernel.Func, error)
	// Pure is whether results depend on the operands alone, and not on where in memory they lie.
	Pure bool
	// InC is [xnnpack.TimeSoftmax] if the kernels are C functions, or else nil.
	InC func(dst, src []float32, cols, times int, opts xnnpack.Options) (time.Duration, error)
}

// Upstream is XNNPACK's own kernels. It has none where [xnnpack.Available]
// returns an error.
func Upstream() Side {
	return Side{Name: "upstream", Kernels: xnnpack.Kernels(), Lookup: xnnpack.Lookup, InC: xnnpack.TimeSoftmax}
}

// Native is this project's kernels.
func Native() Side {
	return Side{Name: "native", Kernels: twins.Kernels(), Lookup: twins.Lookup}
}

// Model is the executable model of the given kernels. It runs on any CPU, and
// slowly.
func Model(kernels []ukernel.Kernel) Side {
	return Side{Name: "model", Kernels: kernels, Pure: true, Lookup: func(name string) (ukernel.Func, error) {
		k, err := ukernel.Parse(name)
		if err != nil {
			return ukernel.Func{}, err
		}
		// One call shows whether there is a model of this kernel.
		one := make([]float32, 1)
		if _, err := model.Run(k, ukernel.Args{Src: one, Dst: one, Dst16: make([]uint16, 1),
			Half: make([]uint16, 1), Src8: make([]uint8, 1), Dst8: make([]uint8, 1), Table: []uint32{1}}); err != nil {
			return ukernel.Func{}, err
		}
		return model.Func(k, model.Fault{}), nil
	}}
}

// Compose composes an algorithm of the side's kernels with these names.
func (s *Side) Compose(a ukernel.Algorithm, kernels []string) (ukernel.Composition, error) {
	passes := make([]ukernel.Func, len(kernels))
	for i, name := range kernels {
		var err error
		if passes[i], err = s.Lookup(name); err != nil {
			return ukernel.Composition{}, err
		}
	}
	return ukernel.Compose(a, passes...)
}

// Pair is a kernel that both sides have, or an algorithm that is composed of such kernels.
type Pair struct {
	// Kernel is that kernel. Of an algorithm it has the name alone, and Passes are the names of
	// its kernels.
	ukernel.Kernel
	Passes []string
	// Stores is whether an output is written for each input.
	Stores    bool
	Ref, Ours func(ukernel.Args) ukernel.Result
	// Same is whether two results are the same; [ukernel.Same] compares outputs.
	Same func(ref, ours ukernel.Result) bool
	// PureRef is the reference's [Side.Pure].
	PureRef bool
	// Err says why the pair can't run here; it is nil if it can.
	Err error
}

// NewPair pairs two functions of one kernel.
func NewPair(k ukernel.Kernel, ref, ours ukernel.Func) Pair {
	return Pair{Kernel: k, Stores: k.Family.Stores(), Ref: ref.Call, Ours: ours.Call,
		Same: func(r, s ukernel.Result) bool { return r.Same(k.Family, s) }}
}

// Match pairs the kernels of two sides by name, ordered by [Order].
func Match(ref, ours Side) []Pair {
	inRef := make(map[string]bool)
	for _, k := range ref.Kernels {
		inRef[k.Name] = true
	}
	var pairs []Pair
	for _, k := range ours.Kernels {
		if !inRef[k.Name] {
			continue
		}
		r, err := ref.Lookup(k.Name)
		s, err2 := ours.Lookup(k.Name)
		p := NewPair(k, r, s)
		p.PureRef, p.Err = ref.Pure, cmp.Or(err, err2)
		pairs = append(pairs, p)
	}
	slices.SortFunc(pairs, func(a, b Pair) int { return Order(a.Kernel, b.Kernel) })
	return pairs
}

// Runnable returns the pairs that can run here, and those that can't.
func Runnable(pairs []Pair) (can, cannot []Pair) {
	for _, p := range pairs {
		if p.Err == nil {
			can = append(can, p)
		} else {
			cannot = append(cannot, p)
		}
	}
	return can, cannot
}

// Order compares kernels by family, ISA, variant, tile and accumulators, narrow before wide: the
// order of reports.
func Order(a, b ukernel.Kernel) int {
	return cmp.Or(
		cmp.Compare(a.Family, b.Family),
		cmp.Compare(a.ISA, b.ISA),
		cmp.Compare(a.Variant, b.Variant),
		cmp.Compare(a.Tile, b.Tile),
		cmp.Compare(a.Accumulators, b.Accumulators),
	)
}

// Softmax is an algorithm composed of kernels with the same names on both sides.
type Softmax struct{ Ref, Ours ukernel.Composition }

// Compose composes an algorithm of kernels that run here on both sides. For each
// pass it takes the kernel that upstream prefers or, without that, the last of the
// widest ISA. The error says which family has none.
func Compose(a ukernel.Algorithm, ref, ours Side) (Softmax, error) {
	return compose(a, ref, ours, xnnpack.Preferred)
}

func compose(a ukernel.Algorithm, ref, ours Side, prefer func(ukernel.Family) (string, bool)) (s Softmax, err error) {
	can, _ := Runnable(Match(ref, ours))
	var kernels []string
	for _, family := range a.Families() {
		preferred, _ := prefer(family)
		found := ""
		for _, p := range can {
			if p.Family == family && (found == "" || found != preferred) {
				found = p.Name
			}
		}
		if found == "" {
			return s, fmt.Errorf("no kernel of %v runs here on both sides", family)
		}
		kernels = append(kernels, found)
	}
	if s.Ref, err = ref.Compose(a, kernels); err != nil {
		return s, err
	}
	s.Ours, err = ours.Compose(a, kernels)
	return s, err
}

// Algorithm is the one that is composed.
func (s *Softmax) Algorithm() ukernel.Algorithm { return s.Ours.Algorithm() }

// Kernels are the names of the passes.
func (s *Softmax) Kernels() []string { return Names(&s.Ours) }

// Names are those of a composition's kernels.
func Names(c *ukernel.Composition) []string {
	var names []string
	for _, f := range c.Kernels() {
		names = append(names, f.Name)
	}
	return names
}

// Pair returns the algorithm as a pair whose bits can be compared.
//
// It does not compare the outputs of the two-pass algorithm for a row whose sum is a NaN. The C
// compiler chooses the exponent beside that NaN (see [ukernel.Result.Same]), and an AVX-512 kernel
// writes NaN, an infinity or 0 by that exponent, since VSCALEFPS makes an infinity of NaN and an
// infinite exponent. Builds of upstream by gcc and by clang differ there.
func (s *Softmax) Pair() Pair {
	call := func(c *ukernel.Composition) func(ukernel.Args) ukernel.Result {
		return func(a ukernel.Args) (r ukernel.Result) {
			if c.Algorithm() == ukernel.TwoPass {
				r.Value, r.Exponent = c.Kernels()[0].RAddExtExp(a.Src)
			}
			c.Softmax(a.Dst, a.Src)
			if r.Value != r.Value {
				for i := range a.Dst {
					a.Dst[i] = r.Value
				}
			}
			return r
		}
	}
	return Pair{
		Kernel: ukernel.Kernel{Name: s.Algorithm().String()}, Passes: s.Kernels(), Stores: true, Ref: call(&s.Ref), Ours: call(&s.Ours),
		Same: func(r, t ukernel.Result) bool { return r.Same(ukernel.RAddExtExp, t) },
	}
}
