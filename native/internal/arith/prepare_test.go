package arith

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// levels runs a test for each level that this build has and this CPU runs, but the plain one.
func levels(t *testing.T, test func(t *testing.T, l Level)) {
	for _, l := range Levels() {
		if l != Plain {
			t.Run(l.String(), func(t *testing.T) { test(t, l) })
		}
	}
}

// prepareSpecials are elements for which preparing or converting has rules of its own.
var prepareSpecials = append(slices.Clone(specials), 0x1p-149, 0x1p-126, -0x1p-130, 0x1p127, -0x1p127, 65519.996, 65520, 65504, 0x1p-14, 0x1p-24, 0x1p-25, 0x1.8p-24,
	0x1p-10, math.Float32frombits(0x7f7f8000), math.Float32frombits(0x7f7f7fff), math.Float32frombits(0x7f800001), math.Float32frombits(0xffffffff))

func mixed(r *rand.Rand, x []float32) {
	for i := range x {
		switch x[i] = r.Float32()*8 - 4; r.IntN(4) {
		case 0:
			x[i] = prepareSpecials[r.IntN(len(prepareSpecials))]
		case 1:
			x[i] = math.Float32frombits(r.Uint32())
		}
	}
}

// around is a slice of n elements within canaries, and whether those are there still.
func around[T comparable](n, off int, canary T) (x []T, intact func() bool) {
	const pad = 40
	all := slices.Repeat([]T{canary}, n+2*pad)
	x = all[pad+off:][:n:n]
	return x, func() bool {
		for i, v := range all {
			if (i < pad+off || i >= pad+off+n) && v != canary {
				return false
			}
		}
		return true
	}
}

// TestPrepare compares with the plain kernels: one to three rows of each length, with gaps.
func TestPrepare(t *testing.T) {
	levels(t, func(t *testing.T, l Level) {
		r := rand.New(rand.NewPCG(11, 1))
		muls := []float32{1, -1, 0.125, 3, 0x1p100, -0x1p127, 0, inf, nan, 1e-40}
		for n := 1; n <= 300; n++ {
			for rep := range 20 {
				rows := 1 + r.IntN(3)
				stride := func() int { return n + r.IntN(2)*r.IntN(20) }
				srcStride, dstStride := stride(), stride()
				p := Preparation{Mul: muls[r.IntN(len(muls))]}
				if rep%4 == 0 {
					p.Mul = 1
				}
				if rep&1 != 0 {
					p.AddStride = stride() * r.IntN(2)
					p.Add = make([]float32, (rows-1)*p.AddStride+n)
					mixed(r, p.Add)
				}
				if rep&2 != 0 {
					p.KeepStride = stride() * r.IntN(2)
					p.Keep = make([]bool, (rows-1)*p.KeepStride+n)
					for i := range p.Keep {
						p.Keep[i] = r.IntN(3) > 0
					}
				}
				x := make([]float32, (rows-1)*srcStride+n)
				mixed(r, x)
				what := fmt.Sprintf("%d rows of %d, mul %v, add %v, keep %v", rows, n, p.Mul, p.Add != nil, p.Keep != nil)

				want := slices.Repeat([]float32{77}, (rows-1)*dstStride+n)
				prepareRowsPlain(want, x, rows, n, dstStride, srcStride, &p)
				got, intact := around[float32](len(want), rep%5, 77)
				l.PrepareRows(got, x, rows, n, dstStride, srcStride, &p)
				sameSlice(t, what, got, want)

				want = slices.Clone(x)
				prepareRowsPlain(want, want, rows, n, srcStride, srcStride, &p)
				in, intactIn := around[float32](len(x), rep%5, 77)
				copy(in, x)
				l.PrepareRows(in, in, rows, n, srcStride, srcStride, &p)
				sameSlice(t, what+", in place", in, want)
				if !intact() || !intactIn() {
					t.Fatalf("%s: written around the slices", what)
				}
			}
		}
	})
}

