package double

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/twopass-softmax/twopass/tools/kernelgen/arm64"
)

// neon is Advanced SIMD. Source is R0, destination R1, elements left R2, Sum R3, Factor R4, constants R5.
type neon struct{ bytes.Buffer }

// ARM64 is the suffix of functions.
const ARM64 = "NEON"

// ARM64File writes the kernels.
func ARM64File(header string) []byte {
	m := new(neon)
	return file(m, header)
}

func (m *neon) Suffix() string { return ARM64 }

func (m *neon) width() int { return 2 }

func (m *neon) bytes() []byte {
	b := bytes.Clone(m.Bytes())
	m.Reset()
	return b
}

func (m *neon) op(format string, args ...any) { fmt.Fprintf(m, "\t"+format+"\n", args...) }

func vs(first, n int) (r []value) {
	for i := range n {
		r = append(r, value(fmt.Sprint(first+i)))
	}
	return r
}

// registers has 2 vectors, and all else in registers.
func (m *neon) registers(Kernel) regs {
	c := vs(12, 20)
	return regs{x: vs(0, 2), u: vs(2, 2), f: vs(4, 2), t: vs(6, 2), sums: vs(8, 4), rests: vs(12, 4),
		c: c[4:15], kHi: c[15], kLo: c[16], magic: c[17], low: c[18], one: c[19],
		cHi: "8", cLo: "9", thr: "10", dwn: "11"}
}

func (m *neon) params(k Kernel) {
	m.op("MOVD src_base+%d(FP), R0", map[bool]int{false: 0, true: 24}[k.stores()])
	m.op("MOVD src_len+%d(FP), R2", map[bool]int{false: 8, true: 32}[k.stores()])
	if k.stores() {
		m.op("MOVD dst_base+0(FP), R1")
	}
	r := m.registers(k)
	m.op("MOVD $%s<>(SB), R5", constants)
	constant := func(d value, i int) { m.op("FMOVQ %d(R5), F%s", 8*lanes*i, d) }
	splat := func(from string, to value) {
		m.op("FMOVD %s, F%s", from, to)
		m.op("VDUP V%s.D[0], V%s.D2", to, to)
	}
	var factor string
	switch k.Name {
	case "max":
		constant(r.low, infAt)
		return
	case "sum":
		m.op("MOVD st+24(FP), R3")
	case "sumStore":
		m.op("MOVD st+48(FP), R3")
	case "expScale":
		m.op("MOVD st+48(FP), R3")
		factor = "f+56(FP)"
	case "scale":
		factor = "f+48(FP)"
	case "logSub":
		splat("m+48(FP)", r.cHi)
		splat("scale+56(FP)", r.cLo)
		m.op("FMOVD b+64(FP), F%s", r.thr)
		m.op("FNEGD F%s, F%s", r.thr, r.thr)
		m.op("VDUP V%s.D[0], V%s.D2", r.thr, r.thr)
		return
	}
	if factor != "" {
		m.op("MOVD %s, R4", factor)
		splat(fmt.Sprintf("%d(R4)", cHiAt), r.cHi)
		splat(fmt.Sprintf("%d(R4)", cLoAt), r.cLo)
		splat(fmt.Sprintf("%d(R4)", thrAt), r.thr)
		constant(r.dwn, downAt)
	}
	if k.Name != "scale" {
		splat(fmt.Sprintf("%d(R3)", kHiAt), r.kHi)
		splat(fmt.Sprintf("%d(R3)", kLoAt), r.kLo)
		splat(fmt.Sprintf("%d(R3)", magicAt), r.magic)
		splat(fmt.Sprintf("%d(R3)", lowAt), r.low)
		constant(r.one, oneAt)
		for i, c := range r.c {
			constant(c, i)
		}
	}
}

// word writes an instruction that Go's assembler lacks.
func (m *neon) word(name string, registers ...value) {
	var numbers []int
	for _, r := range registers {
		n, err := strconv.Atoi(string(r))
		if err != nil {
			panic(err)
		}
		numbers = append(numbers, n)
	}
	m.op("%s", arm64.Word(name, numbers...))
}

func (m *neon) copy(d, a value)          { m.op("VMOV V%s.B16, V%s.B16", a, d) }
func (m *neon) addTo(s, a value)         { m.add(s, s, a) }
func (m *neon) into(_, a value) value    { return a }
func (m *neon) left(func())              {}
func (m *neon) rows(*writer)             {}
func (m *neon) rowValues() []float64     { return nil }
func (m *neon) prefetch(int)             {}
func (m *neon) prefetchDst(int)          {}
func (m *neon) data() string             { return "" }
func (m *neon) begin(d value, at int)    { m.op("FMOVQ %d(R3), F%s", at, d) }
func (m *neon) setState(a value, at int) { m.op("FMOVQ F%s, %d(R3)", a, at) }
func (m *neon) add(d, a, b value)        { m.word("fadd.2d", d, a, b) }
func (m *neon) sub(d, a, b value)        { m.word("fsub.2d", d, a, b) }
func (m *neon) mul(d, a, b value)        { m.word("fmul.2d", d, a, b) }
func (m *neon) fma(d, a, b value)        { m.op("VFMLA V%s.D2, V%s.D2, V%s.D2", b, a, d) }

// horner: the instruction adds to its destination.
func (m *neon) horner(d, f, c, t value) (value, value) {
	m.copy(t, c)
	m.fma(t, d, f)
	return t, d
}

// free is a register that neither max nor the second pass has.
const free = "29"

func (m *neon) greater(d, a value) {
	m.word("fcmgt.2d", free, a, d)
	m.op("VBIT V%s.B16, V%s.B16, V%s.B16", free, a, d)
}

func (m *neon) load(d value, at int, _, _ value) { m.op("FMOVQ %d(R0), F%s", 8*at, d) }
func (m *neon) store(a value, at int, tmp value) { m.op("FMOVQ F%s, %d(R1)", a, 8*at) }
func (m *neon) low(d value)                      { m.word("fmax.2d", d, d, m.registers(Kernel{}).low) }

func (m *neon) power(d value) {
	m.op("VSHL $52, V%s.D2, V%s.D2", d, d)
	m.op("VADD V%s.D2, V%s.D2, V%s.D2", m.registers(Kernel{}).one, d, d)
}

func (m *neon) down(d, e, thr, c value) {
	m.word("fcmgt.2d", e, thr, e)
	m.word("bic", d, d, e)
	m.mul(d, d, c)
}

func (m *neon) reduce(_ Kernel, a value) {
	m.op("VDUP V%s.D[1], V1.D2", a)
	m.greater(a, "1")
	m.op("FMOVD F%s, ret+24(FP)", a)
	m.end()
}

func (m *neon) loop(name string, elements int) {
	m.op("SUBS $%d, R2, R2", elements)
	m.op("BLT %sdone", name)
	fmt.Fprintf(m, "\n%s:\n", name)
}

func (m *neon) advance(k Kernel, name string, elements int) {
	m.op("ADD $%d, R0, R0", 8*elements)
	if k.stores() {
		m.op("ADD $%d, R1, R1", 8*elements)
	}
	m.op("SUBS $%d, R2, R2", elements)
	m.op("BGE %s", name)
	fmt.Fprintf(m, "\n%sdone:\n", name)
	m.op("ADD $%d, R2, R2", elements)
}

func (m *neon) end() { m.op("RET") }
