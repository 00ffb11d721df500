package double

import "fmt"

// RowKernels are functions of amd64 alone: they do short rows from the first element to the last result in
// registers, where the calls of several kernels and what is between them take longer than the row.
var RowKernels = []Kernel{
	{"softmaxRows", "(dst, src *float64, rows, cols, dstStride, srcStride int, s *Scale) (done int)", 64,
		"softmax of rows of up to 16 elements, until one that is far from 0 or has a NaN", ""},
	{"sumRow", "(src *float64, cols int, s *Scale, t *[3]float64) (ok bool)", 33,
		"twice the sum of the exponentials of up to 16 elements, in two, and the largest element, but for such a row", "AVX2"},
}

func (m *x86) rowValues() []float64 { return rowValues }

// rows describes them. Beside the usual registers, rows left are in DX, rows done in R11, strides in bytes
// in R12 and R13, and Scale is in R8.
func (m *x86) rows(w *writer) {
	for _, k := range RowKernels {
		if !k.In(m.Suffix()) {
			continue
		}
		w.header(m, k)
		if k.Name == "sumRow" {
			w.sumRow(m)
		} else {
			w.softmaxRows(m)
		}
	}
	m.elements(w)
}

// top is the largest element in all lanes of d. Elements are in x then. A NaN counts or not: the sum tells.
func (w *writer) top(m *x86, d value, at []int) {
	r := w.r
	m.copy(r.f[0], constant(infAt))
	for i, a := range at {
		m.load(r.x[i], a, r.f[0], r.u[1])
		switch {
		case i == 1:
			m.op("VMAXPD %s, %s, %s", r.x[0], r.x[1], d)
		case i > 1:
			m.greater(d, r.x[i])
		case len(at) == 1:
			m.copy(d, r.x[0])
		}
	}
	m.acrossAll(d, r.f[0], m.greater)
}

// acrossAll combines the lanes of d so that all have the result: those half a vector apart first.
func (m *x86) acrossAll(d, tmp value, combine func(d, a value)) {
	if m.avx512 {
		m.op("VSHUFF64X2 $0x4e, %s, %s, %s", d, d, tmp)
		combine(d, tmp)
		m.op("VSHUFF64X2 $0xb1, %s, %s, %s", d, d, tmp)
		combine(d, tmp)
		m.op("VPERMILPD $0x55, %s, %s", d, tmp)
	} else {
		m.op("VPERMPD $0x4e, %s, %s", d, tmp)
		combine(d, tmp)
		m.op("VPERMILPD $0x5, %s, %s", d, tmp)
	}
	combine(d, tmp)
}

// lowest is the lowest lanes of a register.
func lowest(v value) value { return "X" + v[1:] }

func (w *writer) softmaxRows(m *x86) {
	w.r = m.registers(Kernel{Name: "sum"})
	r := w.r
	m.op("MOVQ dst+0(FP), DI")
	m.op("MOVQ src+8(FP), SI")
	m.op("MOVQ rows+16(FP), DX")
	m.op("MOVQ cols+24(FP), CX")
	m.op("MOVQ dstStride+32(FP), R12")
	m.op("MOVQ srcStride+40(FP), R13")
	m.op("MOVQ s+48(FP), R8")
	m.op("SHLQ $3, R12")
	m.op("SHLQ $3, R13")
	m.op("XORL R11, R11")
	m.op("VBROADCASTSD 8(R8), %s", r.kHi)
	m.op("VBROADCASTSD 16(R8), %s", r.kLo)
	m.op("MOVQ CX, BX")
	m.masks()
	m.op("CMPQ BX, $%d", lanes)
	m.op("JLE half")
	w.softmaxRow(m, "row", turn)
	fmt.Fprint(m, "\nhalf:\n")
	w.softmaxRow(m, "halfrow", lanes)
	fmt.Fprint(m, "\ndone:\n")
	m.op("MOVQ R11, done+56(FP)")
	m.end()
}

