package native_test

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"unsafe"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// This file is all that the table of tests (table_test.go) knows of the API.

// options are what any form may be told, together.
type options struct {
	level      arith.Level
	algorithm  native.Algorithm
	goroutines int
	streaming  bool
	zeroRows   bool
	scale      float32 // 0 for none
	mask
}

// mask is what takes elements out or weighs them down.
type mask struct {
	add    []float32
	keep   []bool
	stride int // between two rows in add and keep, 0 if they are one row for all
	causal bool
	offset int
	scales []float32 // one for each row, instead of options.scale
}

// scaleOf is the scale of row i.
func (o *options) scaleOf(i int) float32 {
	if len(o.scales) > 0 {
		return o.scales[i]
	}
	return o.scale
}

// use makes functions use the level from here on. Parallel tests may call it for the level in use.
func (o options) use() {
	if arith.Best != o.level {
		arith.Best = o.level
	}
}

// native are the options for a call. From here on functions use the level.
func (o options) native(c *call) *native.Options {
	o.use()
	n := &native.Options{Scale: o.scale, Causal: o.causal, Offset: o.offset, ZeroRows: o.zeroRows,
		Goroutines: o.goroutines, Algorithm: o.algorithm, Streaming: o.streaming}
	n.Add, n.Keep = maskOf(o.add, o.stride, c), maskOf(o.keep, o.stride, c)
	if len(o.scales) > 0 {
		n.Scale, n.Scales = 0, o.scales
	}
	return n
}

func maskOf[T any](data []T, stride int, c *call) native.Matrix[T] {
	if stride == 0 {
		return native.Row(data)
	}
	return native.Matrix[T]{Rows: c.rows, Cols: c.cols, Data: data, Stride: stride}
}

// levels are the levels of instructions that run here.
var levels = sync.OnceValue(func() []arith.Level {
	os.Getenv(arith.Env) // of which the go command's cache of test results learns only while a test runs
	return arith.Levels()
})

func algorithms() []native.Algorithm {
	return []native.Algorithm{native.Store, native.Recompute, native.Auto}
}

// what is what a form computes.
type what uint8

const (
	softmax what = iota
	logSoftmax
	logSumExp
	softmaxGrad
	logSoftmaxGrad
)

func (w what) gradient() bool { return w >= softmaxGrad }

// takes is the set of what a form can be told.
type takes uint16

const (
	leveled  takes = 1 << iota
	settings       // algorithm, goroutines, streaming
	scaling        // by positive numbers
	negating       // by negative ones
	zeroing
	masking
	noMasking // it can be told, but has no effect
	rows      // several, with strides
	placing   // dst may be src
	pieces    // the row comes in several

	all       = leveled | settings | scaling | negating | zeroing | masking | placing
	gradient  = leveled | settings | scaling | negating | noMasking | placing | rows
	piecemeal = leveled | scaling | placing | pieces
)

// form is one way to compute.
type form struct {
	name string
	what
	takes
	src, dst kind
	run      func(o options, c *call)
}

// call has the operands of a call.
type call struct {
	rows, cols int
	dst, src   matrix
	dy         matrix // of gradients, whose src is y
	ends       []int  // of the pieces
}

// kind is a type of elements.
type kind uint8

const (
	f32 kind = iota
	f16
	bf16
)

// matrix has elements of one type.
type matrix struct {
	kind
	f      []float32
	h      []uint16
	stride int
}

// of is a matrix's elements, as the API takes them.
func of[T native.Element](m matrix) []T {
	if m.kind == f32 {
		return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(m.f))), len(m.f))
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(m.h))), len(m.h))
}

// value is a 16-bit number's.
func (k kind) value(h uint16) float32 {
	if k == f16 {
		return native.Float16(h).Float32()
	}
	return native.BFloat16(h).Float32()
}

// round is the 16-bit number next to x.
func (k kind) round(x float32) uint16 {
	if k == f16 {
		return uint16(native.ToFloat16(x))
	}
	return uint16(native.ToBFloat16(x))
}

func kindOf[T native.Element]() (k kind) {
	switch any(T(0)).(type) {
	case native.Float16:
		return f16
	case native.BFloat16:
		return bf16
	}
	return f32
}

// matrixOf is a matrix as the API takes it.
func matrixOf[T native.Element](m matrix, c *call) native.Matrix[T] {
	return native.Matrix[T]{Rows: c.rows, Cols: c.cols, Data: of[T](m), Stride: max(m.stride, c.cols)}
}

// of2 lists the forms for a pair of types.
func of2[D, S native.Element]() []form {
	takes := all | rows
	if (kindOf[D]() == f32) != (kindOf[S]() == f32) {
		takes &^= placing
	}
	name := func(s string) string { return fmt.Sprintf("%s[%T,%T]", s, D(0), S(0)) }
	return []form{
		{name: name("SoftmaxRows"), what: softmax, takes: takes, dst: kindOf[D](), src: kindOf[S](), run: func(o options, c *call) {
			native.SoftmaxRows(matrixOf[D](c.dst, c), matrixOf[S](c.src, c), o.native(c))
		}},
		{name: name("LogSoftmaxRows"), what: logSoftmax, takes: takes, dst: kindOf[D](), src: kindOf[S](), run: func(o options, c *call) {
			native.LogSoftmaxRows(matrixOf[D](c.dst, c), matrixOf[S](c.src, c), o.native(c))
		}},
	}
}

