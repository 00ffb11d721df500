package double

import "fmt"

// ElementKernels are functions of amd64 alone, of whole lanes: what is behind those is for Go. They are
// gradients and the elements that go into exponentials.
var ElementKernels = []Kernel{
	{"dot", "(y, dy []float64, s *[2]vector)", 56, "adds y * dy to the lanes of s, and what those lack"},
	{"total", "(dy []float64, s *[2]vector)", 32, "adds dy to the lanes of s, and what those lack"},
	{"softmaxGrad", "(dst, y, dy []float64, total, scale float64)", 88, "y * (dy - total) * scale"},
	{"logSoftmaxGrad", "(dst, p, dy []float64, total, scale float64)", 88, "(dy - p * total) * scale"},
	{"scaleAdd", "(dst, src, add []float64, mul float64)", 80, "src * mul + add, no infinity of finite numbers"},
	{"keep", "(dst []float64, keep []bool)", 48, "-Inf where keep is false"},
}

// elements describes them: the first slice at DI, others at SI and R8, elements in CX.
func (m *x86) elements(w *writer) {
	for _, k := range ElementKernels {
		w.header(m, k)
		w.r = m.registers(Kernel{})
		switch k.Name {
		case "dot", "total":
			w.dot(m, k.Name == "total")
		case "keep":
			m.keep()
		case "scaleAdd":
			m.scaleAdd()
		default:
			m.grad(k.Name == "logSoftmaxGrad")
		}
	}
}

// groups is a loop over lanes; body takes vectors from an element on.
func (m *x86) groups(pointers []string, body func(at int)) {
	m.op("SHRQ $3, CX")
	m.op("JZ done")
	fmt.Fprint(m, "\nloop:\n")
	for at := 0; at < lanes; at += m.width() {
		body(at)
	}
	for _, p := range pointers {
		m.op("ADDQ $%d, %s", 8*lanes, p)
	}
	m.op("DECQ CX")
	m.op("JNZ loop")
	fmt.Fprint(m, "\ndone:\n")
}

// dot: a two-sum of each product, whose own error goes to the rests, too.
func (w *writer) dot(m *x86, total bool) {
	r := m.regs(0, 16)
	s, rest := r[0:2], r[2:4]
	p, e, v, t, u := r[4], r[5], r[6], r[7], r[8]
	dy, sum := "SI", "s+48(FP)"
	m.op("MOVQ %s_base+0(FP), DI", map[bool]string{false: "y", true: "dy"}[total])
	if total {
		dy, sum = "DI", "s+24(FP)"
	} else {
		m.op("MOVQ dy_base+24(FP), SI")
	}
	m.op("MOVQ %s_len+%d(FP), CX", "dy", map[bool]int{false: 32, true: 8}[total])
	m.op("MOVQ %s, R8", sum)
	for at := 0; at < lanes; at += m.width() {
		m.state(s[at/m.width()], 8*at)
		m.state(rest[at/m.width()], 8*(lanes+at))
	}
	m.groups([]string{"DI", "SI"}[:map[bool]int{false: 2, true: 1}[total]], func(at int) {
		s, rest := s[at/m.width()], rest[at/m.width()]
		m.op("VMOVUPD %d(%s), %s", 8*at, dy, v)
		p := p
		if total {
			p = v
		} else {
			m.op("VMOVUPD %d(DI), %s", 8*at, t)
			m.mul(p, t, v)
			m.copy(e, p)
			m.op("VFMSUB231PD %s, %s, %s", v, t, e)
		}
		m.add(u, s, p) // the sum
		m.sub(t, u, s)
		m.sub(p, p, t)
		m.sub(t, u, t)
		m.sub(t, s, t)
		m.add(t, t, p)
		if !total {
			m.add(t, t, e)
		}
		m.add(rest, rest, t)
		m.copy(s, u)
	})
	for at := 0; at < lanes; at += m.width() {
		m.setState(s[at/m.width()], 8*at)
		m.setState(rest[at/m.width()], 8*(lanes+at))
	}
	m.end()
}

