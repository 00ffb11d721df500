package shape

import (
	"fmt"
	"math"
)

// Tensor has the fields of native.Tensor, as Matrix has those of native.Matrix.
type Tensor[T any] struct {
	Outer, Axis, Inner int
	Data               []T
	OuterStride        int
	AxisStride         int
}

// Rows is the number of rows: i*Inner+j is the one at (i, j).
func (t *Tensor[T]) Rows() int { return t.Outer * t.Inner }

// last is the place of the last element.
func (t *Tensor[T]) last() int {
	return (t.Outer-1)*t.OuterStride + (t.Axis-1)*t.AxisStride + t.Inner - 1
}

// Used is the part of Data up to the last element.
func (t *Tensor[T]) Used() []T {
	if t.Rows() == 0 || t.Axis == 0 {
		return nil
	}
	return t.Data[:t.last()+1]
}

// Check panics unless Data holds the tensor, each element in a place of its own.
func (t *Tensor[T]) Check(who, name string) {
	if t.Outer < 0 || t.Axis < 0 || t.Inner < 0 {
		panic(fmt.Sprintf("%s: %s is %d x %d x %d, no dimension may be negative", who, name, t.Outer, t.Axis, t.Inner))
	}
	if t.Outer == 0 || t.Axis == 0 || t.Inner == 0 {
		return
	}
	// The axis within the outer dimension, or the other way round.
	long, n, stride := t.Inner, t.Axis, t.AxisStride
	outer, outerStride := t.Outer, t.OuterStride
	if outerStride < stride {
		n, stride, outer, outerStride = outer, outerStride, n, stride
	}
	if n > 1 && stride < long || stride < 0 || outerStride < 0 {
		panic(fmt.Sprintf("%s: the strides of %s are %d and %d, elements of its shape %d x %d x %d would share places",
			who, name, t.OuterStride, t.AxisStride, t.Outer, t.Axis, t.Inner))
	}
	if long = upTo(long, n-1, stride); outer > 1 && outerStride < long {
		panic(fmt.Sprintf("%s: the strides of %s are %d and %d, elements of its shape %d x %d x %d would share places",
			who, name, t.OuterStride, t.AxisStride, t.Outer, t.Axis, t.Inner))
	}
	if last := upTo(upTo(t.Inner-1, t.Axis-1, t.AxisStride), t.Outer-1, t.OuterStride); last >= len(t.Data) {
		panic(fmt.Sprintf("%s: %s has %d elements, too few for %d x %d x %d with the strides %d and %d",
			who, name, len(t.Data), t.Outer, t.Axis, t.Inner, t.OuterStride, t.AxisStride))
	}
}

// upTo is x + n*stride, or the largest int if that is more.
func upTo(x, n, stride int) int {
	if stride > 0 && n > (math.MaxInt-x)/stride {
		return math.MaxInt
	}
	return x + n*stride
}

// CheckTensors panics unless dst and src have one shape and are the same or apart.
func CheckTensors[D, S any](who string, dst *Tensor[D], src *Tensor[S]) {
	dst.Check(who, "dst")
	src.Check(who, "src")
	if dst.Outer != src.Outer || dst.Axis != src.Axis || dst.Inner != src.Inner {
		panic(fmt.Sprintf("%s: dst is %d x %d x %d, src is %d x %d x %d, they must be equal",
			who, dst.Outer, dst.Axis, dst.Inner, src.Outer, src.Axis, src.Inner))
	}
	if !Same(dst.Data, src.Data) || dst.Outer > 1 && dst.OuterStride != src.OuterStride || dst.Axis > 1 && dst.AxisStride != src.AxisStride {
		CheckApart(who, "src", dst.Used(), src.Used())
	}
}

// CheckTensorSums panics unless dst has an element for each row of src, and none of src's.
func CheckTensorSums[D, S any](who string, dst []D, src *Tensor[S]) {
	src.Check(who, "src")
	if len(dst) != src.Rows() {
		panic(fmt.Sprintf("%s: len(dst) is %d, it must be Outer*Inner, %d", who, len(dst), src.Rows()))
	}
	if Overlap(dst, src.Used()) {
		panic(fmt.Sprintf("%s: dst of %d elements overlaps src of %d", who, len(dst), len(src.Data)))
	}
}