func of1[S native.Element]() []form {
	return []form{
		{name: fmt.Sprintf("LogSumExpRows[%T]", S(0)), what: logSumExp, takes: all&^placing | rows, src: kindOf[S](), run: func(o options, c *call) {
			native.LogSumExpRows(c.dst.f[:c.rows], matrixOf[S](c.src, c), o.native(c))
		}},
		{name: fmt.Sprintf("LogProbs[%T]", S(0)), what: logSoftmax, takes: all&^placing | rows, src: kindOf[S](), run: logProbs[S]},
		{name: fmt.Sprintf("TopK[%T]", S(0)), what: softmax, takes: all&^placing | rows, src: kindOf[S](), run: topK[S]},
	}
}

// logProbs writes a log-softmax, some columns by LogProbs.
func logProbs[S native.Element](o options, c *call) {
	n, dst, src := o.native(c), matrixOf[float32](c.dst, c), matrixOf[S](c.src, c)
	native.LogSoftmaxRows(dst, src, n)
	few, index := make([]float32, c.rows), make([]int, c.rows)
	for _, k := range []int{0, c.cols / 3, c.cols / 2, c.cols - 1} {
		for i := range index {
			index[i] = (k + i*(c.cols/5)) % c.cols
		}
		native.LogProbs(few, src, index, n)
		for i, k := range index {
			dst.Data[i*dst.Stride+k] = few[i]
		}
	}
}

// tensorOf is a matrix as a tensor whose axis is the last.
func tensorOf[T native.Element](m matrix, c *call) native.Tensor[T] {
	return native.Tensor[T]{Outer: c.rows, Axis: c.cols, Inner: 1, Data: of[T](m), OuterStride: max(m.stride, c.cols), AxisStride: 1}
}

// axes lists the forms along an axis.
func axes[D, S native.Element]() []form {
	takes := all | rows
	if (kindOf[D]() == f32) != (kindOf[S]() == f32) {
		takes &^= placing
	}
	name := func(s string) string { return fmt.Sprintf("%s[%T,%T]", s, D(0), S(0)) }
	return []form{
		{name: name("SoftmaxAxis"), what: softmax, takes: takes, dst: kindOf[D](), src: kindOf[S](), run: func(o options, c *call) {
			native.SoftmaxAxis(tensorOf[D](c.dst, c), tensorOf[S](c.src, c), o.native(c))
		}},
		{name: name("LogSoftmaxAxis"), what: logSoftmax, takes: takes, dst: kindOf[D](), src: kindOf[S](), run: func(o options, c *call) {
			native.LogSoftmaxAxis(tensorOf[D](c.dst, c), tensorOf[S](c.src, c), o.native(c))
		}},
		{name: name("LogSumExpAxis"), what: logSumExp, takes: all&^placing | rows, src: kindOf[S](), run: func(o options, c *call) {
			native.LogSumExpAxis(c.dst.f[:c.rows], tensorOf[S](c.src, c), o.native(c))
		}},
	}
}

// topK writes a softmax, its largest elements by TopK.
func topK[S native.Element](o options, c *call) {
	n, dst, src := o.native(c), matrixOf[float32](c.dst, c), matrixOf[S](c.src, c)
	native.SoftmaxRows(dst, src, n)
	if c.cols == 0 {
		return // there is no k
	}
	k := min(c.cols, 1+c.cols%50)
	probs, index := native.Rows(make([]float32, c.rows*k), k), native.Rows(make([]int, c.rows*k), k)
	native.TopK(probs, index, src, n)
	for i := range c.rows {
		for m, p := range probs.Data[i*k:][:k] {
			dst.Data[i*dst.Stride+index.Data[i*k+m]] = p
		}
	}
}

