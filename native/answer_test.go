package native_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

var updateAnswers = flag.Bool("answers.update", false, "write testdata/answers.txt anew; a change of it is a change of the contract")

// hash is FNV-1a of the bits of floats.
type hash uint64

func (h *hash) add(xs ...float32) {
	if *h == 0 {
		*h = 14695981039346656037
	}
	for _, x := range xs {
		w := math.Float32bits(x)
		for range 4 {
			*h = (*h ^ hash(w&0xff)) * 1099511628211
			w >>= 8
		}
	}
}

// answerLengths reach every part of a kernel, and three chunks.
var answerLengths = []int{1, 2, 5, 8, 15, 16, 17, 31, 48, 64, 65, 100, 127, 128, 129, 192, 300, 1000, 4099, 2*arith.Chunk + 77}

// answerRows are the rows of a class.
func answerRows(class inputs.Class) (rows [][]float32) {
	for _, n := range answerLengths {
		if n <= arith.Chunk || hasLong(class) {
			rows = append(rows, class.Row(uint64(n), n))
		}
	}
	return rows
}

// hasLong says of which classes there are rows of three chunks.
func hasLong(class inputs.Class) bool { return class%4 == 1 }

// answers are hashes of results for rows, by function, computed in one of the ways in which they can
// be: the same in all.
func answers(way options, inPlace bool, rowsOfClass [][]float32) map[string]hash {
	all := make(map[string]hash)
	for _, x := range rowsOfClass {
		n := len(x)
		for name, f := range answered {
			rows, stride := 1, n
			src := slices.Clone(x)
			if n < 5000 && way.goroutines > 1 { // as one of several rows, with gaps
				rows, stride = 3, n+7
				src = slices.Repeat(append(slices.Clone(x), make([]float32, 7)...), 3)[:2*stride+n]
			}
			dst := src
			if !inPlace {
				dst = make([]float32, len(src))
			}
			o := way
			o.scale = f.scale
			y := f.run(o, rows, n, stride, dst, src)
			h := all[name]
			h.add(y...)
			all[name] = h
		}
	}
	return all
}

