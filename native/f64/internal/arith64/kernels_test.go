package arith64

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/internal/guarded"
	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// specials are elements that don't come up by themselves.
var specials = []float64{negInf, math.NaN(), math.Inf(1), 0, math.Copysign(0, -1), 5e-324, -5e-324, math.MaxFloat64, -math.MaxFloat64,
	Far, -Far, 709.8, -708.4, -745.2, 0.5, math.Float64frombits(0x7ff0000000000001)}

// fill makes elements of one of several classes, below 100 but for specials.
func fill(r *rand.Rand, class int, x []float64) {
	for i := range x {
		switch class {
		case 0:
			x[i] = r.Float64()*20 - 10
		case 1: // spread beyond what is 0
			x[i] = r.Float64()*900 - 800
		case 2: // any order of size
			x[i] = math.Ldexp(r.Float64()*2-1, r.IntN(1080)-1074)
		case 3: // about where the integer changes
			x[i] = (float64(r.IntN(100)-90) + 0.5 + (r.Float64()-0.5)*0x1p-40) * math.Ln2
		case 4:
			x[i] = -Far + r.Float64()*50
		case 5:
			if x[i] = r.Float64(); r.IntN(4) == 0 {
				x[i] = specials[r.IntN(len(specials))]
			}
		}
	}
}

const classes = 6

// TestKernels holds the kernels of every level to those in Go, at every length, with slices that end
// before a page that can't be touched, or begin after one.
func TestKernels(t *testing.T) {
	const most = 4 * Turn
	for _, level := range arith.Levels() {
		if level == Plain {
			continue
		}
		t.Run(level.String(), func(t *testing.T) {
			src := guarded.Pages[float64](t, Chunk)
			dst := guarded.Pages[float64](t, Chunk)
			lengths := []int{500, 1000, Chunk - 1, Chunk}
			for n := range most + 1 {
				lengths = append(lengths, n)
			}
			r := rand.New(rand.NewPCG(1, 2))
			for _, n := range lengths {
				for class := range classes {
					x, y := src[:n], dst[:n]
					if class%2 == 0 {
						x, y = src[len(src)-n:], dst[len(dst)-n:]
					}
					fill(r, class, x)
					compare(t, fmt.Sprintf("%d elements of class %d", n, class), level, y, x, []Scale{One, MakeScale(0.3)}[r.IntN(2)])
				}
			}
		})
	}
}

func compare(t *testing.T, what string, level Level, y, x []float64, s Scale) {
	t.Helper()
	want := make([]float64, len(x))
	m := Max(Plain, x)
	if got := Max(level, x); got != m || math.Signbit(got) != math.Signbit(m) {
		t.Fatalf("%s: max is %v, want %v", what, got, m)
	}
	if !(math.Abs(m*s.Factor) <= Far+100) {
		m = 0 // what is made of such elements is the same, too
	}
	var a, b Sum
	a.SetN(&s, s.N(m))
	a.S[3], a.R[2], a.S[7] = 3, 0x1p-40, 7 // of an earlier sum
	b = a
	before := a
	AddExp(level, x, &a)
	AddExp(Plain, x, &b)
	sameSum(t, what+": sum", &a, &b)
	a, b = before, before
	StoreExp(level, y, x, &a)
	StoreExp(Plain, want, x, &b)
	sameSum(t, what+": sum of sumStore", &a, &b)
	same(t, what+": sumStore", y, want)
	for _, total := range []float64{11.5, 1000.3} {
		for _, d := range []float64{0, 5, 1020} {
			f, _ := MakeFactor(total, 0x1p-40, d)
			ExpScale(level, y, x, &before, &f)
			ExpScale(Plain, want, x, &before, &f)
			same(t, what+": expScale", y, want)
			e := make([]float64, len(x))
			StoreExp(Plain, e, x, &b)
			ScaleStored(level, y, e, &f)
			ScaleStored(Plain, want, e, &f)
			same(t, what+": scale", y, want)
		}
	}
	LogSub(level, y, x, m, s.Factor, 1.25)
	LogSub(Plain, want, x, m, s.Factor, 1.25)
	same(t, what+": logSub", y, want)
	copy(y, x) // in place
	StoreExp(level, y, y, &a)
	StoreExp(Plain, want, x, &b)
	same(t, what+": sumStore in place", y, want)
}

func sameSum(t *testing.T, what string, got, want *Sum) {
	t.Helper()
	same(t, what+", S", got.S[:], want.S[:])
	same(t, what+", R", got.R[:], want.R[:])
}

// same compares bits; a NaN is like any other.
func same(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for i, w := range want {
		if math.Float64bits(got[i]) != math.Float64bits(w) && (got[i] == got[i] || w == w) {
			t.Fatalf("%s: element %d of %d is %v (%#x), want %v (%#x)", what, i, len(want), got[i], math.Float64bits(got[i]), w, math.Float64bits(w))
		}
	}
}