func (m *x86) grad(log bool) {
	r := m.regs(0, 16)
	total, scale, y, d, tmp, nan := r[0], r[1], r[2], r[3], r[4], r[5]
	m.op("MOVQ dst_base+0(FP), DI")
	m.op("MOVQ dst_len+8(FP), CX")
	m.op("MOVQ %s_base+24(FP), SI", map[bool]string{false: "y", true: "p"}[log])
	m.op("MOVQ dy_base+48(FP), R8")
	m.op("VBROADCASTSD total+72(FP), %s", total)
	m.op("VBROADCASTSD scale+80(FP), %s", scale)
	m.copy(nan, constant(nanAt))
	m.groups([]string{"DI", "SI", "R8"}, func(at int) {
		m.op("VMOVUPD %d(SI), %s", 8*at, y)
		m.op("VMOVUPD %d(R8), %s", 8*at, d)
		if log {
			m.op("VFNMADD231PD %s, %s, %s", total, y, d)
		} else {
			m.sub(d, d, total)
			m.mul(d, d, y)
		}
		m.mul(d, d, scale)
		m.choose(d, nan, 3, d, tmp) // unordered
		m.op("VMOVUPD %s, %d(DI)", d, 8*at)
	})
	m.end()
}

// choose sets d to a where x compares with itself so.
func (m *x86) choose(d, a value, predicate int, x, tmp value) {
	if m.avx512 {
		m.op("VCMPPD $%d, %s, %s, K1", predicate, x, x)
		m.op("VMOVAPD %s, K1, %s", a, d)
		return
	}
	m.op("VCMPPD $%d, %s, %s, %s", predicate, x, x, tmp)
	m.op("VBLENDVPD %s, %s, %s, %s", tmp, a, d, d)
}

// scaleAdd: a result that is not finite while operands are is the largest number of its sign.
func (m *x86) scaleAdd() {
	r := m.regs(0, 16)
	mul, x, add, z, t, u, most, sign := r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]
	m.op("MOVQ dst_base+0(FP), DI")
	m.op("MOVQ dst_len+8(FP), CX")
	m.op("MOVQ src_base+24(FP), SI")
	m.op("MOVQ add_base+48(FP), R8")
	m.op("VBROADCASTSD mul+72(FP), %s", mul)
	m.copy(most, constant(mostAt))
	m.copy(sign, constant(signlessAt))
	m.groups([]string{"DI", "SI", "R8"}, func(at int) {
		m.op("VMOVUPD %d(SI), %s", 8*at, x)
		m.op("VMOVUPD %d(R8), %s", 8*at, add)
		m.copy(z, add)
		m.fma(z, x, mul)
		// Operands less themselves are 0 or NaN: so is what is added to the largest number.
		m.sub(x, x, x)
		m.sub(add, add, add)
		m.add(x, x, add)
		// |z| limited to the largest number, with the sign of z.
		m.and(t, z, sign)
		m.op("VMINPD %s, %s, %s", most, t, t)
		m.andNot(u, sign, z)
		m.or(t, t, u)
		m.choose(z, t, 7, x, u) // ordered
		m.op("VMOVUPD %s, %d(DI)", z, 8*at)
	})
	m.end()
}

func (m *x86) and(d, a, b value)    { m.op("%s %s, %s, %s", m.bitwise("AND"), b, a, d) }
func (m *x86) andNot(d, a, b value) { m.op("%s %s, %s, %s", m.bitwise("ANDN"), b, a, d) }
func (m *x86) or(d, a, b value)     { m.op("%s %s, %s, %s", m.bitwise("OR"), b, a, d) }

// bitwise: with 512 bits those of integers are in AVX-512F.
func (m *x86) bitwise(name string) string {
	if m.avx512 {
		return "VP" + name + "Q"
	}
	return "VP" + name
}

func (m *x86) keep() {
	r := m.regs(0, 16)
	x, k, low, zero := r[0], r[1], r[2], r[3]
	m.op("MOVQ dst_base+0(FP), DI")
	m.op("MOVQ dst_len+8(FP), CX")
	m.op("MOVQ keep_base+24(FP), SI")
	m.copy(low, constant(infAt))
	m.op("VPXOR X%s, X%s, X%s", zero[1:], zero[1:], zero[1:])
	m.op("SHRQ $3, CX")
	m.op("JZ done")
	fmt.Fprint(m, "\nloop:\n")
	for at := 0; at < lanes; at += m.width() {
		m.op("VPMOVZXBQ %d(SI), %s", at, k)
		if m.avx512 {
			m.op("VPTESTNMQ %s, %s, K1", k, k)
			m.op("VMOVUPD %s, K1, %d(DI)", low, 8*at)
			continue
		}
		m.op("VPCMPEQQ %s, %s, %s", zero, k, k)
		m.op("VMOVUPD %d(DI), %s", 8*at, x)
		m.op("VBLENDVPD %s, %s, %s, %s", k, low, x, x)
		m.op("VMOVUPD %s, %d(DI)", x, 8*at)
	}
	m.op("ADDQ $%d, DI", 8*lanes)
	m.op("ADDQ $%d, SI", lanes)
	m.op("DECQ CX")
	m.op("JNZ loop")
	fmt.Fprint(m, "\ndone:\n")
	m.end()
}