// answered are the functions of the table of answers. They return the results of the last row.
var answered = map[string]struct {
	scale float32
	run   func(o options, rows, n, stride int, dst, src []float32) []float32
}{
	"softmax":            {0, softmaxAnswer},
	"softmax x 0.7":      {0.7, softmaxAnswer},
	"softmax x -3":       {-3, softmaxAnswer},
	"log-softmax":        {0, logSoftmaxAnswer},
	"log-softmax x 0.01": {0.01, logSoftmaxAnswer},
	"log-sum-exp":        {0, logSumExpAnswer},
	"log-sum-exp x 2.5":  {2.5, logSumExpAnswer},
	"softmax x 1, 0.7, 0.7": {0, func(o options, rows, n, stride int, dst, src []float32) []float32 {
		o.scales = []float32{1, 0.7, 0.7}[3-rows:]
		return softmaxAnswer(o, rows, n, stride, dst, src)
	}},
	"log-probs": {2, func(o options, rows, n, stride int, dst, src []float32) (y []float32) {
		p := make([]float32, rows)
		for k := range 5 {
			index := slices.Repeat([]int{k * (n - 1) / 4}, rows)
			native.LogProbs(p, mat(src, rows, n, stride), index, o.native(&call{rows: rows, cols: n}))
			y = append(y, p[rows-1])
		}
		return y
	}},
	"top-k": {0.5, func(o options, rows, n, stride int, dst, src []float32) []float32 {
		k := min(n, 3)
		p, index := native.Rows(make([]float32, rows*k), k), native.Rows(make([]int, rows*k), k)
		native.TopK(p, index, mat(src, rows, n, stride), o.native(&call{rows: rows, cols: n}))
		y := p.Data[(rows-1)*k:]
		for _, i := range index.Data[(rows-1)*k:] {
			y = append(y, float32(i))
		}
		return y
	}},
	"softmax masked": {0.3, func(o options, rows, n, stride int, dst, src []float32) []float32 {
		c := &call{rows: rows, cols: n}
		o.add, o.causal, o.offset = inputs.Normal.Row(uint64(n), n), true, n-n/5-rows // for the last row
		native.SoftmaxRows(mat(dst, rows, n, stride), mat(src, rows, n, stride), o.native(c))
		return dst[(rows-1)*stride:][:n]
	}},
	"softmax bfloat16": {0, func(o options, rows, n, stride int, dst, src []float32) (y []float32) {
		h := make([]native.BFloat16, n)
		for i, x := range src[(rows-1)*stride:][:n] {
			h[i] = native.ToBFloat16(x)
		}
		native.SoftmaxRows(native.Row(h), native.Row(h), o.native(&call{rows: 1, cols: n}))
		for _, h := range h {
			y = append(y, h.Float32())
		}
		return y
	}},
	"softmax float16": {0, func(o options, rows, n, stride int, dst, src []float32) (y []float32) {
		h := make([]native.Float16, n)
		native.SoftmaxRows(native.Row(h), native.Row(src[(rows-1)*stride:][:n]), o.native(&call{rows: 1, cols: n}))
		for _, h := range h {
			y = append(y, h.Float32())
		}
		return y
	}},
	"gradients": {0.5, func(o options, rows, n, stride int, dst, src []float32) []float32 {
		p := make([]float32, n)
		last := slices.Clone(src[(rows-1)*stride:][:n])
		n1 := &call{rows: 1, cols: n}
		native.LogSoftmaxRows(native.Row(p), native.Row(last), o.native(n1))
		native.LogSoftmaxGradRows(native.Row(last), native.Row(p), native.Row(last), o.native(n1))
		native.SoftmaxGrad(p, p, last)
		return append(p, last...)
	}},
	"exponentials": {0.5, func(o options, rows, n, stride int, dst, src []float32) []float32 {
		sums, factors, options := make([]native.Accumulator, 1), make([]float32, 2), o.native(&call{rows: 1, cols: n})
		x := native.Row(slices.Clone(src[(rows-1)*stride:][:n]))
		for i, part := range []native.Matrix[float32]{native.Row(x.Data[:n/3]), native.Row(x.Data[n/3:])} {
			native.ExpRows(part, part, sums, factors[i:i+1], options)
		}
		y := native.Row(make([]float32, n))
		native.DivideRows(y, x, sums, options)
		return slices.Concat(x.Data, y.Data, factors, []float32{sums[0].Reciprocal()})
	}},
	"softmax along an axis": {0.7, func(o options, _, n, _ int, _, src []float32) []float32 {
		y := besideOthers(src[:n])
		native.SoftmaxAxis(y, y, o.native(nil))
		return ofColumns(y)
	}},
	"logarithms along an axis": {0.7, func(o options, _, n, _ int, _, src []float32) []float32 {
		x, of := besideOthers(src[:n]), o.native(nil)
		sums := make([]float32, x.Inner)
		native.LogSumExpAxis(sums, x, of)
		native.LogSoftmaxAxis(x, x, of)
		return append(ofColumns(x), sums...)
	}},
	"accumulator": {0.5, func(o options, rows, n, stride int, dst, src []float32) []float32 {
		a, b := o.accumulator(), o.accumulator()
		x := slices.Clone(src[(rows-1)*stride:][:n])
		a.Add(x[:n/3])
		b.Add(x[n/3:])
		a.Merge(&b)
		data, err := a.MarshalText()
		if err != nil {
			panic(err)
		}
		a.Softmax(x, x)
		for _, d := range data {
			x = append(x, float32(d))
		}
		return append(x, a.LogSumExp())
	}},
}

