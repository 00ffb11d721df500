// Package double writes the kernels of package native/f64/internal/arith64, each described once for
// all machines: that package's documentation defines the arithmetic.
//
// A kernel is a loop over a few turns of 16 elements, one over those that are left, and, where the machine
// has masks, a turn of what is left then; for others callers see to that. Registers are given by hand: each
// machine says how many vectors go through the formulas together, and has registers for those.
package double

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
)

const (
	lanes = 8 // of a row: vectors of elements i and i+8 are added up first
	turn  = 2 * lanes
)

// exps are the coefficients of the exponential, the lowest first.
var exps = [...]float64{
	0x1.62e42fefa39efp-1, 0x1.ebfbdff82c5a6p-3, 0x1.c6b08d704a12cp-5, 0x1.3b2ab6fb9fd9dp-7,
	0x1.5d87fe789e990p-10, 0x1.4309130f6fc36p-13, 0x1.ffcbfc667752fp-17, 0x1.62bfc64f78edcp-20,
	0x1.b52522db2536dp-24, 0x1.e61d57b36be8ap-28, 0x1.e972f12c4fed4p-32,
}

// Kernels are the functions of the package, with their frames.
var Kernels = []Kernel{
	{"max", "(src []float64) float64", 32, "the largest element, -Inf if there is none but NaN", ""},
	{"sum", "(src []float64, st *Sum)", 32, "the sum of exp(x)", ""},
	{"sumStore", "(dst, src []float64, st *Sum)", 56, "sum, which stores exp(x) too", ""},
	{"scale", "(dst, src []float64, f *Factor)", 56, "exponentials times the factor", ""},
	{"expScale", "(dst, src []float64, st *Sum, f *Factor)", 64, "exp(x) times the factor", ""},
	{"logSub", "(dst, src []float64, m, scale, b float64)", 72, "(x - m) * scale - b, the difference and the rest rounded once each", ""},
}

// Kernel is a function of the package.
type Kernel struct {
	Name, Signature string
	frame           int // bytes of parameters and results
	doc             string
	only            string // the suffix that has it, if not all
}

// In reports whether there is such a kernel for the suffix.
func (k Kernel) In(suffix string) bool { return k.only == "" || k.only == suffix }

// stores reports whether the kernel writes to dst.
func (k Kernel) stores() bool { return k.Name != "max" && k.Name != "sum" }

// The offsets of the fields of Sum, of which the first two are vectors of 8, and of Factor.
const (
	sumAt, restAt                = 0, 64
	kHiAt, kLoAt, magicAt, lowAt = 128, 136, 144, 152
	aheadAt                      = 160
	cHiAt, cLoAt, thrAt          = 0, 8, 16
	constants                    = "exps64" // in each file, behind each other as vectors of 8
	downAt, oneAt, infAt         = len(exps), len(exps) + 1, len(exps) + 2
	// Those of kernels that are for amd64 alone.
	signlessAt, farAt, roundAt = infAt + 1, infAt + 2, infAt + 3
	startAt, endAt             = infAt + 4, infAt + 5
	depthAt, biasAt, upAt      = infAt + 6, infAt + 7, infAt + 8
	moreAt, leastAt            = infAt + 9, infAt + 10
	mostAt, nanAt              = infAt + 11, infAt + 12
	emptyAt                    = infAt + 13
)

// rowValues are their constants: a mask of all but the sign, the size beyond which a row is not for the
// kernel, what rounds to integers, that twice with headroom and what shifted makes 2 of the integer 0, the
// least that is shifted, depth and headroom in what rounds, where twice a sum begins, what is in Factor, what
// takes the place of infinities and of every NaN, and where a sum begins.
var rowValues = []float64{math.Float64frombits(1<<63 - 1), 1 << 40, 3 << 51, 2*(3<<51) + 4 + 1024, 3<<51 + 1024 - 1020,
	3<<51 + 1020 + 4, 1 << 19, 0x1p300, 1 + 0x1p-51, 0x1p-1022,
	math.MaxFloat64, math.Float64frombits(0x7ff8000000000000), 1 << 18}

// value is a register, or what a machine has in memory.
type value string