// TestEmpty has no rows, or rows without elements: nothing is read or written.
func TestEmpty(t *testing.T) {
	for _, l := range Levels() {
		for _, shape := range [][2]int{{0, 0}, {0, 5}, {5, 0}} {
			rows, cols := shape[0], shape[1]
			floats, intact := around[float32](0, 0, 7)
			halves, intactHalves := around[uint16](0, 0, 7)
			keep := make([]bool, 10)
			for _, p := range []Preparation{{Mul: 1}, {Mul: 3}, {Mul: 2, Add: make([]float32, 10)}, {Mul: 1, Keep: keep}} {
				l.PrepareRows(floats, floats, rows, cols, cols, cols, &p)
			}
			l.WidenF16Rows(floats, halves, rows, cols, cols, cols)
			l.WidenBF16Rows(floats, halves, rows, cols, cols, cols)
			l.NarrowF16Rows(halves, floats, rows, cols, cols, cols)
			l.NarrowBF16Rows(halves, floats, rows, cols, cols, cols)
			l.Transpose(floats, floats, rows, cols, cols, cols)
			l.Touch(halves, rows, cols, cols)
			if !intact() || !intactHalves() {
				t.Errorf("level %v: %d rows of %d elements are written", l, rows, cols)
			}
		}
		l.SoftmaxGrad(nil, nil, nil, 1, 1)
		l.LogSoftmaxGrad(nil, nil, nil, 1, 1)
		if y := l.Dot(nil, nil); y != 0 {
			t.Errorf("level %v: the sum of nothing is %v", l, y)
		}
	}
}

// TestPrepareEach takes each pair of special elements, in each lane.
func TestPrepareEach(t *testing.T) {
	levels(t, func(t *testing.T, l Level) {
		for _, mul := range []float32{1, -1, 2, 0.5, 0, 0x1p127, inf, -inf, nan} {
			for _, a := range prepareSpecials {
				x := slices.Repeat(prepareSpecials, 3)
				add := slices.Repeat([]float32{a}, len(x))
				got, want := make([]float32, len(x)), make([]float32, len(x))
				l.Prepare(got, x, mul, add, nil)
				preparePlain(want, x, mul, add, nil)
				sameSlice(t, fmt.Sprintf("fma of %v and %v", mul, a), got, want)
				l.Prepare(got, x, mul, nil, nil)
				preparePlain(want, x, mul, nil, nil)
				sameSlice(t, fmt.Sprintf("times %v", mul), got, want)
			}
		}
	})
}

// conversions are the ones of a level, and the plain ones.
type conversions struct {
	name     string
	widen    func(l Level, dst []float32, src []uint16, rows, cols, dstStride, srcStride int)
	narrow   func(l Level, dst []uint16, src []float32, rows, cols, dstStride, srcStride int)
	wide     func(dst []float32, src []uint16)
	narrowed func(dst []uint16, src []float32)
	bits     uint // how many a float32 loses
}

var formats = []conversions{
	{"F16", Level.WidenF16Rows, Level.NarrowF16Rows, widenF16Plain, narrowF16Plain, 13},
	{"BF16", Level.WidenBF16Rows, Level.NarrowBF16Rows, widenBF16Plain, narrowBF16Plain, 16},
}

// TestWidenAll converts every word, and back: the plain conversions, those of levels, and by
// arithmetic.
func TestWidenAll(t *testing.T) {
	words := make([]uint16, 1<<16)
	for i := range words {
		words[i] = uint16(i)
	}
	for _, c := range formats {
		want := make([]float32, 1<<16)
		c.wide(want, words)
		levels(t, func(t *testing.T, l Level) {
			got := make([]float32, 1<<16)
			c.widen(l, got, words, 1, 1<<16, 0, 0)
			sameSlice(t, c.name, got, want)
			back := make([]uint16, 1<<16)
			c.narrow(l, back, got, 1, 1<<16, 0, 0)
			for i, w := range back {
				if got[i] == got[i] && w != uint16(i) {
					t.Fatalf("%s: %#04x is %v and comes back as %#04x", c.name, i, got[i], w)
				}
			}
		})
	}
}

// TestNarrowDense rounds numbers around the middles of all neighbours and a step of all floats.
func TestNarrowDense(t *testing.T) {
	levels(t, func(t *testing.T, l Level) {
		const block = 1 << 16
		x, got, want := make([]float32, block), make([]uint16, block), make([]uint16, block)
		for _, c := range formats {
			check := func() {
				c.narrow(l, got, x, 1, block, 0, 0)
				c.narrowed(want, x)
				for i, v := range x {
					if got[i] != want[i] {
						t.Fatalf("%s: %v (%#08x) becomes %#04x, want %#04x", c.name, v, math.Float32bits(v), got[i], want[i])
					}
				}
			}
			words, wide := make([]uint16, block), make([]float32, block)
			for i := range words {
				words[i] = uint16(i)
			}
			c.wide(wide, words)
			for d := -2; d <= 2; d++ {
				for i, v := range wide {
					half := uint32(1) << (c.bits - 1)
					if a := math.Abs(float64(v)); c.name == "F16" && a < 0x1p-14 && v == v {
						x[i] = float32(math.Copysign(a+0x1p-25+float64(d)*0x1p-40, float64(v)))
						continue
					}
					x[i] = math.Float32frombits(math.Float32bits(v) + half + uint32(d))
				}
				check()
			}
			const step = 251
			next := uint32(0)
			for range (1 << 32) / step / block {
				for i := range x {
					x[i] = math.Float32frombits(next)
					next += step
				}
				check()
			}
		}
	})
}

