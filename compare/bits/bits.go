// Package bits compares the results of two sides' kernels bit for bit.
//
// A [Plan] calls both kernels of a pair with the same rows and counts the bits that differ; a
// [Sweep] does so for all 2^32 float32 values. The executable model of a kernel explains a
// difference.
package bits

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"github.com/twopass-softmax/twopass/compare/internal/operands"
	"github.com/twopass-softmax/twopass/compare/internal/parallel"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
	"github.com/twopass-softmax/twopass/ukernel/model"
)

// differingBits is the number of bits in which a and b differ, 0 if [ukernel.Same] calls them the
// same.
func differingBits(a, b float32) int {
	if ukernel.Same(a, b) {
		return 0
	}
	return bits.OnesCount32(math.Float32bits(a) ^ math.Float32bits(b))
}

// Pattern is the bit pattern of a float32, in hexadecimal in JSON and in reports: the bits of NaNs
// and the signs of zeros are compared too.
type Pattern uint32

func patternOf(x float32) Pattern { return Pattern(math.Float32bits(x)) }

// Float returns the number.
func (b Pattern) Float() float32 { return math.Float32frombits(uint32(b)) }

func (b Pattern) String() string { return fmt.Sprintf("0x%08x", uint32(b)) }

// MarshalText returns 0x and eight digits.
func (b Pattern) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "0x%08x", uint32(b)), nil }

// UnmarshalText reads what MarshalText returns.
func (b *Pattern) UnmarshalText(text []byte) error {
	digits, ok := strings.CutPrefix(string(text), "0x")
	v, err := strconv.ParseUint(digits, 16, 32)
	if !ok || err != nil {
		return fmt.Errorf("%q is not a bit pattern such as 0x3f800000", text)
	}
	*b = Pattern(v)
	return nil
}

// Difference is a place where two kernels with one name disagree.
type Difference struct {
	Kernel string `json:"kernel"`
	// Row describes the row. Repeat has the arguments of the bits command that
	// compare the kernel on that row again.
	Row    string `json:"row"`
	Repeat string `json:"repeat"`
	// Place is what differs: "dst[17]", "value", "exponent", or a place that must
	// not be touched. Index is the element of the row at that place and Input its
	// value, or -1 and 0 if no element belongs to it.
	Place string  `json:"place"`
	Index int     `json:"index"`
	Input Pattern `json:"input"`
	Ref   Pattern `json:"ref"`
	Ours  Pattern `json:"ours"`
	// Operation is what the executable model says: as a rule, the first operation
	// that went wrong.
	Operation string `json:"operation,omitempty"`
}

func (d Difference) String() string {
	s := fmt.Sprintf("%s, %s: %s", d.Kernel, d.Row, d.Place)
	if d.Index >= 0 {
		s += fmt.Sprintf(" for x = %v (%v)", d.Input, d.Input.Float())
	}
	s += fmt.Sprintf(" is %v (%v), the reference has %v (%v)", d.Ours, d.Ours.Float(), d.Ref, d.Ref.Float())
	if d.Operation != "" {
		s += "; " + d.Operation
	}
	return s
}

// Agreement is the result of comparing one pair.
type Agreement struct {
	Kernel string `json:"kernel"`
	// Inputs is the number of rows, Values that of their elements.
	Inputs int64 `json:"inputs"`
	Values int64 `json:"values"`
	// Bits is the number of differing bits in all outputs.
	Bits int64 `json:"differing_bits"`
	// Differences are the first few, at most [MaxDifferences].
	Differences []Difference `json:"differences,omitempty"`
}

// MaxDifferences is the number of differences that are kept for a kernel.
const MaxDifferences = 3

func (a *Agreement) add(b Agreement) {
	a.Inputs += b.Inputs
	a.Values += b.Values
	a.Bits += b.Bits
	a.Differences = append(a.Differences, b.Differences...)
	a.Differences = a.Differences[:min(len(a.Differences), MaxDifferences)]
}

// guard is the number of elements on each side of a row that no kernel may change, and that may
// change no result. It is a multiple of 64 bytes.
const guard = 32

// What lies around rows and outputs. The two sides have different values, so that a value read
// from there shows, and an output that is not written. None is a NaN: all NaNs are equal.
const (
	refAround  = -0x1.2345p+126
	oursAround = +0x1.2345p+126
	refUnset   = -0x1.5a5a5ap+100
	oursUnset  = +0x1.a5a5a4p+101
	refWord    = 0xa5a5 // around and in 16-bit outputs
	oursWord   = 0x5a5a
)