// sumRow leaves where softmaxRow would need its factor.
func (w *writer) sumRow(m *x86) {
	w.r = m.registers(Kernel{Name: "sum"})
	m.op("MOVQ src+0(FP), SI")
	m.op("MOVQ cols+8(FP), CX")
	m.op("MOVQ s+16(FP), R8")
	m.op("MOVQ t+24(FP), R9")
	m.op("VBROADCASTSD 8(R8), %s", w.r.kHi)
	m.op("VBROADCASTSD 16(R8), %s", w.r.kLo)
	m.op("MOVQ CX, BX")
	m.masks()
	m.masked = true
	m.op("CMPQ BX, $%d", lanes)
	m.op("JLE half")
	for _, n := range []int{turn, lanes} {
		if n == lanes {
			fmt.Fprint(m, "\nhalf:\n")
		}
		_, _, hi, lo := w.sumOf(m, n, func(top value) { m.op("VMOVSD %s, 16(R9)", top) })
		m.op("VMOVSD %s, 0(R9)", lowest(hi))
		m.op("VMOVSD %s, 8(R9)", lowest(lo))
		m.op("MOVB $1, ok+32(FP)")
		m.end()
	}
	m.masked, m.full = false, 0
	fmt.Fprint(m, "\ndone:\n")
	m.op("MOVB $0, ok+32(FP)")
	m.end()
}

// softmaxRow is the loop for rows of up to n elements.
func (w *writer) softmaxRow(m *x86, name string, n int) {
	r := w.r
	m.masked = true
	fmt.Fprintf(m, "\n%s:\n", name)
	at, e, hi, lo := w.sumOf(m, n, func(value) {})

	// Factor.
	h, l, c, rest, p := lowest(r.u[0]), lowest(lo), lowest(r.u[2]), lowest(r.u[3]), lowest(r.u[1])
	m.op("VADDSD %s, %s, %s", l, lowest(hi), h)
	m.op("VSUBSD %s, %s, %s", lowest(hi), h, c)
	m.op("VSUBSD %s, %s, %s", c, l, l)
	m.op("VMOVSD %s, %s", constant(oneAt), rest)
	m.op("VDIVSD %s, %s, %s", h, rest, c)
	m.op("VFNMADD231SD %s, %s, %s", c, h, rest)
	m.op("VMULSD %s, %s, %s", c, l, l)
	m.op("VSUBSD %s, %s, %s", l, rest, rest)
	m.op("VMULSD %s, %s, %s", constant(upAt), c, c)
	m.op("VMULSD %s, %s, %s", c, rest, rest)
	m.op("VMULSD %s, %s, %s", constant(moreAt), h, p)
	m.op("VMULSD %s, %s, %s", constant(leastAt), p, p)
	w.r.cHi, w.r.cLo, w.r.thr = r.magic, r.low, r.u[0]
	m.op("VBROADCASTSD %s, %s", c, w.r.cHi)
	m.op("VBROADCASTSD %s, %s", rest, w.r.cLo)
	m.op("VBROADCASTSD %s, %s", p, w.r.thr)
	for i, a := range at {
		w.scaled(r.f[i], e[i], r.u[1])
		m.store(r.f[i], a, r.u[1])
	}
	m.masked, m.full = false, 0
	m.op("ADDQ R13, SI")
	m.op("ADDQ R12, DI")
	m.op("INCQ R11")
	m.op("CMPQ R11, DX")
	m.op("JLT %s", name)
	if n == turn {
		m.op("JMP done")
	}
	w.r = r
}

