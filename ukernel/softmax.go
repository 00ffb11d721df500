package ukernel

import (
	"fmt"
	"strings"
)

// Algorithm is a way to compose kernels into softmax.
type Algorithm uint8

// The algorithms of Dukhan and Ablavatski (arXiv 2001.04438), in the paper's
// numbering 3, 1 and 2.
const (
	// Auto leaves the choice to the side that is asked. It has no passes.
	Auto Algorithm = iota
	// TwoPass sums exp(x) as a pair (mantissa, exponent), then writes exp(x)
	// divided by that sum: 2 reads and 1 write of a row, 2 exponentials.
	TwoPass
	// ThreePassRecompute finds the maximum, sums exp(x - max), then computes it
	// again to scale and write it: 3 reads and 1 write, 2 exponentials.
	ThreePassRecompute
	// ThreePassReload finds the maximum, writes exp(x - max) and sums it, then
	// scales what it wrote: 3 reads and 2 writes, 1 exponential.
	ThreePassReload

	numAlgorithms
)

var algorithms = [numAlgorithms]struct {
	name     string
	families []Family
}{
	Auto:               {name: "auto"},
	TwoPass:            {"two-pass", []Family{RAddExtExp, VScaleExtExp}},
	ThreePassRecompute: {"three-pass-recompute", []Family{RMax, RAddExpMinusMax, VScaleExpMinusMax}},
	ThreePassReload:    {"three-pass-reload", []Family{RMax, RAddStoreExpMinusMax, VMulC}},
}

// Algorithms lists the algorithms that have passes, which [Auto] has not.
func Algorithms() []Algorithm {
	return []Algorithm{TwoPass, ThreePassRecompute, ThreePassReload}
}

// ParseAlgorithm finds an algorithm by its name.
func ParseAlgorithm(name string) (Algorithm, error) {
	names := make([]string, numAlgorithms)
	for i, a := range algorithms {
		if a.name == name {
			return Algorithm(i), nil
		}
		names[i] = a.name
	}
	return 0, fmt.Errorf("ukernel: %q is no algorithm, which are %s", name, strings.Join(names, ", "))
}

// String is the algorithm's name, such as "two-pass".
func (a Algorithm) String() string {
	if a < numAlgorithms {
		return algorithms[a].name
	}
	return fmt.Sprintf("Algorithm(%d)", uint8(a))
}

// Families lists the families of the algorithm's passes, in order; the caller
// may not change it. It is empty for [Auto] and for other values.
func (a Algorithm) Families() []Family {
	if a < numAlgorithms {
		return algorithms[a].families
	}
	return nil
}

// Composition is an algorithm with a kernel for each of its passes. [Compose]
// makes one.
type Composition struct {
	algorithm Algorithm
	passes    [3]Func
}

// Compose joins an algorithm and the kernels of its passes, in the order of
// [Algorithm.Families]. The error says which kernel is missing or of the wrong
// family.
func Compose(a Algorithm, kernels ...Func) (Composition, error) {
	families := a.Families()
	if len(families) == 0 {
		return Composition{}, fmt.Errorf("ukernel: algorithm %v has no passes", a)
	}
	if len(kernels) != len(families) {
		return Composition{}, fmt.Errorf("ukernel: %d kernels for the %d passes of %v", len(kernels), len(families), a)
	}
	c := Composition{algorithm: a}
	for i, k := range kernels {
		if !k.has(families[i]) {
			return Composition{}, fmt.Errorf("ukernel: pass %d of %v needs a kernel of %v, not %q", i+1, a, families[i], k.Name)
		}
		c.passes[i] = k
	}
	return c, nil
}

// Algorithm is the algorithm that c follows.
func (c *Composition) Algorithm() Algorithm { return c.algorithm }

// Kernels are the kernels of the passes, in order.
func (c *Composition) Kernels() []Func { return c.passes[:len(c.algorithm.Families())] }

// Softmax writes exp(x) / sum(exp(x)) for the row src to dst. Src has at least
// one element, dst as many; dst may be src itself and may not overlap it
// otherwise (see [CheckSlices]). What infinities and NaNs do is the kernels'
// affair.
//
// The steps between the passes, the reciprocals 1/mantissa and 1/sum, are
// upstream's: its operator for the three-pass form with reload, its benchmark
// for the other two.
func (c *Composition) Softmax(dst, src []float32) {
	p := &c.passes
	switch c.algorithm {
	case TwoPass:
		mantissa, exponent := p[0].RAddExtExp(src)
		p[1].VScaleExtExp(dst, src, 1/mantissa, -exponent)
	case ThreePassRecompute:
		max := p[0].RMax(src)
		sum := p[1].RAddExpMinusMax(src, max)
		p[2].VScaleExpMinusMax(dst, src, 1/sum, max)
	case ThreePassReload:
		max := p[0].RMax(src)
		sum := p[1].RAddStoreExpMinusMax(dst, src, max)
		p[2].VMulC(dst, dst, 1/sum)
	default:
		panic(fmt.Sprintf("ukernel: algorithm %v has no passes", c.algorithm))
	}
}