// besideOthers is a tensor of columns: x, and x in other orders, as many as kernels for columns do.
func besideOthers(x []float32) native.Tensor[float32] {
	columns := 17
	if len(x) > 1000 {
		columns = 2
	}
	t := native.Along(make([]float32, len(x)*columns), []int{len(x), columns}, 0)
	for k := range x {
		from := k
		for c := range columns {
			t.Data[k*columns+c] = x[from]
			if from++; from == len(x) {
				from = 0
			}
		}
	}
	return t
}

// ofColumns are the first column and the last one.
func ofColumns(t native.Tensor[float32]) (y []float32) {
	for k := range t.Axis {
		y = append(y, t.Data[k*t.Inner], t.Data[(k+1)*t.Inner-1])
	}
	return y
}

func softmaxAnswer(o options, rows, n, stride int, dst, src []float32) []float32 {
	native.SoftmaxRows(mat(dst, rows, n, stride), mat(src, rows, n, stride), o.native(&call{rows: rows, cols: n}))
	return dst[(rows-1)*stride:][:n]
}

func logSoftmaxAnswer(o options, rows, n, stride int, dst, src []float32) []float32 {
	native.LogSoftmaxRows(mat(dst, rows, n, stride), mat(src, rows, n, stride), o.native(&call{rows: rows, cols: n}))
	return dst[(rows-1)*stride:][:n]
}

func logSumExpAnswer(o options, rows, n, stride int, dst, src []float32) []float32 {
	y := make([]float32, rows)
	native.LogSumExpRows(y, mat(src, rows, n, stride), o.native(&call{rows: rows, cols: n}))
	return y[rows-1:]
}

// TestOneAnswer holds the results of every function to testdata/answers.txt, the same file on every
// platform: at every level of instructions, by every algorithm, by one goroutine and several, with
// strides, in place. With -short only the widest level's first way has all classes. Its others have a
// fifth, and so have other levels, which go one way, and have no long rows.
func TestOneAnswer(t *testing.T) {
	const file = "testdata/answers.txt"
	classes := append(inputs.Classes(), inputs.Hard()...)
	rowsOf := make(map[inputs.Class]func() [][]float32) // nothing writes them
	for _, class := range classes {
		rowsOf[class] = sync.OnceValue(func() [][]float32 { return answerRows(class) })
	}
	if *updateAnswers {
		var lines []string
		for _, class := range classes {
			for name, h := range answers(options{}, false, rowsOf[class]()) {
				lines = append(lines, fmt.Sprintf("%s %v\t%016x", name, class, uint64(h)))
			}
		}
		slices.Sort(lines)
		var b bytes.Buffer
		for _, line := range lines {
			key, h, _ := strings.Cut(line, "\t")
			fmt.Fprintf(&b, "%s %s\n", h, key)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]string)
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		h, key, _ := strings.Cut(s.Text(), " ")
		want[key] = h
	}
	if n := len(answered) * len(classes); n != len(want) {
		t.Errorf("%d functions of %d classes, %s has %d hashes", len(answered), len(classes), file, len(want))
	}
	ways := []options{{algorithm: native.Auto}, {algorithm: native.Recompute, goroutines: 3, streaming: true}, {algorithm: native.Store, goroutines: 2}}
	for l, level := range levels() {
		widest := l == len(levels())-1
		for i, way := range ways {
			way.level = level
			if testing.Short() && !widest && i > 0 {
				continue
			}
			t.Run(fmt.Sprintf("%v/%v", level, way.algorithm), func(t *testing.T) {
				way.use()
				for k, class := range classes {
					if testing.Short() && (!(widest && i == 0) && k%5 != (l+i)%5 || !widest && hasLong(class)) {
						continue
					}
					t.Run(class.String(), func(t *testing.T) {
						t.Parallel()
						for name, h := range answers(way, i == 2, rowsOf[class]()) {
							key := name + " " + class.String()
							if text := fmt.Sprintf("%016x", uint64(h)); text != want[key] {
								t.Errorf("%d goroutines: %s has the hash %s, want %s", way.goroutines, key, text, want[key])
							}
						}
					})
				}
			})
		}
	}
}