// numbers writes what stands in Dst16 or Dst8 to Dst; nil if the pair writes Dst.
func numbers(p *side.Pair) func(ukernel.Args) {
	if len(p.Passes) > 0 || !p.Stores || !p.Family.Half() && !p.Family.Bytes() {
		return nil
	}
	return func(a ukernel.Args) { model.Numbers(p.Family, a) }
}

// memory is where one side's kernels read and write. All goroutines share the operands of a row,
// so none writes there.
type memory struct {
	src, dst      []float32 // from a 64-byte boundary on
	dst16         []uint16
	dst8          []uint8
	around, unset float32
	word          uint16
	rowAt, outAt  int
	row, out      []float32
	result        ukernel.Result
}

// checker compares pairs on single cases. Each goroutine has its own.
type checker struct {
	ref, ours memory
	size      int
}

func newChecker(maxLength int) *checker {
	c := &checker{size: maxLength}
	n := maxLength + 2*guard + operands.Line
	c.ref = memory{around: refAround, unset: refUnset, word: refWord}
	c.ours = memory{around: oursAround, unset: oursUnset, word: oursWord}
	for _, s := range []*memory{&c.ref, &c.ours} {
		s.src, s.dst, s.dst16, s.dst8 = operands.Aligned(n), operands.Aligned(n), make([]uint16, n), make([]uint8, n)
	}
	return c
}

// call lays out the case's memory and calls the kernel.
func (s *memory) call(f func(ukernel.Args) ukernel.Result, p *side.Pair, c Case, a ukernel.Args) {
	n := len(a.Src)
	s.rowAt = guard + c.Offset
	lay(s.src, s.rowAt, n, s.around)
	s.row = s.src[s.rowAt : s.rowAt+n : s.rowAt+n]
	copy(s.row, a.Src)
	a.Src, a.Dst, a.Dst16, a.Dst8, s.out = s.row, nil, nil, nil, nil
	if p.Stores {
		s.out = s.row
		if s.outAt = s.rowAt; !c.InPlace {
			s.outAt = guard + 7 - c.Offset%8
			lay(s.dst, s.outAt, n, s.around)
			s.out = s.dst[s.outAt : s.outAt+n : s.outAt+n]
			fill(s.out, s.unset)
		}
		a.Dst = s.out
	}
	numbers := numbers(p)
	if numbers == nil {
		s.result = f(a)
		return
	}
	lay(s.dst16, s.outAt, n, s.word)
	a.Dst16 = s.dst16[s.outAt : s.outAt+n : s.outAt+n]
	fill(a.Dst16, s.word)
	lay(s.dst8, s.outAt, n, uint8(s.word))
	a.Dst8 = s.dst8[s.outAt : s.outAt+n : s.outAt+n]
	fill(a.Dst8, uint8(s.word))
	s.result = f(a)
	numbers(a)
}

// lay fills the guards before and after n elements at the given place.
func lay[T any](mem []T, at, n int, v T) {
	fill(mem[at-guard:at], v)
	fill(mem[at+n:at+n+guard], v)
}

func fill[T any](s []T, v T) {
	for i := range s {
		s[i] = v
	}
}

// check runs both sides and adds what it finds. Again reports whether the case before had the same
// pair and row.
func (ck *checker) check(p *side.Pair, c Case, a ukernel.Args, again bool, into *Agreement) {
	if !p.PureRef || !again {
		ck.ref.call(p.Ref, p, c, a)
	}
	ck.ours.call(p.Ours, p, c, a)
	into.Inputs++
	into.Values += int64(len(a.Src))

	explained := ""
	report := func(place string, index int, ref, ours float32) {
		into.Bits += int64(differingBits(ref, ours))
		if len(into.Differences) < MaxDifferences {
			d := Difference{
				Kernel: p.Name, Row: c.String(), Repeat: fmt.Sprintf("--kernels '^%s$' %s", p.Name, c.flags()),
				Place: place, Index: index, Ref: patternOf(ref), Ours: patternOf(ours),
			}
			if index >= 0 {
				d.Input = patternOf(a.Src[index])
			}
			// One explanation of a row is enough.
			if len(p.Passes) == 0 && explained == "" {
				explained = explain(p.Kernel, a, outcome{ck.ref.result, ck.ref.out}, outcome{ck.ours.result, ck.ours.out})
			}
			d.Operation = explained
			into.Differences = append(into.Differences, d)
		}
	}
	r, o := ck.ref.result, ck.ours.result
	if !p.Same(r, o) {
		if !ukernel.Same(r.Value, o.Value) {
			report("value", -1, r.Value, o.Value)
		}
		if !ukernel.Same(r.Exponent, o.Exponent) {
			report("exponent", -1, r.Exponent, o.Exponent)
		}
	}
	if p.Stores && !bytes.Equal(asBytes(ck.ref.out), asBytes(ck.ours.out)) {
		for i, x := range ck.ref.out {
			if y := ck.ours.out[i]; !ukernel.Same(x, y) {
				report(fmt.Sprintf("dst[%d]", i), i, x, y)
			}
		}
	}
	// What ours should have left alone.
	if p.Stores && !c.InPlace {
		checkAround(ck.ours.dst, ck.ours.outAt, len(ck.ours.out), oursAround, "dst", report)
	}
	if numbers(p) != nil {
		checkAround(ck.ours.dst16, ck.ours.outAt, len(ck.ours.out), oursWord, "dst", report)
		checkAround(ck.ours.dst8, ck.ours.outAt, len(ck.ours.out), oursWord&0xff, "dst", report)
	}
	checkAround(ck.ours.src, ck.ours.rowAt, len(ck.ours.row), oursAround, "src", report)
	if !(p.Stores && c.InPlace) && !bytes.Equal(asBytes(a.Src), asBytes(ck.ours.row)) {
		for i, x := range a.Src {
			if y := ck.ours.row[i]; math.Float32bits(x) != math.Float32bits(y) {
				report(fmt.Sprintf("src[%d], which was overwritten,", i), i, x, y)
			}
		}
	}
}

