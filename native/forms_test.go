package native_test

import (
	"fmt"
	"slices"
	"sync"
	"unsafe"

	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/ukernel"
)

// This file is all that the table of tests (table_test.go) knows of the API.

// options are what any form may be told, together.
type options struct {
	level      ukernel.ISA
	algorithm  ukernel.Algorithm
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
}

func (o options) softmaxer() (native.Softmaxer, error) {
	set := []native.Option{native.WithISA(o.level), native.WithAlgorithm(o.algorithm), native.WithGoroutines(max(1, o.goroutines))}
	if o.streaming {
		set = append(set, native.WithStreaming())
	}
	if o.zeroRows {
		set = append(set, native.WithZeroRows())
	}
	if o.scale != 0 {
		set = append(set, native.WithScale(o.scale))
	}
	s, err := native.New(set...)
	m := o.mask
	return s.Masked(native.Mask{Add: m.add, Keep: m.keep, Stride: m.stride, Causal: m.causal, Offset: m.offset}), err
}

// levels are the levels of instructions that run here.
var levels = sync.OnceValue(native.Levels)

func algorithms() []ukernel.Algorithm { return append(ukernel.Algorithms(), ukernel.Auto) }

// what is what a form computes.
type what uint8

const (
	softmax what = iota
	logSoftmax
	logSumExp
	softmaxGrad
	logSoftmaxGrad
)

func (w what) log() bool      { return w == logSoftmax || w == logSoftmaxGrad }
func (w what) gradient() bool { return w >= softmaxGrad }

// takes is the set of what a form can be told.
type takes uint16

const (
	settings takes = 1 << iota // level, algorithm, goroutines, streaming
	scaling
	zeroing
	masking
	noMasking // it can be told, but has no effect
	rows      // several, with strides
	placing   // dst may be src
	pieces    // the row comes in several

	all       = settings | scaling | zeroing | masking | placing
	gradient  = settings | scaling | noMasking | placing
	piecemeal = settings | scaling | zeroing | noMasking | placing | pieces
)