// machine is a set of instructions. The destination comes first.
type machine interface {
	// Suffix is that of the functions' names.
	Suffix() string
	// width is the number of elements in a vector.
	width() int
	// params loads the registers of src, dst and the number of elements, and those of structs.
	params(k Kernel)
	// Of what is left, where that is masked, load makes fill of elements that are not there; tmp is free.
	load(d value, at int, fill, tmp value)
	store(a value, at int, tmp value)
	copy(d, a value)
	add(d, a, b value)
	sub(d, a, b value)
	mul(d, a, b value)
	fma(d, a, b value) // d += a * b
	// horner makes d*f + c in d, or in t, which is free then; the result comes first.
	horner(d, f, c, t value) (value, value)
	greater(d, a value)      // d = a if a > d
	addTo(s, a value)        // s += a, where s may be in memory; a is free then
	into(d, a value) value   // a in a register: d, if it is in memory
	low(d value)             // the larger of low and d; a NaN if that is one
	power(d value)           // 2^n for an n in the low bits
	down(d, e, thr, c value) // d = 0 if e < thr, else d * c: CPUs take long for products below the normal numbers
	prefetch(at int)         // asks for the line of an element, ahead, if it is the first of a line
	prefetchDst(at int)      // the same of dst
	// begin sets a part of the sum or of the rests to what Sum has or, where one call takes all elements, to
	// what a sum begins with: a vector from memory would wait for the smaller stores that set it.
	begin(d value, at int)
	setState(a value, at int) // to Sum
	reduce(k Kernel, a value) // returns the largest lane
	// loop begins a loop over so many elements, and advance ends it.
	loop(name string, elements int)
	advance(k Kernel, name string, elements int)
	// left calls tail for a turn of what is left, if the machine has masks, and where something is.
	left(tail func())
	end()
	// regs are the registers of a kernel.
	registers(k Kernel) regs
	bytes() []byte
	data() string   // more of it
	rows(w *writer) // more kernels
	rowValues() []float64
}

// regs are the registers for vectors that go together.
type regs struct {
	x, u, f, t         []value // a value for each vector; the result is in x
	kHi, kLo           value
	magic, low         value
	one                value
	c                  []value // coefficients
	sums, rests        []value
	cHi, cLo, thr, dwn value
}

// writer writes a kernel for a machine.
type writer struct {
	machine
	r regs
}

// exps describes the exponentials of the vectors that begin at these elements.
func (w *writer) exps(at []int) (e []value) {
	for i, a := range at {
		w.load(w.r.x[i], a, w.r.low, w.r.u[i])
		w.low(w.r.x[i])
	}
	return w.expsOf(len(at), w.power, func(i int, x, t value) (value, value) { return w.horner(x, w.r.u[i], w.r.u[i], t) })
}

// expsOf is exps for elements that are in n registers x. Power makes 2^n of what has n in its low bits, and
// last the exponential.
func (w *writer) expsOf(n int, power func(d value), last func(i int, x, t value) (e, free value)) (e []value) {
	r := w.r
	x, t := slices.Clone(r.x[:n]), slices.Clone(r.t[:n])
	each := func(f func(i int)) {
		for i := range n {
			f(i)
		}
	}
	each(func(i int) { w.copy(r.u[i], r.magic) })
	each(func(i int) { w.fma(r.u[i], x[i], r.kHi) })
	each(func(i int) { w.sub(r.f[i], r.magic, r.u[i]) })
	each(func(i int) { w.fma(r.f[i], x[i], r.kHi) })
	each(func(i int) { w.fma(r.f[i], x[i], r.kLo) })
	each(func(i int) { w.copy(x[i], r.c[len(r.c)-1]) })
	for c := len(r.c) - 2; c >= 0; c-- {
		each(func(i int) { x[i], t[i] = w.horner(x[i], r.f[i], r.c[c], t[i]) })
	}
	each(func(i int) { w.mul(x[i], x[i], r.f[i]) })
	each(func(i int) { power(r.u[i]) })
	each(func(i int) { x[i], t[i] = last(i, x[i], t[i]) })
	return x
}

// accumulate adds a pair of vectors to a part of the sum; the vectors and u and f of the first are free then.
func (w *writer) accumulate(part int, a, b, u, f value) {
	s, r := w.r.sums[part], w.r.rests[part]
	w.add(a, a, b)
	w.add(u, a, s)
	w.sub(f, u, s)
	w.sub(a, a, f)
	w.addTo(r, a)
	w.copy(s, u)
}

// scaled is the second pass for an exponential, in d.
func (w *writer) scaled(d, e, tmp value) {
	r := w.r
	w.mul(d, e, w.into(d, r.cLo))
	w.fma(d, e, w.into(tmp, r.cHi))
	w.down(d, e, w.into(tmp, r.thr), r.dwn)
}

// turns describes loops: the body takes the vectors of some turns in groups that fit the registers, pairs
// of 8 elements together.
func (w *writer) turns(k Kernel, body func(at []int)) {
	group := len(w.r.x)
	parts := lanes / w.width()
	do := func(n int) {
		var at []int
		for t := range n {
			for p := range parts {
				at = append(at, t*turn+p*w.width(), t*turn+lanes+p*w.width())
			}
		}
		for len(at) > 0 {
			g := min(group, len(at))
			body(at[:g])
			at = at[g:]
		}
	}
	most := max(1, group/(2*parts))
	for _, n := range slices.Compact([]int{most, 1}) {
		name := fmt.Sprintf("turns%d", n)
		w.loop(name, n*turn)
		do(n)
		w.advance(k, name, n*turn)
	}
	w.left(func() { do(1) })
}

