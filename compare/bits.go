package compare

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
	"sync/atomic"
	"unsafe"

	"github.com/twopass-softmax/twopass/compare/internal/parallel"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
	"github.com/twopass-softmax/twopass/ukernel/model"
)

// DifferingBits is the number of bits in which two float32 differ, 0 if they
// are the same in the sense of [ukernel.Same].
func DifferingBits(a, b float32) int {
	if ukernel.Same(a, b) {
		return 0
	}
	return bits.OnesCount32(math.Float32bits(a) ^ math.Float32bits(b))
}

// Bits is a float32 as its bit pattern, which JSON and reports show in
// hexadecimal: NaNs and the sign of zero are part of what is compared.
type Bits uint32

func toBits(x float32) Bits { return Bits(math.Float32bits(x)) }

// Float is the number.
func (b Bits) Float() float32 { return math.Float32frombits(uint32(b)) }

func (b Bits) String() string { return fmt.Sprintf("0x%08x", uint32(b)) }

// MarshalText writes the pattern as 0x and eight digits.
func (b Bits) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "0x%08x", uint32(b)), nil }

// UnmarshalText reads what MarshalText writes.
func (b *Bits) UnmarshalText(text []byte) error {
	digits, ok := strings.CutPrefix(string(text), "0x")
	v, err := strconv.ParseUint(digits, 16, 32)
	if !ok || err != nil {
		return fmt.Errorf("compare: %q is no bit pattern such as 0x3f800000", text)
	}
	*b = Bits(v)
	return nil
}

