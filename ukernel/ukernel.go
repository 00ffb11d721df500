// Package ukernel is the vocabulary that the two sides of this project share:
// the names of XNNPACK's softmax microkernels, what each of them computes, and
// which instructions it needs.
//
// A kernel is identified by upstream's symbol without its xnn_ prefix, for
// example
//
//	f32_raddextexp_ukernel__avx2_p5_u96_acc3
//
// which reads: family f32_raddextexp, for AVX2, exponential by a polynomial of degree 5, 96
// elements in one turn of the main loop, summed in 3 accumulators. Two kernels with one name
// give equal bits, whoever wrote them; [github.com/twopass-softmax/twopass/ukernel/model]
// computes these bits.
package ukernel

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Kernel has the parts of a kernel's name.
type Kernel struct {
	// Name is upstream's symbol without its xnn_ prefix.
	Name   string
	Family Family
	ISA    ISA
	// Variant is the part of the name between ISA and tile, such as "rr2_lut64_p2",
	// and Exp its meaning. Both are zero for families without an exponential.
	Variant string
	Exp     Exponential
	// Tile is the number of elements in one turn of the main loop.
	Tile int
	// Accumulators is the number of independent partial results that the main
	// loop keeps, at least 1.
	Accumulators int
	// Ours reports whether upstream has no kernel with this name.
	Ours bool
}

// Exponential says how a kernel computes exp(x) = 2^n * exp(t), with t = x - n*ln 2.
type Exponential struct {
	// Terms is the number of float32 terms of ln 2: 1 (rr1) or 2 (rr2), or 0 if the name
	// doesn't say.
	Terms int
	// Table reports whether n is a multiple of 1/64, with a table of 2^(k/64) for its
	// fraction (lut64).
	Table bool
	// Degree is the degree of the polynomial for exp(t), such as 5 (p5).
	Degree int
	// Scalef reports whether one instruction multiplies by 2^n (scalef).
	Scalef bool
	// FMA reports whether plain code fuses multiplications with additions (fma).
	FMA bool
}

// parseExponential reads the parts of a variant.
func parseExponential(parts []string) (e Exponential, err error) {
	for _, part := range parts {
		switch part {
		case "rr1":
			e.Terms = 1
		case "rr2":
			e.Terms = 2
		case "lut64":
			e.Table = true
		case "scalef":
			e.Scalef = true
		case "fma":
			e.FMA = true
		default:
			if len(part) != 2 || part[0] != 'p' || part[1] < '1' || part[1] > '9' {
				return e, fmt.Errorf("unknown part %q", part)
			}
			e.Degree = int(part[1] - '0')
		}
	}
	return e, nil
}

// Parse takes a kernel's name apart. It accepts any name of the grammar, not only those of
// upstream's kernels; [Kernel].Ours tells which it is.
func Parse(name string) (Kernel, error) {
	bad := func(why string) (Kernel, error) {
		return Kernel{}, fmt.Errorf("ukernel: %q is not a kernel name: %s", name, why)
	}
	family, rest, ok := strings.Cut(name, "_ukernel__")
	if !ok {
		return bad(`no "_ukernel__" in it`)
	}
	k := Kernel{Name: name, Accumulators: 1, Ours: !upstreamSet()[name]}
	f := slices.IndexFunc(families[:], func(d Descriptor) bool { return d.Name == family })
	if f < 0 {
		return bad(fmt.Sprintf("unknown family %q", family))
	}
	k.Family = Family(f)

	parts := strings.Split(rest, "_")
	if k.ISA, ok = ParseISA(parts[0]); !ok {
		return bad(fmt.Sprintf("unknown ISA %q", parts[0]))
	}
	parts = parts[1:]
	if n := len(parts); n > 0 && strings.HasPrefix(parts[n-1], "acc") {
		a, err := strconv.Atoi(parts[n-1][len("acc"):])
		if err != nil || a < 2 || parts[n-1] != fmt.Sprint("acc", a) {
			return bad(fmt.Sprintf("%q is no number of accumulators", parts[n-1]))
		}
		k.Accumulators, parts = a, parts[:n-1]
	}
	n := len(parts)
	if n == 0 && k.Family == U8LUT32Norm { // whose only name has no tile
		parts, n = []string{"u1"}, 1
	}
	if n == 0 || !strings.HasPrefix(parts[n-1], "u") {
		return bad("no tile size such as u16")
	}
	t, err := strconv.Atoi(parts[n-1][1:])
	if err != nil || t < 1 || t%k.Lanes() != 0 || parts[n-1] != fmt.Sprint("u", t) {
		return bad(fmt.Sprintf("%q is no tile, u and a multiple of %d lanes", parts[n-1], k.Lanes()))
	}
	k.Tile, k.Variant = t, strings.Join(parts[:n-1], "_")
	if k.Exp, err = parseExponential(parts[:n-1]); err != nil {
		return bad(err.Error())
	}
	if k.Accumulators > k.Vectors() {
		return bad(fmt.Sprintf("%d accumulators for %d vectors", k.Accumulators, k.Vectors()))
	}
	return k, nil
}

// MustParse is [Parse] that panics where Parse returns an error.
func MustParse(name string) Kernel {
	k, err := Parse(name)
	if err != nil {
		panic(err)
	}
	return k
}

// Lanes returns the number of elements in a vector of the main loop.
func (k Kernel) Lanes() int {
	if n := k.ISA.Lanes(); k.Family.Bytes() && n > 1 {
		return 4 * n
	}
	return k.ISA.Lanes()
}

// Vectors returns the number of vectors in a turn of the main loop.
func (k Kernel) Vectors() int { return k.Tile / k.Lanes() }

func (k Kernel) String() string { return k.Name }

//go:embed upstream.txt
var upstreamNames string

// Upstream lists the 271 kernels behind upstream's softmax on amd64 and arm64 at the pinned
// commit, sorted by name: 193 for float32, 74 for float16 and 4 for bytes.
//
// Six of the 193 have a source file but no declaration in upstream's headers, which
// its own tests and benchmarks therefore can't call: f32_raddextexp avx2_p5_u32,
// u32_acc2 and u32_acc4, and avx512f_p5_scalef_u64, u64_acc2 and u64_acc4.
func Upstream() []Kernel {
	names := strings.Fields(upstreamNames)
	ks := make([]Kernel, len(names))
	for i, name := range names {
		ks[i] = MustParse(name)
	}
	return ks
}

var upstreamSet = sync.OnceValue(func() map[string]bool {
	set := make(map[string]bool)
	for _, name := range strings.Fields(upstreamNames) {
		set[name] = true
	}
	return set
})