// TestSoftmaxRows holds rows of up to a turn, at every length, to the kernels in Go, with slices that end before
// a page that can't be touched, or begin after one. A row with a special or far element ends a call.
func TestSoftmaxRows(t *testing.T) {
	const rows = 5
	r := rand.New(rand.NewPCG(3, 4))
	src := guarded.Pages[float64](t, 512)
	dst := guarded.Pages[float64](t, 512)
	for _, level := range arith.Levels() {
		if level == Plain || level == arith.NEON {
			continue // have no such kernel
		}
		for draw := range 200 {
			for n := 1; n <= Turn; n++ {
				scale := []Scale{One, MakeScale(0.3), MakeScale(0x1p-500)}[r.IntN(3)]
				stride := n + r.IntN(3)
				used := (rows-1)*stride + n
				x, y := src[:used], dst[:used]
				if draw%2 == 0 {
					x, y = src[len(src)-used:], dst[len(dst)-used:]
				}
				fill(r, draw%classes, x)
				inPlace := draw%5 == 0
				for i := range y {
					if y[i] = 77; inPlace {
						y[i] = x[i]
					}
				}
				from := x
				if inPlace {
					from = y
				}
				hi, lo, m, ok := SumRow(BeforeGo(level, n), from[:n], &scale)
				st := sumOf(x[:n], &scale)
				wantHi, wantLo := st.Total()
				if _, want := softmaxOf(x[:n], &scale); ok != (want && math.Abs(wantLo) >= 0x1p-901) {
					t.Fatalf("level %v: the sum of a row of %d elements is %v, want %v", level, n, ok, want)
				}
				if ok {
					same(t, fmt.Sprintf("level %v: the sum and maximum of %d", level, n), []float64{hi, lo, m}, []float64{wantHi, wantLo, Max(Plain, x[:n])})
				}
				done := SoftmaxRows(level, y, from, rows, n, stride, stride, &scale)
				for i := range rows {
					got, row := y[i*stride:][:n], x[i*stride:][:n]
					want, ok := softmaxOf(row, &scale)
					if i >= done { // not touched
						if want = slices.Repeat([]float64{77}, n); inPlace {
							want = row
						}
					}
					if i <= done && (i < done) != ok {
						t.Fatalf("level %v: %d of %d rows of %d elements done, row %d is %v", level, done, rows, n, i, row)
					}
					same(t, fmt.Sprintf("level %v: row %d of %d x %d", level, i, rows, n), got, want)
					if gap := y[i*stride+n : min((i+1)*stride, used)]; !inPlace && len(gap) > 0 && gap[0] != 77 {
						t.Fatalf("level %v: what lies between rows is %v", level, gap)
					}
				}
			}
		}
	}
}

// softmaxOf is a row by the kernels in Go, if it is regular and not far.
func softmaxOf(x []float64, s *Scale) (y []float64, ok bool) {
	if m := Max(Plain, x); !(math.Abs(m*s.Factor) <= Far) {
		return nil, false
	}
	st := sumOf(x, s)
	y = make([]float64, len(x))
	StoreExp(Plain, y, x, &st)
	hi, lo := st.Total()
	f, _ := MakeFactor(hi, lo, 0)
	ScaleStored(Plain, y, y, &f)
	return y, hi == hi
}

// sumOf is the sum of a row by the kernels in Go.
func sumOf(x []float64, s *Scale) (st Sum) {
	st.SetN(s, s.N(Max(Plain, x)))
	AddExp(Plain, x, &st)
	return st
}

// TestElements holds gradients and prepared elements of every level to those in Go, at every length, in place
// or not, with slices that end before a page that can't be touched, or begin after one.
func TestElements(t *testing.T) {
	var pages [4][]float64
	for i := range pages {
		pages[i] = guarded.Pages[float64](t, 512)
	}
	r := rand.New(rand.NewPCG(5, 6))
	for _, level := range arith.Levels() {
		for draw := range 300 {
			n := draw % 70
			part := func(page []float64, n int) []float64 {
				if draw%2 == 0 {
					return page[len(page)-n:]
				}
				return page[:n:n]
			}
			x, y, add := part(pages[0], n), part(pages[1], n), part(pages[2], n)
			bytes := part(pages[3], (n+7)/8)
			keep := unsafe.Slice((*bool)(unsafe.Pointer(unsafe.SliceData(bytes))), 8*len(bytes))[8*len(bytes)-n:]
			fill(r, draw/2%classes, x)
			fill(r, draw/3%classes, add)
			if draw%7 == 0 {
				for i := range x { // sums beyond float64
					x[i] = math.Copysign(math.MaxFloat64, float64(i%3-1))
					add[i] = math.Copysign(math.MaxFloat64, float64(i%5-2))
				}
			}
			for i := range keep {
				keep[i] = r.IntN(3) > 0
			}
			what := fmt.Sprintf("level %v: %d elements", level, n)
			total, scale := r.Float64()-0.5, []float64{1, 3, -0.1}[draw%3]
			want := make([]float64, n)
			same(t, what+", total", []float64{Total(level, add)}, []float64{Total(Plain, add)})
			for name, f := range map[string]func(l Level, dst []float64){
				"softmax's gradient":     func(l Level, dst []float64) { SoftmaxGrad(l, dst, x, add, scale) },
				"log-softmax's gradient": func(l Level, dst []float64) { LogSoftmaxGrad(l, dst, x, add, total, scale) },
				"added":                  func(l Level, dst []float64) { Prepare(l, dst, x, scale, add, nil) },
				"masked":                 func(l Level, dst []float64) { Prepare(l, dst, x, 1, nil, keep) },
				"both":                   func(l Level, dst []float64) { Prepare(l, dst, x, scale, add, keep) },
				"with a scale of +Inf":   func(l Level, dst []float64) { Prepare(l, dst, x, math.Inf(1), add, keep) },
			} {
				f(level, y)
				f(Plain, want)
				same(t, what+", "+name, y, want)
				for _, v := range y {
					if strings.Contains(name, "gradient") && v != v && math.Float64bits(v) != math.Float64bits(NaN) {
						t.Fatalf("%s: a NaN of %s is %#x", what, name, math.Float64bits(v))
					}
				}
			}
			SoftmaxGrad(Plain, want, x, add, scale)
			SoftmaxGrad(level, x, x, add, scale)
			same(t, what+", in place", x, want)
		}
	}
}
