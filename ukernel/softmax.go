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
	// Auto leaves the choice to the function that is called. It has no passes.
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

// Algorithms lists the algorithms that have passes: all but [Auto].
func Algorithms() []Algorithm {
	return []Algorithm{TwoPass, ThreePassRecompute, ThreePassReload}
}

// ParseAlgorithm returns the algorithm with a name.
func ParseAlgorithm(name string) (Algorithm, error) {
	names := make([]string, numAlgorithms)
	for i, a := range algorithms {
		if a.name == name {
			return Algorithm(i), nil
		}
		names[i] = a.name
	}
	return 0, fmt.Errorf("ukernel: %q is not an algorithm: it must be one of %s", name, strings.Join(names, ", "))
}

// String returns the algorithm's name, such as "two-pass".
func (a Algorithm) String() string {
	if a < numAlgorithms {
		return algorithms[a].name
	}
	return fmt.Sprintf("Algorithm(%d)", uint8(a))
}

// Families lists the families of the algorithm's passes, in order: nil for Auto and unknown values.
// The caller must not change it.
func (a Algorithm) Families() []Family {
	if a < numAlgorithms {
		return algorithms[a].families
	}
	return nil
}

// Composition is an algorithm with a kernel for each of its passes, made by [Compose].
type Composition struct {
	algorithm Algorithm
	passes    [3]Func
}

// Compose joins an algorithm and the kernels of its passes, in the order of
// [Algorithm.Families]. The error names a kernel that is missing or of the wrong family.
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

// Algorithm returns the algorithm.
func (c *Composition) Algorithm() Algorithm { return c.algorithm }

// Kernels returns the kernels of the passes, in order.
func (c *Composition) Kernels() []Func { return c.passes[:len(c.algorithm.Families())] }

// Softmax writes exp(x) / sum(exp(x)) for the row src to dst. Src has at least
// one element and dst as many; dst is src or does not overlap it, which Softmax does
// not check. The kernels determine what infinities and NaNs give.
//
// The steps between the passes, 1/mantissa and 1/sum, are those of upstream's operator
// for the three-pass algorithm with reload, and of its benchmark for the other two.
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
