// Package agreement holds, as a test, that native and upstream agree on the CPU
// that it runs on: real or emulated, on this machine or on one of a cluster.
// The package has nothing but the test.
package agreement

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/internal/f32"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
	"github.com/twopass-softmax/twopass/ukernel/model"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// A test per family, so that Bazel can spread them over shards.

func TestRMax(t *testing.T)                 { family(t, ukernel.RMax) }
func TestRAddExtExp(t *testing.T)           { family(t, ukernel.RAddExtExp) }
func TestVScaleExtExp(t *testing.T)         { family(t, ukernel.VScaleExtExp) }
func TestRAddExpMinusMax(t *testing.T)      { family(t, ukernel.RAddExpMinusMax) }
func TestVScaleExpMinusMax(t *testing.T)    { family(t, ukernel.VScaleExpMinusMax) }
func TestRAddStoreExpMinusMax(t *testing.T) { family(t, ukernel.RAddStoreExpMinusMax) }
func TestVMulC(t *testing.T)                { family(t, ukernel.VMulC) }

func TestF16RMax(t *testing.T)                 { family(t, ukernel.F16RMax) }
func TestF16RAddStoreExpMinusMax(t *testing.T) { family(t, ukernel.F16RAddStoreExpMinusMax) }
func TestF16VMulC(t *testing.T)                { family(t, ukernel.F16VMulC) }
func TestU8RMax(t *testing.T)                  { family(t, ukernel.U8RMax) }
func TestU8LUT32Norm(t *testing.T)             { family(t, ukernel.U8LUT32Norm) }

// TestHalfExhaustive compares the kernels that compute each binary16 number by itself
// on all of them, for each of several parameters.
func TestHalfExhaustive(t *testing.T) {
	all := make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	// Of both signs: 0, the smallest, a denormal, 2^-14, 1 and its neighbours, anything,
	// the largest, infinity, a NaN.
	params := []uint16{0, 1, 0x155, 0x400, 0x3bff, 0x3c00, 0x3c01, 0x4248, 0x5abc, 0x7bff, 0x7c00, 0x7e00}
	if testing.Short() { // in an emulator
		params = []uint16{1, 0x3c00, 0x4248, 0x7bff, 0x7e00}
	}
	same := func(x, y uint16) bool { return x == y || x&0x7fff > 0x7c00 && y&0x7fff > 0x7c00 }
	kernels := 0
	for _, p := range sides(t) {
		if !p.Family.Half() || !p.Family.Stores() {
			continue
		}
		kernels++
		call := func(f func(ukernel.Args) ukernel.Result, param uint16) []uint16 {
			dst := make([]uint16, len(all))
			f(ukernel.Args{Dst16: dst, Half: all, Max: f32.FromHalf(param), Scale: f32.FromHalf(param)})
			return dst
		}
		for _, param := range params {
			for _, sign := range []uint16{0, 0x8000} {
				ref, ours := call(p.Ref, param|sign), call(p.Ours, param|sign)
				for i, x := range ref {
					if !same(x, ours[i]) {
						t.Fatalf("%s, parameter %#04x: of %#04x upstream makes %#04x, native %#04x", p.Name, param|sign, i, x, ours[i])
					}
				}
			}
		}
	}
	t.Logf("%d kernels on all 65,536 numbers with each of %d parameters", kernels, 2*len(params))
}

// TestSoftmax compares the algorithms that are composed of the kernels.
func TestSoftmax(t *testing.T) {
	sides(t)
	var pairs []side.Pair
	for _, a := range ukernel.Algorithms() {
		s, err := side.Compose(a, side.Upstream(), side.Native())
		if err != nil {
			t.Logf("%v: %v", a, err) // upstream has no two-pass kernels for this CPU
			continue
		}
		pairs = append(pairs, s.Pair())
	}
	agree(t, "softmax", pairs)
}

// sides returns the pairs that this CPU can run.
func sides(t *testing.T) []side.Pair {
	t.Helper()
	if err := xnnpack.Available(); err != nil {
		t.Skip("upstream's kernels are not linked in, and the packages of native compare theirs with the model: ", err)
	}
	can, cannot := side.Runnable(side.Match(side.Upstream(), side.Native()))
	for _, p := range cannot {
		if p.ISA.Supported() {
			t.Errorf("%s: %v", p.Name, p.Err)
		}
	}
	return can
}