// TestConvertRows compares rows of each length, with gaps.
func TestConvertRows(t *testing.T) {
	levels(t, func(t *testing.T, l Level) {
		r := rand.New(rand.NewPCG(11, 2))
		for _, c := range formats {
			for n := 1; n <= 300; n++ {
				for rep := range 4 {
					rows := 1 + r.IntN(3)
					srcStride, dstStride := n+r.IntN(20), n+r.IntN(20)
					what := fmt.Sprintf("%s: %d rows of %d", c.name, rows, n)

					words := make([]uint16, (rows-1)*srcStride+n)
					for i := range words {
						words[i] = uint16(r.Uint32())
					}
					want := slices.Repeat([]float32{77}, (rows-1)*dstStride+n)
					each(want, words, rows, n, dstStride, srcStride, c.wide)
					got, intact := around[float32](len(want), rep, 77)
					c.widen(l, got, words, rows, n, dstStride, srcStride)
					sameSlice(t, what, got, want)

					x := make([]float32, len(words))
					mixed(r, x)
					wantWords := slices.Repeat([]uint16{77}, len(want))
					each(wantWords, x, rows, n, dstStride, srcStride, c.narrowed)
					gotWords, intactWords := around[uint16](len(want), rep, 77)
					c.narrow(l, gotWords, x, rows, n, dstStride, srcStride)
					if !slices.Equal(gotWords, wantWords) {
						t.Fatalf("%s: narrowed, got %x, want %x", what, gotWords, wantWords)
					}
					if !intact() || !intactWords() {
						t.Fatalf("%s: written around the slices", what)
					}
				}
			}
		}
	})
}

// TestSoftmaxMaskedRows has rows of every length with -Inf at random, or up to some element.
func TestSoftmaxMaskedRows(t *testing.T) {
	levels(t, func(t *testing.T, l Level) {
		r := rand.New(rand.NewPCG(11, 3))
		for _, n := range testLengths() {
			for rep := range 16 {
				rows, srcStride, dstStride, p := drawRows(r, n, 1000)
				look := n
				if !l.Fuses(n) || n > 1<<12 {
					look = 1
				}
				x, intactX := around[float32]((rows-1)*srcStride+n, rep%5, 77)
				for i := range rows {
					row := x[i*srcStride:][:n]
					fill(r, []int{0, 0, 0, 1, 3, 4}[r.IntN(6)], row)
					if rep > 8 && r.IntN(2) == 0 {
						special(r, row)
					}
					switch r.IntN(3) {
					case 0:
						for i := range row {
							if r.IntN(3) == 0 {
								row[i] = negInf
							}
						}
					case 1:
						for i := range min(n, r.IntN(20)) {
							row[i] = negInf
						}
					}
					first := max(0, slices.IndexFunc(row[:min(look, n)], func(v float32) bool { return !(v < p.Low) }))
					if _, lim, ok := p.Guess(row[first]); ok {
						unhide(row, lim)
					}
				}
				what := fmt.Sprintf("%d rows of %d, case %d", rows, n, rep)
				check := func(what string, dst, src, want, wantSrc []float32, dstStride int) {
					t.Helper()
					gotP, wantP := p, p
					wantDone := softmaxMaskedPlain(want, wantSrc, rows, n, dstStride, srcStride, &wantP, look)
					if done := l.SoftmaxMaskedRows(dst, src, rows, n, dstStride, srcStride, &gotP); done != wantDone {
						t.Fatalf("%s: did %d, want %d", what, done, wantDone)
					}
					if wantDone < rows && (gotP.At != wantP.At || wantP.At > 0 && gotP.N != wantP.N) {
						t.Fatalf("%s: stopped at %d with N %v, want %d, %v", what, gotP.At, gotP.N, wantP.At, wantP.N)
					}
					sameSlice(t, what, dst, want)
				}
				dst, intactDst := around[float32]((rows-1)*dstStride+n, rep/4%4, 77)
				check(what, dst, x, slices.Clone(dst), x, dstStride)
				in, intactIn := around[float32](len(x), rep%5, 77)
				copy(in, x)
				want := slices.Clone(x)
				check(what+", in place", in, in, want, want, srcStride)
				if !intactX() || !intactDst() || !intactIn() {
					t.Fatalf("%s: written around the slices", what)
				}
			}
		}
	})
}