// Difference is a place where two kernels of one name disagree.
type Difference struct {
	Kernel string `json:"kernel"`
	// Row says which row, Repeat is the arguments with which the bits command
	// compares that kernel on that row again.
	Row    string `json:"row"`
	Repeat string `json:"repeat"`
	// Place is what differs: "dst[17]", "value", "exponent", or a place that must
	// not be touched. Index is the element of the row there, Input its value;
	// -1 and 0 for what is no element's.
	Place string `json:"place"`
	Index int    `json:"index"`
	Input Bits   `json:"input"`
	Ref   Bits   `json:"ref"`
	Ours  Bits   `json:"ours"`
	// Operation is the first operation that went wrong, as the executable model
	// sees it, or what else it can say.
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

// Agreement is the outcome of comparing one pair.
type Agreement struct {
	Kernel string `json:"kernel"`
	// Inputs is the number of rows, Values the number of elements in them.
	Inputs int64 `json:"inputs"`
	Values int64 `json:"values"`
	// Bits is how many bits differed, over all outputs.
	Bits int64 `json:"differing_bits"`
	// Differences are the first few, at most [MaxDifferences].
	Differences []Difference `json:"differences,omitempty"`
}

// MaxDifferences is how many differences of a kernel are kept.
const MaxDifferences = 3

func (a *Agreement) add(b Agreement) {
	a.Inputs += b.Inputs
	a.Values += b.Values
	a.Bits += b.Bits
	a.Differences = append(a.Differences, b.Differences...)
	a.Differences = a.Differences[:min(len(a.Differences), MaxDifferences)]
}

// guard is the number of elements around a row that no kernel may change, or
// let change a result. It is a multiple of 16, which is 64 bytes.
const guard = 32

// What lies around rows and outputs. Those of the two sides differ, so that a
// value read from there, or an output not written, shows. None is a NaN, which
// would equal any other.
const (
	refAround   = -0x1.2345p+126
	oursAround  = +0x1.2345p+126
	refUnset    = -0x1.5a5a5ap+100
	oursUnset   = +0x1.a5a5a4p+101
	refWord     = 0xa5a5 // around and in 16-bit outputs
	oursWord    = 0x5a5a
	floatsAlign = 16
)

// Subject is what a [Plan] compares: a kernel or a composed algorithm on both
// sides.
type Subject struct {
	Name string
	// Stores is whether it writes an output per input.
	Stores    bool
	Ref, Ours func(ukernel.Args) ukernel.Result
	// Same is whether two results are the same; outputs are compared by
	// [ukernel.Same].
	Same func(ref, ours ukernel.Result) bool
	// Pure is whether Ref depends on nothing but the operands, as the model does:
	// it is then called once for all places in memory.
	Pure bool
	// numbers writes what stands in Dst16 or Dst8 to Dst; nil if the kernel writes Dst. It
	// is no part of what is timed.
	numbers func(a ukernel.Args)
	// explain says which operation must have gone wrong; it may be nil.
	explain func(a ukernel.Args, ref, ours outcome) string
}

// Subject is the pair as something to compare.
func (p *Pair) Subject() Subject {
	s := Subject{
		Name: p.Name, Stores: p.Family.Stores(), Ref: p.Ref.Call, Ours: p.Ours.Call,
		Same:    func(r, s ukernel.Result) bool { return r.Same(p.Family, s) },
		Pure:    p.PureRef,
		explain: func(a ukernel.Args, ref, ours outcome) string { return explain(p.Kernel, a, ref, ours) },
	}
	if p.Family.Stores() && (p.Family.Half() || p.Family.Bytes()) {
		s.numbers = func(a ukernel.Args) { model.Numbers(p.Family, a) }
	}
	return s
}

// Subjects are those of pairs.
func Subjects(pairs []Pair) []Subject {
	ss := make([]Subject, len(pairs))
	for i := range pairs {
		ss[i] = pairs[i].Subject()
	}
	return ss
}

// side is one side's memory. Whatever a kernel writes lies here, and never in the
// operands of a row, which all goroutines share.
type side struct {
	src, dst      []float32 // from a 64-byte boundary on
	dst16         []uint16
	dst8          []uint8
	around, unset float32
	word          uint16
	rowAt, outAt  int
	row, out      []float32
	result        ukernel.Result
}

// checker compares subjects on single cases. It is not for concurrent use.
type checker struct {
	ref, ours side
	size      int
}

func newChecker(maxLength int) *checker {
	c := &checker{size: maxLength}
	n := maxLength + 2*guard + floatsAlign
	c.ref = side{around: refAround, unset: refUnset, word: refWord}
	c.ours = side{around: oursAround, unset: oursUnset, word: oursWord}
	for _, s := range []*side{&c.ref, &c.ours} {
		s.src, s.dst, s.dst16, s.dst8 = alignedFloats(n), alignedFloats(n), make([]uint16, n), make([]uint8, n)
	}
	return c
}

// alignedFloats returns n elements from a 64-byte boundary on.
func alignedFloats(n int) []float32 {
	s := make([]float32, n+floatsAlign)
	at := 0
	for uintptr(unsafe.Pointer(&s[at]))%64 != 0 {
		at++
	}
	return s[at : at+n]
}

// call lays out the case's memory and calls the kernel.
func (s *side) call(f func(ukernel.Args) ukernel.Result, of *Subject, c Case, a ukernel.Args) {
	n := len(a.Src)
	s.rowAt = guard + c.Offset
	lay(s.src, s.rowAt, n, s.around)
	s.row = s.src[s.rowAt : s.rowAt+n : s.rowAt+n]
	copy(s.row, a.Src)
	a.Src, a.Dst, a.Dst16, a.Dst8, s.out = s.row, nil, nil, nil, nil
	if of.Stores {
		s.out = s.row
		if s.outAt = s.rowAt; !c.InPlace {
			s.outAt = guard + 7 - c.Offset%8
			lay(s.dst, s.outAt, n, s.around)
			s.out = s.dst[s.outAt : s.outAt+n : s.outAt+n]
			fill(s.out, s.unset)
		}
		a.Dst = s.out
	}
	if of.numbers == nil {
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
	of.numbers(a)
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

// check runs both sides and adds what it finds. Again is whether the case
// before was the same subject's and the same row.
func (ck *checker) check(s *Subject, c Case, a ukernel.Args, again bool, into *Agreement) {
	if !s.Pure || !again {
		ck.ref.call(s.Ref, s, c, a)
	}
	ck.ours.call(s.Ours, s, c, a)
	into.Inputs++
	into.Values += int64(len(a.Src))

	explained := ""
	report := func(place string, index int, ref, ours float32) {
		into.Bits += int64(DifferingBits(ref, ours))
		if len(into.Differences) < MaxDifferences {
			d := Difference{
				Kernel: s.Name, Row: c.String(), Repeat: fmt.Sprintf("--kernels '^%s$' %s", s.Name, c.flags()),
				Place: place, Index: index, Ref: toBits(ref), Ours: toBits(ours),
			}
			if index >= 0 {
				d.Input = toBits(a.Src[index])
			}
			// One explanation of a row is enough.
			if s.explain != nil && explained == "" {
				explained = s.explain(a, outcome{ck.ref.result, ck.ref.out}, outcome{ck.ours.result, ck.ours.out})
			}
			d.Operation = explained
			into.Differences = append(into.Differences, d)
		}
	}
	r, o := ck.ref.result, ck.ours.result
	if !s.Same(r, o) {
		if !ukernel.Same(r.Value, o.Value) {
			report("value", -1, r.Value, o.Value)
		}
		if !ukernel.Same(r.Exponent, o.Exponent) {
			report("exponent", -1, r.Exponent, o.Exponent)
		}
	}
	if s.Stores && !bytes.Equal(asBytes(ck.ref.out), asBytes(ck.ours.out)) {
		for i, x := range ck.ref.out {
			if y := ck.ours.out[i]; !ukernel.Same(x, y) {
				report(fmt.Sprintf("dst[%d]", i), i, x, y)
			}
		}
	}
	// What ours should have left alone.
	if s.Stores && !c.InPlace {
		checkAround(ck.ours.dst, ck.ours.outAt, len(ck.ours.out), oursAround, "dst", report)
	}
	if s.numbers != nil {
		checkAround(ck.ours.dst16, ck.ours.outAt, len(ck.ours.out), oursWord, "dst", report)
		checkAround(ck.ours.dst8, ck.ours.outAt, len(ck.ours.out), oursWord&0xff, "dst", report)
	}
	checkAround(ck.ours.src, ck.ours.rowAt, len(ck.ours.row), oursAround, "src", report)
	if !(s.Stores && c.InPlace) && !bytes.Equal(asBytes(a.Src), asBytes(ck.ours.row)) {
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

// Plan is a set of cases: every class, seed and length at every offset, and for
// the families that store, each row once in place as well.
type Plan struct {
	Classes []inputs.Class
	Seeds   []uint64
	Lengths []int
	Offsets []int
}

// Rows is the number of rows that the plan makes, of all offsets together.
func (p Plan) Rows() int { return len(p.Classes) * len(p.Seeds) * len(p.Lengths) * len(p.Offsets) }

// Span lists the integers from lo to hi.
func Span(lo, hi int) []int {
	s := make([]int, hi-lo+1)
	for i := range s {
		s[i] = lo + i
	}
	return s
}

// row is a case without its offset, and the operands that are read, made once for all
// subjects.
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

// Run compares the subjects on as many goroutines as given. It calls done after
// each one, on one goroutine at a time, in no fixed order; the result is in the
// order of the subjects. When ctx ends, so does Run, with the context's error
// and without the subjects that were not finished.
func (p Plan) Run(ctx context.Context, subjects []Subject, workers int, done func(Agreement)) ([]Agreement, error) {
	rows := p.rows()
	all := make([]Agreement, len(subjects))
	finished := make([]bool, len(subjects))
	var next atomic.Int64
	var mu sync.Mutex
	parallel.Run(workers, func() {
		ck := newChecker(slices.Max(p.Lengths))
		for {
			i := int(next.Add(1)) - 1
			if i >= len(subjects) || ctx.Err() != nil {
				return
			}
			a, ok := p.run(ctx, ck, &subjects[i], rows)
			if !ok {
				return
			}
			mu.Lock()
			all[i], finished[i] = a, true
			if done != nil {
				done(a)
			}
			mu.Unlock()
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

func (p Plan) run(ctx context.Context, ck *checker, s *Subject, rows []row) (Agreement, bool) {
	a := Agreement{Kernel: s.Name}
	for i, r := range rows {
		if i%64 == 0 && ctx.Err() != nil {
			return a, false
		}
		for j, offset := range p.Offsets {
			c := r.c
			c.Offset = offset
			ck.check(s, c, r.a, j > 0, &a)
		}
		if s.Stores {
			c := r.c
			c.Offset, c.InPlace = p.Offsets[i%len(p.Offsets)], true
			ck.check(s, c, r.a, true, &a)
		}
	}
	return a, true
}

// CheckCase compares a subject on one case.
func CheckCase(s Subject, c Case) Agreement {
	a := Agreement{Kernel: s.Name}
	newChecker(c.Length).check(&s, c, c.args(), false, &a)
	return a
}