func family(t *testing.T, f ukernel.Family) {
	pairs := slices.DeleteFunc(sides(t), func(p side.Pair) bool { return p.Family != f })
	for _, k := range ukernel.Upstream() {
		if k.ISA == ukernel.AVX512FP16 {
			continue // which Go's assembler lacks: there are no twins
		}
		if why := xnnpack.Missing()[k.Name]; why != "" {
			if k.Family == f && k.ISA.Supported() {
				t.Logf("not compared: %s: %s", k, why)
			}
			continue
		}
		has := func(p side.Pair) bool { return p.Name == k.Name }
		if k.Family == f && k.ISA.Supported() && !slices.ContainsFunc(pairs, has) {
			t.Errorf("%s is not on both sides", k)
		}
	}
	if xnnpack.InOutMax() && (f == ukernel.RMax || f == ukernel.F16RMax) {
		inOutMax(t, pairs)
		return
	}
	agree(t, f.String(), pairs)
}

// inOutMax compares kernels of a newer upstream whose maxima begin with -Inf: with the
// model of that on everything, and with native on rows without NaNs and zeros of both
// signs, where it makes no difference.
func inOutMax(t *testing.T, pairs []side.Pair) {
	agreeOn(t, "rmax", pairs, func(p *bits.Plan) {
		p.Classes = []inputs.Class{inputs.Uniform10, inputs.Uniform1000, inputs.Normal, inputs.Masked, inputs.Equal, inputs.Ascending, inputs.Infinities}
	})
	for i := range pairs {
		ours := model.Func(pairs[i].Kernel, model.Fault{Kind: model.InOutMax})
		pairs[i].Ours = ours.Call
	}
	agree(t, "rmax-in-out", pairs)
}

// plan has every class of inputs at the lengths where something changes: up to
// the tail of every vector width, and about the tiles. An emulator goes
// through it in minutes.
func plan() bits.Plan {
	lengths := slices.Concat(bits.Span(1, 33), []int{47, 48, 49, 63, 64, 65, 79, 80, 81, 95, 96, 97, 127, 128, 129, 143, 144, 145, 159, 160, 161, 191, 192, 193, 257, 400})
	return bits.Plan{Classes: inputs.Classes(), Seeds: []uint64{0, 1}, Lengths: lengths, Offsets: []int{0, 3}}
}

// agree compares, and leaves the result where Bazel collects a test's outputs.
func agree(t *testing.T, name string, pairs []side.Pair) {
	t.Helper()
	agreeOn(t, name, pairs, func(*bits.Plan) {})
}

// agreeOn is agree with another plan.
func agreeOn(t *testing.T, name string, pairs []side.Pair, change func(*bits.Plan)) {
	t.Helper()
	plan := plan()
	change(&plan)
	if len(pairs) == 0 {
		t.Skip("upstream has none for this CPU")
	}
	r := results.Results{
		Command: os.Args, Machine: machine.This(), Build: results.ThisBuild(), Reference: "upstream", Seeds: plan.Seeds,
	}
	var err error
	if r.Bits, err = plan.Run(context.Background(), pairs, runtime.GOMAXPROCS(0), func(bits.Agreement) {}); err != nil {
		t.Fatal(err)
	}
	var inputs int64
	for _, a := range r.Bits {
		inputs += a.Inputs
		if a.Bits != 0 {
			t.Errorf("%s: %d bits differ over %d inputs", a.Kernel, a.Bits, a.Inputs)
			for _, d := range a.Differences {
				t.Log(d)
			}
		}
	}
	t.Logf("%d pairs, %d inputs, on %s %s", len(r.Bits), inputs, r.Machine.CPU, r.Machine.Emulator)
	if dir := os.Getenv("TEST_UNDECLARED_OUTPUTS_DIR"); dir != "" {
		if err := r.WriteFile(filepath.Join(dir, "agreement-"+name+".json")); err != nil {
			t.Fatal(err)
		}
	}
}