// form is one way to compute.
type form struct {
	name string
	what
	takes
	src, dst kind
	run      func(s native.Softmaxer, c *call)
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
func of[T native.Output](m matrix) []T {
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

func kindOf[T native.Output]() (k kind) {
	switch any(T(0)).(type) {
	case native.Float16:
		return f16
	case native.BFloat16:
		return bf16
	}
	return f32
}

// half lists the forms for one pair of types.
func half[D native.Output, S native.Half]() []form {
	place := placing
	if kindOf[D]() == f32 {
		place = 0
	}
	name := func(s string) string { return fmt.Sprintf("%s[%T,%T]", s, D(0), S(0)) }
	fs := []form{
		{name: name("SoftmaxHalf"), what: softmax, takes: all, run: func(s native.Softmaxer, c *call) { native.SoftmaxHalf(s, of[D](c.dst), of[S](c.src)) }},
		{name: name("LogSoftmaxHalf"), what: logSoftmax, takes: all, run: func(s native.Softmaxer, c *call) { native.LogSoftmaxHalf(s, of[D](c.dst), of[S](c.src)) }},
		{name: name("SoftmaxHalfRows"), what: softmax, takes: all | rows, run: func(s native.Softmaxer, c *call) {
			native.SoftmaxHalfRows(s, of[D](c.dst), of[S](c.src), c.rows, c.cols, c.dst.stride, c.src.stride)
		}},
		{name: name("LogSoftmaxHalfRows"), what: logSoftmax, takes: all | rows, run: func(s native.Softmaxer, c *call) {
			native.LogSoftmaxHalfRows(s, of[D](c.dst), of[S](c.src), c.rows, c.cols, c.dst.stride, c.src.stride)
		}},
	}
	if place == 0 {
		fs = append(fs, form{name: name("LogSumExpHalf"), what: logSumExp, takes: all, run: func(s native.Softmaxer, c *call) {
			c.dst.f[0] = native.LogSumExpHalf(s, of[S](c.src))
		}})
	}
	for i := range fs {
		fs[i].takes = fs[i].takes&^placing | place
		fs[i].dst, fs[i].src = kindOf[D](), kindOf[S]()
	}
	return fs
}

// forms lists every public form.
var forms = slices.Concat([]form{
	{name: "Softmax", what: softmax, takes: placing, run: func(_ native.Softmaxer, c *call) { native.Softmax(c.dst.f, c.src.f) }},
	{name: "LogSoftmax", what: logSoftmax, takes: placing, run: func(_ native.Softmaxer, c *call) { native.LogSoftmax(c.dst.f, c.src.f) }},
	{name: "LogSumExp", what: logSumExp, run: func(_ native.Softmaxer, c *call) { c.dst.f[0] = native.LogSumExp(c.src.f) }},
	{name: "SoftmaxRows", what: softmax, takes: placing | rows, run: func(_ native.Softmaxer, c *call) {
		native.SoftmaxRows(c.dst.f, c.src.f, c.rows, c.cols, c.dst.stride, c.src.stride)
	}},
	{name: "LogSoftmaxRows", what: logSoftmax, takes: placing | rows, run: func(_ native.Softmaxer, c *call) {
		native.LogSoftmaxRows(c.dst.f, c.src.f, c.rows, c.cols, c.dst.stride, c.src.stride)
	}},
	{name: "LogSumExpRows", what: logSumExp, takes: rows, run: func(_ native.Softmaxer, c *call) {
		native.LogSumExpRows(c.dst.f, c.src.f, c.rows, c.cols, c.src.stride)
	}},
	{name: "SoftmaxGrad", what: softmaxGrad, takes: placing, run: func(_ native.Softmaxer, c *call) { native.SoftmaxGrad(c.dst.f, c.src.f, c.dy.f) }},
	{name: "LogSoftmaxGrad", what: logSoftmaxGrad, takes: placing, run: func(_ native.Softmaxer, c *call) { native.LogSoftmaxGrad(c.dst.f, c.src.f, c.dy.f) }},

	{name: "Softmaxer.Softmax", what: softmax, takes: all, run: func(s native.Softmaxer, c *call) { s.Softmax(c.dst.f, c.src.f) }},
	{name: "Softmaxer.LogSoftmax", what: logSoftmax, takes: all, run: func(s native.Softmaxer, c *call) { s.LogSoftmax(c.dst.f, c.src.f) }},
	{name: "Softmaxer.LogSumExp", what: logSumExp, takes: all &^ placing, run: func(s native.Softmaxer, c *call) { c.dst.f[0] = s.LogSumExp(c.src.f) }},
	{name: "Softmaxer.SoftmaxRows", what: softmax, takes: all | rows, run: func(s native.Softmaxer, c *call) {
		s.SoftmaxRows(c.dst.f, c.src.f, c.rows, c.cols, c.dst.stride, c.src.stride)
	}},
	{name: "Softmaxer.LogSoftmaxRows", what: logSoftmax, takes: all | rows, run: func(s native.Softmaxer, c *call) {
		s.LogSoftmaxRows(c.dst.f, c.src.f, c.rows, c.cols, c.dst.stride, c.src.stride)
	}},
	{name: "Softmaxer.LogSumExpRows", what: logSumExp, takes: all&^placing | rows, run: func(s native.Softmaxer, c *call) {
		s.LogSumExpRows(c.dst.f, c.src.f, c.rows, c.cols, c.src.stride)
	}},
	{name: "Softmaxer.SoftmaxGrad", what: softmaxGrad, takes: gradient, run: func(s native.Softmaxer, c *call) { s.SoftmaxGrad(c.dst.f, c.src.f, c.dy.f) }},
	{name: "Softmaxer.LogSoftmaxGrad", what: logSoftmaxGrad, takes: gradient, run: func(s native.Softmaxer, c *call) { s.LogSoftmaxGrad(c.dst.f, c.src.f, c.dy.f) }},
	{name: "Softmaxer.SoftmaxGradRows", what: softmaxGrad, takes: gradient | rows, run: func(s native.Softmaxer, c *call) {
		s.SoftmaxGradRows(c.dst.f, c.src.f, c.dy.f, c.rows, c.cols, c.dst.stride, c.src.stride, c.dy.stride)
	}},
	{name: "Softmaxer.LogSoftmaxGradRows", what: logSoftmaxGrad, takes: gradient | rows, run: func(s native.Softmaxer, c *call) {
		s.LogSoftmaxGradRows(c.dst.f, c.src.f, c.dy.f, c.rows, c.cols, c.dst.stride, c.src.stride, c.dy.stride)
	}},
},
	accumulators("added", addPieces), accumulators("merged", mergePieces), accumulators("marshalled", marshalPieces),
	half[float32, native.Float16](), half[float32, native.BFloat16](),
	half[native.Float16, native.Float16](), half[native.Float16, native.BFloat16](),
	half[native.BFloat16, native.Float16](), half[native.BFloat16, native.BFloat16](),
)

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
func accumulators(how string, collect func(s native.Softmaxer, c *call) native.Accumulator) []form {
	name := func(s string) string { return "Accumulator." + s + " " + how }
	return []form{
		{name: name("Softmax"), what: softmax, takes: piecemeal, run: func(s native.Softmaxer, c *call) {
			a := collect(s, c)
			eachPiece(c, a.Softmax)
		}},
		{name: name("LogSoftmax"), what: logSoftmax, takes: piecemeal, run: func(s native.Softmaxer, c *call) {
			a := collect(s, c)
			eachPiece(c, a.LogSoftmax)
		}},
		{name: name("LogSumExp"), what: logSumExp, takes: piecemeal &^ placing, run: func(s native.Softmaxer, c *call) {
			a := collect(s, c)
			c.dst.f[0] = a.LogSumExp()
		}},
	}
}

func addPieces(s native.Softmaxer, c *call) native.Accumulator {
	a := s.Accumulator()
	eachPiece(c, func(_, src []float32) { a.Add(src) })
	return a
}

func mergePieces(s native.Softmaxer, c *call) native.Accumulator {
	a := s.Accumulator()
	eachPiece(c, func(_, src []float32) {
		b := s.Accumulator()
		b.Add(src)
		a.Merge(&b)
	})
	return a
}

func marshalPieces(s native.Softmaxer, c *call) native.Accumulator {
	a := s.Accumulator()
	eachPiece(c, func(_, src []float32) {
		sent, got := s.Accumulator(), s.Accumulator()
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