// TestGradients compares sums bit by bit, and elements; every NaN is the same.
func TestGradients(t *testing.T) {
	levels(t, func(t *testing.T, l Level) {
		r := rand.New(rand.NewPCG(11, 4))
		for n := 1; n <= 300; n++ {
			for rep := range 12 {
				y, intactY := around[float32](n, rep%5, 77)
				dy, intactDy := around[float32](n, rep%3, 77)
				for i := range y {
					y[i], dy[i] = r.Float32(), r.Float32()*2-1
					if rep%3 == 1 {
						y[i] = float32(math.Ldexp(float64(y[i]), r.IntN(200)-140))
						dy[i] = float32(math.Ldexp(float64(dy[i]), r.IntN(200)-140))
					}
				}
				if rep%3 == 2 {
					mixed(r, y)
					if rep%2 == 0 {
						mixed(r, dy)
					}
				}
				if rep%4 == 3 { // logarithms, also of what counts as 0
					for i := range y {
						y[i] *= -100
					}
				}
				what := fmt.Sprintf("n=%d, case %d", n, rep)
				// Where elements are not finite, the totals are theirs.
				totals := [2]float64{r.Float64()*4 - 2, r.Float64()*4 - 2}
				for i, y := range [][]float32{y, nil} {
					got, want := l.Dot(y, dy), dotPlain(y, dy)
					if math.Float64bits(got) != math.Float64bits(want) && (got == got || want == want) {
						t.Fatalf("%s: the sum is %v, want %v", what, got, want)
					}
					if want-want != 0 {
						totals[i] = want
					}
				}
				scale := []float64{1, 0.125, -3, 1e30, math.Inf(1), 1, 1}[r.IntN(7)]
				for _, f := range []struct {
					name      string
					got, want func(dst, y, dy []float32)
				}{
					{"softmax", func(dst, y, dy []float32) { l.SoftmaxGrad(dst, y, dy, totals[0], scale) },
						func(dst, y, dy []float32) { softmaxGradPlain(dst, y, dy, totals[0], scale) }},
					{"log-softmax", func(dst, y, dy []float32) { l.LogSoftmaxGrad(dst, y, dy, totals[1], scale) },
						func(dst, y, dy []float32) { Plain.logSoftmaxGrad(dst, y, dy, totals[1], scale) }},
				} {
					want := make([]float32, n)
					f.want(want, y, dy)
					dst, intact := around[float32](n, rep%4, 77)
					f.got(dst, y, dy)
					sameBits(t, what+", "+f.name, dst, want)
					in, intactIn := around[float32](n, rep%4, 77)
					copy(in, y)
					f.got(in, in, dy)
					sameBits(t, what+", in place of y, "+f.name, in, want)
					copy(in, dy)
					f.got(in, y, in)
					sameBits(t, what+", in place of dy, "+f.name, in, want)
					if !intact() || !intactIn() || !intactY() || !intactDy() {
						t.Fatalf("%s, %s: written around the slices", what, f.name)
					}
				}
			}
		}
	})
}

// TestGradientExponentials has gradients that are exponentials times a constant: of elements of any size, and around the
// least one whose exponential is not 0.
func TestGradientExponentials(t *testing.T) {
	levels(t, func(t *testing.T, l Level) {
		r := rand.New(rand.NewPCG(23, 4))
		const n = 1 << 14
		least := math.Float32bits(-87.33654) - n/2
		y, zeros, got, want := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
		for name, f := range map[string]func(i int) float32{
			"around the least": func(i int) float32 { return math.Float32frombits(least + uint32(i)) },
			"to -110":          func(int) float32 { return -110 * r.Float32() },
			"any":              func(int) float32 { return math.Float32frombits(r.Uint32()) },
		} {
			for i := range y {
				y[i] = f(i)
			}
			l.LogSoftmaxGrad(got, y, zeros, 0x1p90, 1)
			Plain.logSoftmaxGrad(want, y, zeros, 0x1p90, 1)
			sameBits(t, name, got, want)
			if name == "around the least" && (want[0] == 0 || want[n-1] != 0) {
				t.Errorf("%v to %v are on one side", want[0], want[n-1])
			}
		}
	})
}