func checkAround[T float32 | uint16 | uint8](mem []T, at, n int, around T, name string, report func(string, int, float32, float32)) {
	for i := 1; i <= guard; i++ {
		if x := mem[at-i]; x != around {
			report(fmt.Sprintf("%s[-%d], before the row,", name, i), -1, float32(around), float32(x))
		}
		if x := mem[at+n+i-1]; x != around {
			report(fmt.Sprintf("%s[%d], after the row,", name, n+i-1), -1, float32(around), float32(x))
		}
	}
}

func asBytes(s []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), 4*len(s))
}

// Plan is a set of cases: every class, seed and length at every offset. Pairs that store take each
// row once more in place.
type Plan struct {
	Classes []inputs.Class
	Seeds   []uint64
	Lengths []int
	Offsets []int
}

// Span lists the integers from lo to hi.
func Span(lo, hi int) []int {
	s := make([]int, hi-lo+1)
	for i := range s {
		s[i] = lo + i
	}
	return s
}

// row is a case without its offset, with the operands that all pairs read.
type row struct {
	c Case
	a ukernel.Args
}

func (p Plan) rows() []row {
	var rows []row
	for _, class := range p.Classes {
		for _, seed := range p.Seeds {
			for _, n := range p.Lengths {
				c := Case{Class: class, Seed: seed, Length: n}
				rows = append(rows, row{c, c.args()})
			}
		}
	}
	return rows
}

// Run compares pairs on a number of goroutines and returns their agreements in the order of pairs.
// It calls done, if not nil, after each pair, in any order and never concurrently. When ctx ends,
// Run returns the agreements of the finished pairs with the context's error.
func (p Plan) Run(ctx context.Context, pairs []side.Pair, workers int, done func(Agreement)) ([]Agreement, error) {
	rows := p.rows()
	all := make([]Agreement, len(pairs))
	finished := make([]bool, len(pairs))
	var mu sync.Mutex
	parallel.Each(ctx, workers, len(pairs), func() func(int) {
		ck := newChecker(slices.Max(p.Lengths))
		return func(i int) {
			a, ok := p.run(ctx, ck, &pairs[i], rows)
			if !ok {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			all[i], finished[i] = a, true
			if done != nil {
				done(a)
			}
		}
	})
	kept := all[:0]
	for i, a := range all {
		if finished[i] {
			kept = append(kept, a)
		}
	}
	return kept, ctx.Err()
}

func (p Plan) run(ctx context.Context, ck *checker, pair *side.Pair, rows []row) (Agreement, bool) {
	a := Agreement{Kernel: pair.Name}
	for i, r := range rows {
		if i%64 == 0 && ctx.Err() != nil {
			return a, false
		}
		for j, offset := range p.Offsets {
			c := r.c
			c.Offset = offset
			ck.check(pair, c, r.a, j > 0, &a)
		}
		if pair.Stores {
			c := r.c
			c.Offset, c.InPlace = p.Offsets[i%len(p.Offsets)], true
			ck.check(pair, c, r.a, true, &a)
		}
	}
	return a, true
}

// Check compares a pair on a single case.
func Check(p side.Pair, c Case) Agreement {
	a := Agreement{Kernel: p.Name}
	newChecker(c.Length).check(&p, c, c.args(), false, &a)
	return a
}
