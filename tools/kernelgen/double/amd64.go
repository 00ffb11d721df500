package double

import (
	"bytes"
	"fmt"
	"strings"
)

// x86 is AVX2 or AVX-512. Source is SI, destination DI, elements left CX, Sum R8, Factor R9,
// how far ahead to ask for elements R11; what is left
// has the masks K2 and K3, or those at R10.
type x86 struct {
	bytes.Buffer
	avx512 bool
	masked bool // the turn of what is left
	full   int  // how many elements of that are there in any case
}

// AMD64 lists the levels: the suffix of functions, and the file without _amd64.s.
var AMD64 = []struct{ Suffix, File string }{{"AVX2", "avx2"}, {"AVX512", "avx512"}}

// AMD64File writes the kernels of a level.
func AMD64File(suffix, header string) []byte {
	m := &x86{avx512: suffix == "AVX512"}
	return file(m, header)
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

// op writes an instruction. Vectors of AVX-512 take a constant from 8 bytes: the linker aligns no table to 64, and
// an operand that lies in two lines of the cache makes a sum take 1.27 of the time.
func (m *x86) op(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if name, rest, _ := strings.Cut(line, " "); m.avx512 && strings.Contains(rest, constants) && strings.Contains(rest, ", Z") {
		if first, z, _ := strings.Cut(name, "."); name == "VMOVUPD" {
			name = "VBROADCASTSD"
		} else if name = first + ".BCST"; z != "" {
			name += "." + z
		}
		line = name + " " + rest
	}
	fmt.Fprintf(m, "\t%s\n", line)
}

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

// registers has 4 vectors, or 8 with AVX-512, 3 to 8 % faster than 4. That leaves 4 and 8 registers.
func (m *x86) registers(k Kernel) regs {
	n := 4
	if m.avx512 {
		n = 8
	}
	r := regs{x: m.regs(0, n), u: m.regs(n, n), f: m.regs(2*n, n), t: make([]value, n), dwn: constant(downAt)}
	for i := range exps {
		r.c = append(r.c, constant(i))
	}
	if m.avx512 {
		other := m.regs(3*n, 8)
		r.sums, r.rests = other[:1], other[1:2]
		r.kHi, r.kLo, r.magic, r.low = other[2], other[3], other[4], other[5]
		r.cHi, r.cLo, r.thr = other[6], other[7], "16(R9)"
		if k.Name == "scale" || k.Name == "logSub" {
			r.thr = other[2]
		}
		return r
	}
	other := m.regs(12, 4)
	r.sums, r.rests = []value{"0(R8)", "32(R8)"}, []value{"64(R8)", "96(R8)"}
	switch k.Name {
	case "scale", "logSub":
		r.cHi, r.cLo, r.thr = other[0], other[1], other[2]
	default:
		r.cHi, r.cLo, r.thr = "0(R9)", "8(R9)", "16(R9)"
		r.kHi, r.kLo, r.magic, r.low = other[0], other[1], other[2], other[3]
	}
	return r
}

func (m *x86) params(k Kernel) {
	m.op("MOVQ src_base+%d(FP), SI", map[bool]int{false: 0, true: 24}[k.stores()])
	m.op("MOVQ src_len+%d(FP), CX", map[bool]int{false: 8, true: 32}[k.stores()])
	if k.stores() {
		m.op("MOVQ dst_base+0(FP), DI")
	}
	r := m.registers(k)
	splat := func(from string, to value) { m.op("VBROADCASTSD %s, %s", from, to) }
	var factor string
	switch k.Name {
	case "max":
		m.copy(r.low, constant(infAt))
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
		return
	}
	if factor != "" {
		m.op("MOVQ %s, R9", factor)
		for i, v := range []value{r.cHi, r.cLo, r.thr} {
			if !inMemory(v) {
				splat(fmt.Sprintf("%d(R9)", 8*i), v)
			}
		}
	}
	if k.Name == "scale" {
		return
	}
	m.op("MOVQ %d(R8), R11", aheadAt)
	splat(fmt.Sprintf("%d(R8)", kHiAt), r.kHi)
	splat(fmt.Sprintf("%d(R8)", kLoAt), r.kLo)
	splat(fmt.Sprintf("%d(R8)", magicAt), r.magic)
	splat(fmt.Sprintf("%d(R8)", lowAt), r.low)
	for i, c := range r.c {
		if !inMemory(c) {
			m.copy(c, constant(i))
		}
	}
}

func inMemory(v value) bool { return v[len(v)-1] == ')' }

func (m *x86) copy(d, a value) {
	if inMemory(a) || inMemory(d) {
		m.op("VMOVUPD %s, %s", a, d)
	} else {
		m.op("VMOVAPD %s, %s", a, d)
	}
}

// into broadcasts what a Factor has.
func (m *x86) into(d, a value) value {
	switch {
	case strings.HasSuffix(string(a), "(R9)"):
		m.op("VBROADCASTSD %s, %s", a, d)
		return d
	case inMemory(a):
		m.copy(d, a)
		return d
	}
	return a
}

// mask is the register of the mask of a vector of what is left.
func (m *x86) mask(at int, tmp value) value {
	if m.avx512 {
		return value(fmt.Sprintf("K%d", 2+at/lanes))
	}
	m.op("VMOVUPD %d(R10), %s", 8*at, tmp)
	return tmp
}

func (m *x86) load(d value, at int, fill, tmp value) {
	switch {
	case !m.masked || at < m.full:
		m.op("VMOVUPD %d(SI), %s", 8*at, d)
	case m.avx512 && fill == "":
		m.op("VMOVUPD.Z %d(SI), %s, %s", 8*at, m.mask(at, tmp), d)
	case m.avx512:
		m.copy(d, fill)
		m.op("VMOVUPD %d(SI), %s, %s", 8*at, m.mask(at, tmp), d)
	default:
		mask := m.mask(at, tmp)
		m.op("VMASKMOVPD %d(SI), %s, %s", 8*at, mask, d)
		if fill != "" {
			m.op("VBLENDVPD %s, %s, %s, %s", mask, d, fill, d)
		}
	}
}

func (m *x86) store(a value, at int, tmp value) {
	switch {
	case !m.masked || at < m.full:
		m.op("VMOVUPD %s, %d(DI)", a, 8*at)
	case m.avx512:
		m.op("VMOVUPD %s, %s, %d(DI)", a, m.mask(at, tmp), 8*at)
	default:
		m.op("VMASKMOVPD %s, %s, %d(DI)", a, m.mask(at, tmp), 8*at)
	}
}

func (m *x86) left(tail func()) {
	m.op("TESTQ CX, CX")
	m.op("JZ nothing")
	m.masks()
	m.masked = true
	tail()
	m.masked = false
	fmt.Fprint(m, "\nnothing:\n")
}

// masks makes those of a turn of CX elements.
func (m *x86) masks() {
	if m.avx512 {
		m.op("MOVL $1, AX") // 2^left - 1
		m.op("SHLL CX, AX")
		m.op("DECL AX")
		m.op("KMOVW AX, K2")
		m.op("SHRL $8, AX")
		m.op("KMOVW AX, K3")
	} else {
		m.op("LEAQ masks64<>+%d(SB), R10", 8*turn)
		m.op("NEGQ CX")
		m.op("LEAQ (R10)(CX*8), R10")
	}
}

// data has masks of as many elements as stand before a place in the middle.
func (m *x86) data() string {
	if m.avx512 {
		return ""
	}
	var b strings.Builder
	for i := range 2 * turn {
		word := 0
		if i < turn {
			word = -1
		}
		fmt.Fprintf(&b, "DATA masks64<>+%d(SB)/8, $%d\n", 8*i, word)
	}
	fmt.Fprintf(&b, "GLOBL masks64<>(SB), RODATA|NOPTR, $%d\n", 16*turn)
	return b.String()
}

func (m *x86) addTo(s, a value) {
	if inMemory(s) {
		m.add(a, a, s)
		m.copy(s, a)
	} else {
		m.add(s, s, a)
	}
}

func (m *x86) add(d, a, b value) { m.op("VADDPD %s, %s, %s", b, a, d) }
func (m *x86) sub(d, a, b value) { m.op("VSUBPD %s, %s, %s", b, a, d) }
func (m *x86) mul(d, a, b value) { m.op("VMULPD %s, %s, %s", b, a, d) }

func (m *x86) fma(d, a, b value) { m.op("VFMADD231PD %s, %s, %s", b, a, d) }

func (m *x86) horner(d, f, c, t value) (value, value) {
	m.op("VFMADD213PD %s, %s, %s", c, f, d)
	return d, t
}

// greater: of a NaN the second source, d, is the result.
func (m *x86) greater(d, a value) { m.op("VMAXPD %s, %s, %s", d, a, d) }

// low: of a NaN the second source, the element, is the result.
func (m *x86) low(d value) { m.op("VMAXPD %s, %s, %s", d, m.registers(Kernel{}).low, d) }

func (m *x86) power(d value) {
	m.op("VPSLLQ $52, %s, %s", d, d)
	m.op("VPADDQ %s, %s, %s", constant(oneAt), d, d)
}

func (m *x86) down(d, e, thr, c value) {
	if m.avx512 {
		m.op("VCMPPD $5, %s, %s, K1", thr, e) // not less
		m.op("VMULPD.Z %s, %s, K1, %s", c, d, d)
		return
	}
	m.op("VCMPPD $5, %s, %s, %s", thr, e, e)
	m.op("VANDPD %s, %s, %s", e, d, d)
	m.mul(d, d, c)
}

func (m *x86) prefetch(at int) {
	if at%lanes == 0 && !m.masked {
		m.op("PREFETCHT1 %d(SI)(R11*1)", 8*at)
	}
}

func (m *x86) prefetchDst(at int) {
	if at%lanes == 0 && !m.masked {
		m.op("PREFETCHT0 %d(DI)(R11*1)", 8*at)
	}
}

func (m *x86) begin(d value, at int) {
	tmp := d
	if inMemory(d) {
		tmp = m.regs(0, 1)[0]
	}
	switch {
	case at < restAt:
		m.copy(tmp, constant(emptyAt))
	case m.avx512:
		m.op("VPXORQ %[1]s, %[1]s, %[1]s", tmp)
	default:
		m.op("VXORPD %[1]s, %[1]s, %[1]s", tmp)
	}
	if tmp != d {
		m.copy(d, tmp)
	}
}

func (m *x86) setState(a value, at int) {
	if !inMemory(a) {
		m.op("VMOVUPD %s, %d(R8)", a, at)
	}
}

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
