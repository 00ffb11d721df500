// Package ukernel is the vocabulary that the two sides of this project share:
// the names of XNNPACK's softmax microkernels, what each of them computes, and
// which instructions it needs.
//
// A kernel is identified by upstream's symbol without its xnn_ prefix, for
// example
//
//	f32_raddextexp_ukernel__avx2_p5_u96_acc3
//
// which reads: family f32_raddextexp, written for AVX2, exponential by a
// polynomial of degree 5, 96 elements in one turn of the main loop, summed in
// 3 accumulators. Two kernels of one name owe each other equal bits, whoever
// wrote them; [github.com/twopass-softmax/twopass/ukernel/model] says which.
package ukernel

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// Family is what a kernel computes: its operands, and what it does to them.
type Family uint8

// The families behind softmax. All work on float32, but for the last five, and
// on at least one element.
const (
	// RMax returns the largest element.
	RMax Family = iota
	// RAddExtExp sums exp(x) and returns the sum as a pair (mantissa, exponent)
	// with sum = mantissa * 2^exponent: the first pass of the two-pass algorithm.
	RAddExtExp
	// VScaleExtExp writes exp(x) * mantissa * 2^exponent: the second pass of the
	// two-pass algorithm, where the pair is the reciprocal of the first pass's sum.
	VScaleExtExp
	// RAddExpMinusMax sums exp(x - max).
	RAddExpMinusMax
	// VScaleExpMinusMax writes exp(x - max) * scale.
	VScaleExpMinusMax
	// RAddStoreExpMinusMax writes exp(x - max) and sums it.
	RAddStoreExpMinusMax
	// VMulC writes x * c.
	VMulC
	// F16RMax returns the largest element of a row of binary16 numbers. This one and the
	// next two are the passes of upstream's float16 softmax operator.
	F16RMax
	// F16RAddStoreExpMinusMax writes exp(x - max) and sums it, all in binary16 but for
	// what an ISA computes between loading and storing.
	F16RAddStoreExpMinusMax
	// F16VMulC writes x * c, in binary16.
	F16VMulC
	// U8RMax returns the largest of a row of bytes. This one and the next are the passes
	// of upstream's quantized softmax operator.
	U8RMax
	// U8LUT32Norm writes round(256 * t[x] / sum(t[x])), at most 255, for a row of bytes
	// and a table t of uint32. Sums are modulo 2^32 and may not be 0.
	U8LUT32Norm

	numFamilies
)

var familyNames = [numFamilies]string{
	RMax:                 "f32_rmax",
	RAddExtExp:           "f32_raddextexp",
	VScaleExtExp:         "f32_vscaleextexp",
	RAddExpMinusMax:      "f32_raddexpminusmax",
	VScaleExpMinusMax:    "f32_vscaleexpminusmax",
	RAddStoreExpMinusMax: "f32_raddstoreexpminusmax",
	VMulC:                "f32_vmulc",

	F16RMax:                 "f16_rmax",
	F16RAddStoreExpMinusMax: "f16_raddstoreexpminusmax",
	F16VMulC:                "f16_vmulc",
	U8RMax:                  "u8_rmax",
	U8LUT32Norm:             "u8_lut32norm",
}

// Families lists every family, in the order of their constants.
func Families() []Family {
	fs := make([]Family, numFamilies)
	for i := range fs {
		fs[i] = Family(i)
	}
	return fs
}

// String is upstream's name of the family, such as "f32_rmax", or one like it.
func (f Family) String() string {
	if f < numFamilies {
		return familyNames[f]
	}
	return fmt.Sprintf("Family(%d)", uint8(f))
}

// Stores reports whether the family writes one output per input.
func (f Family) Stores() bool {
	return f == VScaleExtExp || f == VScaleExpMinusMax || f == RAddStoreExpMinusMax || f == VMulC ||
		f == F16RAddStoreExpMinusMax || f == F16VMulC || f == U8LUT32Norm
}

// Half reports whether the family works on binary16 numbers.
func (f Family) Half() bool {
	return f == F16RMax || f == F16RAddStoreExpMinusMax || f == F16VMulC
}

// Bytes reports whether the family works on bytes.
func (f Family) Bytes() bool { return f == U8RMax || f == U8LUT32Norm }

// Kernel is a kernel's name, taken apart.
type Kernel struct {
	// Name is upstream's symbol without its xnn_ prefix.
	Name   string
	Family Family
	ISA    ISA
	// Variant is the part of the name between ISA and tile, such as
	// "rr2_lut64_p2"; empty for families without an exponential.
	Variant string
	// Tile is the number of elements in one turn of the main loop.
	Tile int
	// Accumulators is the number of independent partial results that the main
	// loop keeps, at least 1.
	Accumulators int
	// Ours is true for a kernel that follows upstream's naming but that
	// upstream does not have.
	Ours bool
}

// Parse takes a kernel's name apart. It accepts any name of the grammar, not
// only upstream's: Ours tells them apart.
func Parse(name string) (Kernel, error) {
	bad := func(why string) (Kernel, error) {
		return Kernel{}, fmt.Errorf("ukernel: %q is no kernel name: %s", name, why)
	}
	family, rest, ok := strings.Cut(name, "_ukernel__")
	if !ok {
		return bad(`no "_ukernel__" in it`)
	}
	k := Kernel{Name: name, Accumulators: 1, Ours: !upstreamSet()[name]}
	f := 0
	for f < len(familyNames) && familyNames[f] != family {
		f++
	}
	if f == len(familyNames) {
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
	if k.Accumulators > k.Vectors() {
		return bad(fmt.Sprintf("%d accumulators for %d vectors", k.Accumulators, k.Vectors()))
	}
	return k, nil
}

// MustParse is [Parse] for names that are known to be good. It panics otherwise.
func MustParse(name string) Kernel {
	k, err := Parse(name)
	if err != nil {
		panic(err)
	}
	return k
}

// Lanes is the number of elements in one vector of the main loop.
func (k Kernel) Lanes() int {
	if n := k.ISA.Lanes(); k.Family.Bytes() && n > 1 {
		return 4 * n
	}
	return k.ISA.Lanes()
}

// Vectors is the number of vectors in one turn of the main loop.
func (k Kernel) Vectors() int { return k.Tile / k.Lanes() }

func (k Kernel) String() string { return k.Name }

//go:embed upstream.txt
var upstreamNames string

// Upstream lists the 271 kernels of upstream's pinned commit that stand behind its
// softmax on amd64 and arm64, sorted by name: 193 for float32, 74 for float16 and 4
// for bytes.
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