// forms lists every public form.
var forms = slices.Concat([]form{
	{name: "Softmax", what: softmax, takes: leveled | placing, run: func(o options, c *call) { o.native(c); native.Softmax(c.dst.f, c.src.f) }},
	{name: "LogSoftmax", what: logSoftmax, takes: leveled | placing, run: func(o options, c *call) { o.native(c); native.LogSoftmax(c.dst.f, c.src.f) }},
	{name: "LogSumExp", what: logSumExp, takes: leveled, run: func(o options, c *call) { o.native(c); c.dst.f[0] = native.LogSumExp(c.src.f) }},
	{name: "SoftmaxGrad", what: softmaxGrad, takes: leveled | placing, run: func(o options, c *call) { o.native(c); native.SoftmaxGrad(c.dst.f, c.src.f, c.dy.f) }},
	{name: "LogSoftmaxGrad", what: logSoftmaxGrad, takes: leveled | placing, run: func(o options, c *call) { o.native(c); native.LogSoftmaxGrad(c.dst.f, c.src.f, c.dy.f) }},
	{name: "SoftmaxGradRows", what: softmaxGrad, takes: gradient, run: func(o options, c *call) {
		native.SoftmaxGradRows(matrixOf[float32](c.dst, c), matrixOf[float32](c.src, c), matrixOf[float32](c.dy, c), o.native(c))
	}},
	{name: "LogSoftmaxGradRows", what: logSoftmaxGrad, takes: gradient, run: func(o options, c *call) {
		native.LogSoftmaxGradRows(matrixOf[float32](c.dst, c), matrixOf[float32](c.src, c), matrixOf[float32](c.dy, c), o.native(c))
	}},
},
	expRows[float32](), expRows[native.Float16](), expRows[native.BFloat16](), []form{{name: "ExpRows in blocks", what: softmax, takes: piecemeal | negating, run: expBlocks}},
	axes[float32, float32](), axes[native.Float16, native.BFloat16](), axes[native.BFloat16, float32](),
	of1[float32](), of1[native.Float16](), of1[native.BFloat16](),
	accumulators("added", addPieces), accumulators("merged", mergePieces), accumulators("marshalled", marshalPieces),
	of2[float32, float32](), of2[float32, native.Float16](), of2[float32, native.BFloat16](),
	of2[native.Float16, float32](), of2[native.Float16, native.Float16](), of2[native.Float16, native.BFloat16](),
	of2[native.BFloat16, float32](), of2[native.BFloat16, native.Float16](), of2[native.BFloat16, native.BFloat16](),
)

// expRows lists the softmax by exponentials in one block.
func expRows[S native.Element]() []form {
	takes := all | rows
	if kindOf[S]() != f32 {
		takes &^= placing
	}
	return []form{{name: fmt.Sprintf("ExpRows[%T]", S(0)), what: softmax, takes: takes, src: kindOf[S](), run: func(o options, c *call) {
		dst, sums, options := matrixOf[float32](c.dst, c), make([]native.Accumulator, c.rows), o.native(c)
		native.ExpRows(dst, matrixOf[S](c.src, c), sums, make([]float32, c.rows), options)
		native.DivideRows(dst, dst, sums, options)
	}}}
}

// expBlocks is the softmax by exponentials in blocks: what is there already is scaled.
func expBlocks(o options, c *call) {
	sums, factors, options := make([]native.Accumulator, 1), make([]float32, 1), o.native(c)
	done := 0
	eachPiece(c, func(dst, src []float32) {
		native.ExpRows(native.Row(dst), native.Row(src), sums, factors, options)
		for i := range c.dst.f[:done] {
			c.dst.f[i] *= factors[0]
		}
		done += len(src)
	})
	native.DivideRows(native.Row(c.dst.f), native.Row(c.dst.f), sums, options)
}

// eachPiece calls f with the pieces of dst and src.
func eachPiece(c *call, f func(dst, src []float32)) {
	first := 0
	for _, end := range c.ends {
		dst := c.dst.f // of a log-sum-exp, which has one element
		if len(dst) == c.cols {
			dst = dst[first:end]
		}
		f(dst, c.src.f[first:end])
		first = end
	}
}

// accumulators lists the forms of an accumulator that gets its pieces by collect.
func accumulators(how string, collect func(o options, c *call) native.Accumulator) []form {
	name := func(s string) string { return "Accumulator." + s + " " + how }
	return []form{
		{name: name("Softmax"), what: softmax, takes: piecemeal, run: func(o options, c *call) {
			a := collect(o, c)
			eachPiece(c, a.Softmax)
		}},
		{name: name("LogSoftmax"), what: logSoftmax, takes: piecemeal, run: func(o options, c *call) {
			a := collect(o, c)
			eachPiece(c, a.LogSoftmax)
		}},
		{name: name("LogSumExp"), what: logSumExp, takes: piecemeal &^ placing, run: func(o options, c *call) {
			a := collect(o, c)
			c.dst.f[0] = a.LogSumExp()
		}},
	}
}

// accumulator is an empty one. From here on functions use the level.
func (o options) accumulator() native.Accumulator {
	o.use()
	if o.scale == 0 {
		return native.Accumulator{}
	}
	return native.NewAccumulator(o.scale)
}

func addPieces(o options, c *call) native.Accumulator {
	a := o.accumulator()
	eachPiece(c, func(_, src []float32) { a.Add(src) })
	return a
}

func mergePieces(o options, c *call) native.Accumulator {
	a := o.accumulator()
	eachPiece(c, func(_, src []float32) {
		b := o.accumulator()
		b.Add(src)
		a.Merge(&b)
	})
	return a
}

func marshalPieces(o options, c *call) native.Accumulator {
	a := o.accumulator()
	eachPiece(c, func(_, src []float32) {
		sent, got := o.accumulator(), o.accumulator()
		sent.Add(src)
		data, err := sent.MarshalBinary()
		if err == nil {
			err = got.UnmarshalBinary(data)
		}
		if err != nil {
			panic(err)
		}
		a.Merge(&got)
	})
	return a
}
