package double

import (
	"bytes"
	"fmt"
)

// x86 is AVX2 or AVX-512. Source is SI, destination DI, elements left CX, Sum R8, Factor R9.
type x86 struct {
	bytes.Buffer
	avx512 bool
}

// AMD64 lists the levels: the suffix of functions, and the file without _amd64.s.
var AMD64 = []struct{ Suffix, File string }{{"AVX2", "avx2"}, {"AVX512", "avx512"}}

// AMD64File writes the kernels of a level.
func AMD64File(suffix, header string) []byte {
	m := &x86{avx512: suffix == "AVX512"}
	return file(m, m.exp(), header)
}

func (m *x86) Suffix() string {
	if m.avx512 {
		return "AVX512"
	}
	return "AVX2"
}

func (m *x86) width() int {
	if m.avx512 {
		return 8
	}
	return 4
}

func (m *x86) bytes() []byte {
	b := bytes.Clone(m.Bytes())
	m.Reset()
	return b
}

func (m *x86) op(format string, args ...any) { fmt.Fprintf(m, "\t"+format+"\n", args...) }

// regs are registers from first on.
func (m *x86) regs(first, n int) (vs []value) {
	letter := "Y"
	if m.avx512 {
		letter = "Z"
	}
	for i := range n {
		vs = append(vs, value(fmt.Sprint(letter, first+i)))
	}
	return vs
}

func constant(i int) value { return value(fmt.Sprintf("%s<>+%d(SB)", constants, 8*lanes*i)) }

// exp has 4 vectors: of AVX2 a turn, with nothing but sums in other registers.
func (m *x86) exp() expRegs {
	r := expRegs{x: m.regs(0, 4), u: m.regs(4, 4), f: m.regs(8, 4), t: make([]value, 4),
		kHi: "128(R8)", kLo: "192(R8)", magic: "256(R8)", low: "320(R8)", one: constant(oneAt)}
	for i := range exps {
		r.c = append(r.c, constant(i))
	}
	if !m.avx512 {
		r.sums, r.rests = m.regs(12, 2), m.regs(14, 2)
		r.cHi, r.cLo, r.thr, r.dwn = "Y12", "Y13", "Y14", "Y15"
		return r
	}
	r.sums, r.rests = m.regs(12, 1), m.regs(13, 1)
	other := m.regs(14, 18)
	r.cHi, r.cLo, r.thr, r.dwn = other[0], other[1], other[2], other[3]
	r.kHi, r.kLo, r.magic, r.low = other[4], other[5], other[6], other[7]
	copy(r.c, other[8:]) // the rest stay in memory
	return r
}

func (m *x86) params(k Kernel) {
	m.op("MOVQ src_base+%d(FP), SI", map[bool]int{false: 0, true: 24}[k.stores()])
	m.op("MOVQ src_len+%d(FP), CX", map[bool]int{false: 8, true: 32}[k.stores()])
	if k.stores() {
		m.op("MOVQ dst_base+0(FP), DI")
	}
	r := m.exp()
	splat := func(from string, to value) { m.op("VBROADCASTSD %s, %s", from, to) }
	var factor string
	switch k.Name {
	case "max":
		m.copy(r.x[0], constant(infAt))
		return
	case "sum":
		m.op("MOVQ st+24(FP), R8")
	case "sumStore":
		m.op("MOVQ st+48(FP), R8")
	case "expScale":
		m.op("MOVQ st+48(FP), R8")
		factor = "f+56(FP)"
	case "scale":
		factor = "f+48(FP)"
	case "logSub":
		splat("m+48(FP)", r.cHi)
		splat("scale+56(FP)", r.cLo)
		m.op("MOVQ b+64(FP), AX")
		m.op("BTCQ $63, AX")
		low := value("X" + string(r.thr[1:]))
		m.op("VMOVQ AX, %s", low)
		m.op("VBROADCASTSD %s, %s", low, r.thr)
	}
	if factor != "" {
		m.op("MOVQ %s, R9", factor)
		splat(fmt.Sprintf("%d(R9)", cHiAt), r.cHi)
		splat(fmt.Sprintf("%d(R9)", cLoAt), r.cLo)
		splat(fmt.Sprintf("%d(R9)", thrAt), r.thr)
		splat(string(constant(downAt)), r.dwn)
	}
	if m.avx512 && (k.Name == "expScale" || k.Name == "sum" || k.Name == "sumStore") {
		m.state(r.kHi, kHiAt)
		m.state(r.kLo, kLoAt)
		m.state(r.magic, magicAt)
		m.state(r.low, lowAt)
		for i, c := range r.c {
			if c[0] == 'Z' {
				m.copy(c, constant(i))
			}
		}
	}
}