// sumOf is the sum of the exponentials of up to n elements, in two. Far and irregular rows go to done.
func (w *writer) sumOf(m *x86, n int, largest func(top value)) (at []int, e []value, hi, lo value) {
	r := w.r
	m.full = n - lanes
	// Of up to 8 elements none has another to be added to.
	for i := 0; i < lanes; i += m.width() {
		if at = append(at, i); n > lanes {
			at = append(at, i+lanes)
		}
	}
	top := r.u[0]
	w.top(m, top, at)
	largest(lowest(top))
	size := lowest(r.u[1])
	m.op("VMULSD 0(R8), %s, %s", lowest(top), size)
	m.op("VANDPD %s, %s, %s", constant(signlessAt), size, size)
	m.op("VUCOMISD %s, %s", constant(farAt), size)
	m.op("JHI done")
	// Exponentials are twice those of the definition, and so are sums: the integer n - N + 1024 takes the place
	// of the exponent by a shift alone. (1023 would change what lies halfway between integers.)
	m.mul(top, top, r.kHi)
	m.add(top, top, constant(roundAt))
	m.copy(r.magic, constant(startAt))
	m.sub(r.magic, r.magic, top)
	e = w.rowExps(m, len(at), top)

	// The lanes' sums and rests; with AVX2 there are two vectors of each.
	tmp := r.u[2]
	for i := range lanes / m.width() {
		t, s, sum := r.f[2*i], r.f[2*i+1], e[i]
		if n > lanes {
			m.add(t, e[2*i], e[2*i+1])
			sum = t
		}
		m.add(s, sum, constant(biasAt))
		m.sub(s, s, constant(biasAt))
		m.sub(t, sum, s)
		if i == 0 {
			hi, lo = s, t
		} else {
			m.add(hi, hi, s)
			m.add(lo, lo, t)
		}
	}
	m.totals(hi, lo, tmp, r.u[3])
	m.op("VUCOMISD %s, %s", lowest(hi), lowest(hi))
	m.op("JPS done")
	return at, e, hi, lo
}

// rowExps are the exponentials of elements in n registers. Those too small to count, for which the definition
// has the least that does, may be 0 here, as of results: next to a largest one of 2^3.5 or more neither shows.
func (w *writer) rowExps(m *x86, n int, rounded value) []value {
	r := w.r
	shift := func(d value) { m.op("VPSLLQ $52, %s, %s", d, d) }
	if !m.avx512 {
		m.sub(rounded, rounded, constant(depthAt))
		m.op("VBROADCASTSD 24(R8), %s", r.f[0])
		m.mul(r.low, rounded, r.f[0])
		for _, x := range r.x[:n] {
			m.low(x)
		}
		return w.expsOf(n, shift, func(i int, x, t value) (value, value) { return w.horner(x, r.u[i], r.u[i], t) })
	}
	k := 4
	return w.expsOf(n, func(d value) {
		m.op("VCMPPD $5, %s, %s, K%d", constant(endAt), d, k) // not less
		k++
		shift(d)
	}, func(i int, x, t value) (value, value) {
		m.op("VFMADD213PD.Z %s, %s, K%d, %s", r.u[i], r.u[i], 4+i, x)
		return x, t
	})
}

// totals adds up the lanes of the sums and of the rests: in the lowest, or in all.
func (m *x86) totals(hi, lo, tmp, other value) {
	add := func(d, a value) { m.add(d, d, a) }
	if !m.avx512 {
		m.acrossAll(hi, tmp, add)
		m.acrossAll(lo, other, add)
		return
	}
	// The sums in the lower half of a vector, the rests in the upper one.
	m.op("VSHUFF64X2 $0xee, %s, %s, %s", lo, hi, tmp)
	m.op("VSHUFF64X2 $0x44, %s, %s, %s", lo, hi, hi)
	add(hi, tmp)
	m.op("VSHUFF64X2 $0xb1, %s, %s, %s", hi, hi, tmp)
	add(hi, tmp)
	m.op("VPERMILPD $0x55, %s, %s", hi, tmp)
	add(hi, tmp)
	m.op("VEXTRACTF64X4 $1, %s, Y%s", hi, lo[1:])
}