// TestGradientRows compares rows in one call with one row after the other. The call stops before a row whose total,
// times the scale, is not finite.
func TestGradientRows(t *testing.T) {
	levels(t, func(t *testing.T, l Level) {
		kernels := l != Plain && runtime.GOARCH == "amd64"
		r := rand.New(rand.NewPCG(17, 4))
		for n := range 2000 {
			rows, cols := 1+r.IntN(5), 1+r.IntN(150)
			var strides [3]int
			var data [3][]float32
			var intact [3]func() bool
			for i := range data {
				strides[i] = cols + r.IntN(3)*r.IntN(20)
				data[i], intact[i] = around[float32]((rows-1)*strides[i]+cols, r.IntN(5), 77)
				for j := range data[i] {
					data[i][j] = r.Float32()*2 - 1
				}
			}
			y, dy := data[1], data[2]
			if n%3 == 1 {
				for i := range y {
					y[i] = -100 * r.Float32()
				}
			}
			bad := rows
			if n%2 == 1 {
				bad = r.IntN(rows)
				dy[bad*strides[2]+r.IntN(cols)] = []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))}[r.IntN(3)]
			}
			scale := []float64{1, 1, 0.125, -3}[r.IntN(4)]
			if !kernels {
				bad = 0
			}
			if n%7 == 0 && bad > 0 { // in one row, which only log-softmax's total lacks
				y[r.IntN(bad)*strides[1]+r.IntN(cols)] = math.Float32frombits(0xffc00123)
			}
			for _, log := range []bool{false, true} {
				f, one := l.SoftmaxGradRows, softmaxGradPlain
				end := bad
				if log {
					f, one = l.LogSoftmaxGradRows, Plain.logSoftmaxGrad
				}
				total := func(i int) float64 {
					if log {
						return dotPlain(nil, dy[i*strides[2]:][:cols])
					}
					return dotPlain(y[i*strides[1]:][:cols], dy[i*strides[2]:][:cols])
				}
				for i := range end {
					if x := total(i); x-x != 0 {
						end = i
					}
				}
				for place := range 3 { // of the results, y and dy
					dst, stride := slices.Clone(data[place]), strides[place]
					want := slices.Clone(dst)
					for i := range end {
						one(want[i*stride:][:cols], y[i*strides[1]:][:cols], dy[i*strides[2]:][:cols], total(i), scale)
					}
					in := [3][]float32{dst, y, dy}
					in[place] = dst
					what := fmt.Sprintf("log=%v, %d rows of %d, strides %v, in place of %d", log, rows, cols, strides, place)
					if done := f(dst, in[1], in[2], scale, rows, cols, stride, strides[1], strides[2]); done != end {
						t.Fatalf("%s: %d rows done, want %d", what, done, end)
					}
					sameBits(t, what, dst, want)
				}
			}
			for _, intact := range intact {
				if !intact() {
					t.Fatal("written around the slices")
				}
			}
		}
	})
}

// TestLongCalls: what several calls of a kernel do is what one would.
func TestLongCalls(t *testing.T) {
	const n = 2*Call + 1234
	x, y := make([]float32, n), make([]float32, n)
	for i := range x {
		x[i], y[i] = float32(i%1001)-500, float32(i%77)*0x1p-7
	}
	for _, l := range Levels() {
		for what, a := range map[string][]float32{"dot": y, "sum": nil} {
			if got, want := l.Dot(a, x), dotPlain(a, x); math.Float64bits(got) != math.Float64bits(want) {
				t.Errorf("%v: %s is %v, want %v", l, what, got, want)
			}
		}
		for _, cols := range []int{3, 40, n / 40, n / 3} {
			rows := n / cols
			got, want := make([]float32, n), make([]float32, n)
			l.Transpose(got, x, rows, cols, rows, cols)
			transposePlain(want, x, rows, cols, rows, cols)
			if !slices.Equal(got, want) {
				t.Errorf("%v: transpose of %dx%d", l, rows, cols)
			}
		}
		if got, want := l.FloorOf(x, 1000, 1500), floorOfPlain(x[:n&^(lanes-1)], 1000, 1500); got != want {
			t.Errorf("%v: floor is %v, want %v", l, got, want)
		}
	}
}