func (w *writer) kernel(k Kernel) {
	w.r = w.registers(k)
	w.params(k)
	r := w.r
	part := func(at int) int { return at % lanes / w.width() }
	switch k.Name {
	case "max":
		w.max(k)
		return
	case "sum", "sumStore":
		for p := range r.sums {
			w.begin(r.sums[p], sumAt+8*p*w.width())
			w.begin(r.rests[p], restAt+8*p*w.width())
		}
		w.turns(k, func(at []int) {
			for _, a := range at {
				w.prefetch(a)
			}
			e := w.exps(at)
			if k.Name == "sumStore" {
				for i, a := range at {
					w.store(e[i], a, r.f[i])
				}
			}
			for i := 0; i < len(at); i += 2 {
				w.accumulate(part(at[i]), e[i], e[i+1], r.u[i], r.f[i])
			}
		})
		for p := range r.sums {
			w.setState(r.sums[p], sumAt+8*p*w.width())
			w.setState(r.rests[p], restAt+8*p*w.width())
		}
	case "expScale":
		w.turns(k, func(at []int) {
			for _, a := range at {
				w.prefetch(a)
				w.prefetchDst(a)
			}
			for i, e := range w.exps(at) {
				w.scaled(r.f[i], e, r.u[i])
				w.store(r.f[i], at[i], r.u[i])
			}
		})
	case "scale":
		w.turns(k, func(at []int) {
			for i, a := range at {
				w.load(r.x[i], a, "", r.u[i])
				w.scaled(r.f[i], r.x[i], r.u[i])
				w.store(r.f[i], a, r.u[i])
			}
		})
	case "logSub":
		w.turns(k, func(at []int) {
			for i, a := range at {
				w.load(r.x[i], a, "", r.u[i])
				w.sub(r.x[i], r.x[i], r.cHi)
				w.copy(r.f[i], r.thr)
				w.fma(r.f[i], r.x[i], r.cLo)
				w.store(r.f[i], a, r.u[i])
			}
		})
	}
	w.end()
}

// max describes the largest element, in 4 vectors.
func (w *writer) max(k Kernel) {
	const many = 4
	r := w.r
	top := slices.Concat(r.x, r.u)[:many]
	x, tmp := r.f[0], r.f[1]
	for _, d := range top {
		w.copy(d, r.low)
	}
	do := func(n int) {
		for i := 0; i < n; i += w.width() {
			w.load(x, i, r.low, tmp)
			w.greater(top[i/w.width()%many], x)
		}
	}
	for _, n := range []int{4 * turn, turn} {
		name := fmt.Sprintf("max%d", n)
		w.loop(name, n)
		do(n)
		w.advance(k, name, n)
	}
	w.left(func() { do(turn) })
	for n := many / 2; n > 0; n /= 2 {
		for i := range n {
			w.greater(top[i], top[i+n])
		}
	}
	w.reduce(k, top[0])
}

// file writes all kernels for a machine.
func file(m machine, header string) []byte {
	var b bytes.Buffer
	b.WriteString(header)
	b.WriteString("\n//go:build !purego\n\n#include \"textflag.h\"\n\n")
	values := append(exps[:], 0x1p-300, 1, math.Inf(-1))
	values = append(values, m.rowValues()...)
	for i, c := range values {
		for l := range lanes {
			fmt.Fprintf(&b, "DATA %s<>+%d(SB)/8, $%#016x\n", constants, 8*(lanes*i+l), math.Float64bits(c))
		}
	}
	fmt.Fprintf(&b, "GLOBL %s<>(SB), RODATA|NOPTR, $%d\n", constants, 8*lanes*len(values))
	b.WriteString(m.data())
	w := &writer{machine: m}
	for _, k := range Kernels {
		w.header(&b, k)
		w.kernel(k)
		b.Write(m.bytes())
	}
	m.rows(w)
	b.Write(m.bytes())
	return b.Bytes()
}

// header begins a function.
func (w *writer) header(b io.Writer, k Kernel) {
	fmt.Fprintf(b, "\n// %s%s: %s.\n//\n// func %s%s%s\nTEXT ·%s%s(SB), NOSPLIT, $0-%d\n", k.Name, w.Suffix(), k.doc,
		k.Name, w.Suffix(), k.Signature, k.Name, w.Suffix(), k.frame)
}