func inMemory(v value) bool { return v[len(v)-1] == ')' }

func (m *x86) copy(d, a value) {
	if inMemory(a) {
		m.op("VMOVUPD %s, %s", a, d)
	} else {
		m.op("VMOVAPD %s, %s", a, d)
	}
}

// into is a in a register: d, if it is in memory.
func (m *x86) into(d, a value) value {
	if inMemory(a) {
		m.copy(d, a)
		return d
	}
	return a
}

func (m *x86) load(d value, at int)  { m.op("VMOVUPD %d(SI), %s", 8*at, d) }
func (m *x86) store(a value, at int) { m.op("VMOVUPD %s, %d(DI)", a, 8*at) }
func (m *x86) add(d, a, b value)     { m.op("VADDPD %s, %s, %s", b, a, d) }
func (m *x86) sub(d, a, b value)     { m.op("VSUBPD %s, %s, %s", b, m.into(d, a), d) }
func (m *x86) mul(d, a, b value)     { m.op("VMULPD %s, %s, %s", b, a, d) }

func (m *x86) fma(d, a, b value) { m.op("VFMADD231PD %s, %s, %s", b, a, d) }

func (m *x86) horner(d, f, c, t value) (value, value) {
	m.op("VFMADD213PD %s, %s, %s", c, f, d)
	return d, t
}

// greater: of a NaN the second source, d, is the result.
func (m *x86) greater(d, a value) { m.op("VMAXPD %s, %s, %s", d, a, d) }

// loadLow: of a NaN the second source, the element, is the result.
func (m *x86) loadLow(d value, at int) {
	m.op("VMAXPD %d(SI), %s, %s", 8*at, m.into(d, m.exp().low), d)
}

func (m *x86) power(d value) {
	m.op("VPSLLQ $52, %s, %s", d, d)
	m.op("VPADDQ %s, %s, %s", constant(oneAt), d, d)
}

func (m *x86) cut(d, e, thr value) {
	if m.avx512 {
		m.op("VCMPPD $5, %s, %s, K1", thr, e) // not less
		m.op("VMOVAPD.Z %s, K1, %s", d, d)
		return
	}
	m.op("VCMPPD $5, %s, %s, %s", thr, e, e)
	m.op("VANDPD %s, %s, %s", e, d, d)
}

func (m *x86) state(d value, at int)    { m.op("VMOVUPD %d(R8), %s", at, d) }
func (m *x86) setState(a value, at int) { m.op("VMOVUPD %s, %d(R8)", a, at) }

func (m *x86) reduce(_ Kernel, a value) {
	n := a[1:]
	if m.avx512 {
		m.op("VEXTRACTF64X4 $1, %s, Y15", a)
		m.op("VMAXPD Y15, Y%s, Y%s", n, n)
	}
	m.op("VEXTRACTF128 $1, Y%s, X15", n)
	m.op("VMAXPD X15, X%s, X%s", n, n)
	m.op("VPERMILPD $1, X%s, X15", n)
	m.op("VMAXSD X15, X%s, X%s", n, n)
	m.op("VMOVSD X%s, ret+24(FP)", n)
	m.end()
}

func (m *x86) loop(name string, elements int) {
	m.op("SUBQ $%d, CX", elements)
	m.op("JLT %sdone", name)
	m.op("PCALIGN $32")
	fmt.Fprintf(m, "\n%s:\n", name)
}

func (m *x86) advance(k Kernel, name string, elements int) {
	m.op("ADDQ $%d, SI", 8*elements)
	if k.stores() {
		m.op("ADDQ $%d, DI", 8*elements)
	}
	m.op("SUBQ $%d, CX", elements)
	m.op("JGE %s", name)
	fmt.Fprintf(m, "\n%sdone:\n", name)
	m.op("ADDQ $%d, CX", elements)
}

func (m *x86) end() {
	m.op("VZEROUPPER")
	m.op("RET")
}
