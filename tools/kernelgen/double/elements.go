package double

import "fmt"

// ElementKernels are functions of amd64 alone: gradients and the elements that go into exponentials.
var ElementKernels = []Kernel{
	{"total", "(dy []float64) float64", 32, "the sum of dy", ""},
	{"softmaxGrad", "(dst, y, dy []float64, scale float64)", 80, "y * (dy - sum(y * dy)) * scale", ""},
	{"logSoftmaxGrad", "(dst, p, dy []float64, total, scale float64)", 88, "(dy - p * total) * scale", ""},
	{"scaleAdd", "(dst, src, add []float64, mul float64)", 80, "src * mul + add, no infinity of finite numbers, in whole lanes", ""},
	{"keep", "(dst []float64, keep []bool)", 48, "-Inf where keep is false, in whole lanes", ""},
}

// elements describes them: the first slice at DI, others at SI and R8, elements in CX.
func (m *x86) elements(w *writer) {
	for _, k := range ElementKernels {
		w.header(m, k)
		w.r = m.registers(Kernel{})
		switch k.Name {
		case "total":
			m.op("MOVQ dy_base+0(FP), SI")
			m.op("MOVQ dy_len+8(FP), CX")
			m.op("VMOVSD %s, ret+24(FP)", lowest(w.dot(m, true)))
			m.end()
		case "softmaxGrad":
			m.op("MOVQ y_base+24(FP), R8")
			m.op("MOVQ dy_base+48(FP), SI")
			m.op("MOVQ dy_len+56(FP), CX")
			total := w.dot(m, false)
			m.op("VBROADCASTSD %s, %s", lowest(total), total)
			m.grad(total, "y", 72)
		case "keep":
			m.keep()
		case "scaleAdd":
			m.scaleAdd()
		default:
			total := m.regs(0, 1)[0]
			m.op("VBROADCASTSD total+72(FP), %s", total)
			m.grad(total, "p", 80)
		}
	}
}

// groups is a loop over lanes; body takes vectors from an element on. A tail is what is behind whole lanes,
// masked, where the machine's masks are set.
func (m *x86) groups(name string, pointers []string, tail bool, body func(at int)) {
	each := func() {
		for at := 0; at < lanes; at += m.width() {
			body(at)
		}
	}
	m.op("SUBQ $%d, CX", lanes)
	m.op("JLT %sdone", name)
	fmt.Fprintf(m, "\n%sloop:\n", name)
	each()
	for _, p := range pointers {
		m.op("ADDQ $%d, %s", 8*lanes, p)
	}
	m.op("SUBQ $%d, CX", lanes)
	m.op("JGE %sloop", name)
	fmt.Fprintf(m, "\n%sdone:\n", name)
	if tail {
		m.op("ADDQ $%d, CX", lanes)
		m.op("JZ %snothing", name)
		m.masks()
		m.masked = true
		each()
		m.masked = false
		fmt.Fprintf(m, "\n%snothing:\n", name)
	}
}

// from loads a vector, with 0 for what the mask takes out.
func (m *x86) from(pointer string, at int, d, tmp value) {
	switch {
	case !m.masked:
		m.op("VMOVUPD %d(%s), %s", 8*at, pointer, d)
	case m.avx512:
		m.op("VMOVUPD.Z %d(%s), %s, %s", 8*at, pointer, m.mask(at, tmp), d)
	default:
		m.op("VMASKMOVPD %d(%s), %s, %s", 8*at, pointer, m.mask(at, tmp), d)
	}
}

// dot is the sum of the elements at SI times those at R8, or with total of those at SI, in the lowest lane.
// Each lane has a sum and what that lacks: a two-sum of each product, whose own error goes to the rests, too.
func (w *writer) dot(m *x86, total bool) value {
	r := m.regs(0, 16)
	s, rest := r[0:2], r[2:4]
	p, e, v, t, u := r[4], r[5], r[6], r[7], r[8]
	for i := range 4 {
		m.op("VXORPD X%[1]d, X%[1]d, X%[1]d", i)
	}
	// twoSum makes d that of d and a, and a what that lacks.
	twoSum := func(d, a value) {
		m.add(u, d, a)
		m.sub(t, u, d)
		m.sub(a, a, t)
		m.sub(t, u, t)
		m.sub(t, d, t)
		m.add(a, t, a)
		m.copy(d, u)
	}
	pointers := []string{"SI", "R8"}
	if total {
		pointers = pointers[:1]
	}
	m.groups("dot", pointers, true, func(at int) {
		i := at / m.width()
		m.from("SI", at, v, u)
		p := p
		if total {
			p = v
		} else {
			m.from("R8", at, t, u)
			m.mul(p, t, v)
			m.copy(e, p)
			m.op("VFMSUB231PD %s, %s, %s", v, t, e)
		}
		twoSum(s[i], p)
		if !total {
			m.add(p, p, e)
		}
		m.add(rest[i], rest[i], p)
	})
	merge := func(b, bRest value) {
		twoSum(s[0], b)
		m.add(bRest, bRest, b)
		m.add(rest[0], rest[0], bRest)
	}
	if m.avx512 {
		m.op("VSHUFF64X2 $0x4e, %s, %s, %s", s[0], s[0], p)
		m.op("VSHUFF64X2 $0x4e, %s, %s, %s", rest[0], rest[0], e)
		merge(p, e)
	} else {
		merge(s[1], rest[1])
	}
	for _, shuffle := range []string{"VPERMPD $0x4e", "VPERMILPD $" + map[bool]string{false: "0x5", true: "0x55"}[m.avx512]} {
		m.op("%s, %s, %s", shuffle, s[0], p)
		m.op("%s, %s, %s", shuffle, rest[0], e)
		merge(p, e)
	}
	// The rest of an infinity is a NaN.
	x, y, z := lowest(s[0]), lowest(rest[0]), lowest(t)
	m.op("VSUBSD %s, %s, %s", x, x, z)
	m.op("VCMPSD $7, %s, %s, %s", z, z, z) // ordered
	m.op("VANDPD %s, %s, %s", z, y, y)
	m.op("VADDSD %s, %s, %s", y, x, x)
	return s[0]
}

// grad has the parameters that both gradients have, and a scale.
func (m *x86) grad(total value, p string, scaleAt int) {
	r := m.regs(0, 16)
	scale, y, d, tmp, nan := r[1], r[2], r[3], r[4], r[5]
	m.op("MOVQ dst_base+0(FP), DI")
	m.op("MOVQ dst_len+8(FP), CX")
	m.op("MOVQ %s_base+24(FP), R8", p)
	m.op("MOVQ dy_base+48(FP), SI")
	m.op("VBROADCASTSD scale+%d(FP), %s", scaleAt, scale)
	m.copy(nan, constant(nanAt))
	m.groups("grad", []string{"DI", "SI", "R8"}, true, func(at int) {
		m.from("R8", at, y, tmp)
		m.from("SI", at, d, tmp)
		if p == "p" {
			m.op("VFNMADD231PD %s, %s, %s", total, y, d)
		} else {
			m.sub(d, d, total)
			m.mul(d, d, y)
		}
		m.mul(d, d, scale)
		m.choose(d, nan, 3, d, tmp) // unordered
		m.store(d, at, tmp)
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
	m.groups("", []string{"DI", "SI", "R8"}, false, func(at int) {
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
