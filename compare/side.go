package compare

import (
	"cmp"
	"slices"
	"time"

	"github.com/twopass-softmax/twopass/ukernel"
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
	// Pure is whether what its kernels return depends on nothing but their
	// operands: not on where in memory they lie.
	Pure bool
	// InC is [xnnpack.TimeSoftmax] for a side whose kernels are C functions, nil for others.
	InC func(dst, src []float32, cols, times int, opts xnnpack.Options) (time.Duration, error)
}

// Pair is a kernel that both sides have.
type Pair struct {
	ukernel.Kernel
	Ref, Ours ukernel.Func
	// PureRef is the reference's [Side.Pure].
	PureRef bool
	// Err says why the pair can't run here; it is nil if it can.
	Err error
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
		p := Pair{Kernel: k, PureRef: ref.Pure}
		if p.Ref, p.Err = ref.Lookup(k.Name); p.Err == nil {
			p.Ours, p.Err = ours.Lookup(k.Name)
		}
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

// Order compares kernels by family, ISA, variant, tile and accumulators: the
// order of reports, narrow before wide.
func Order(a, b ukernel.Kernel) int {
	return cmp.Or(
		cmp.Compare(a.Family, b.Family),
		cmp.Compare(a.ISA, b.ISA),
		cmp.Compare(a.Variant, b.Variant),
		cmp.Compare(a.Tile, b.Tile),
		cmp.Compare(a.Accumulators, b.Accumulators),
	)
}
