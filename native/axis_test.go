package native_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/internal/guarded"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/native/internal/arith"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// TestAxis compares with rows that plain code gathers, bit by bit, for random layouts and options. What
// lies between elements, before and behind is NaN, and must stay.
func TestAxis(t *testing.T) {
	calls := 1500
	if testing.Short() {
		calls = 130
	}
	for _, arith.Best = range levels() {
		r := rand.New(rand.NewPCG(22, 3))
		for k := range calls {
			switch k % 4 {
			case 0:
				compareAxis(t, r, native.Float16.Float32, native.ToFloat16, native.BFloat16.Float32, native.ToBFloat16)
			case 1:
				compareAxis(t, r, native.BFloat16.Float32, native.ToBFloat16, id, id)
			default:
				compareAxis(t, r, id, id, id, id)
			}
			if t.Failed() {
				return
			}
		}
	}
}

func id(x float32) float32 { return x }

// layoutOf is an empty tensor with random strides, within memory that is NaN.
func layoutOf[T native.Element](r *rand.Rand, outer, axis, inner int, nan T) (x native.Tensor[T], all []T) {
	x = native.Tensor[T]{Outer: outer, Axis: axis, Inner: inner}
	if gap := func() int { return r.IntN(2) * r.IntN(20) }; r.IntN(4) == 0 { // the outer dimension within the axis
		x.OuterStride = inner + gap()
		x.AxisStride = outer*x.OuterStride + gap()
	} else {
		x.AxisStride = inner + gap()
		x.OuterStride = axis*x.AxisStride + gap()
	}
	const pad = 40
	n := (outer-1)*x.OuterStride + (axis-1)*x.AxisStride + inner
	all = make([]T, n+2*pad)
	for i := range all {
		all[i] = nan
	}
	x.Data = all[pad : pad+n : pad+n]
	return x, all
}

func compareAxis[D, S native.Element](t *testing.T, r *rand.Rand, fromS func(S) float32, toS func(float32) S, fromD func(D) float32, toD func(float32) D) {
	t.Helper()
	outer, axis, inner := 1+r.IntN(5), 1+r.IntN(1<<r.IntN(11)), 1+r.IntN(1<<r.IntN(8))
	if r.IntN(3) == 0 {
		outer, inner = 1+r.IntN(100), 1+r.IntN(3)
	}
	for outer*axis*inner > 1<<16 {
		axis = (axis + 1) / 2
	}
	rows := outer * inner
	src, srcAll := layoutOf(r, outer, axis, inner, toS(nan))
	elements := fewElements(r, rows*axis)
	if r.IntN(2) == 0 {
		classes := append(inputs.Classes(), inputs.Hard()...)
		for i := range rows {
			copy(elements[i*axis:], classes[r.IntN(len(classes))].Row(r.Uint64(), axis))
		}
	}
	asRows := native.Rows(make([]S, rows*axis), axis)
	place := func(i, k, outerStride, axisStride int) int { return i/inner*outerStride + k*axisStride + i%inner }
	for i := range rows {
		for k := range axis {
			x := toS(elements[i*axis+k])
			asRows.Data[i*axis+k], src.Data[place(i, k, src.OuterStride, src.AxisStride)] = x, x
		}
	}
	o := randomOptions(r, rows, axis, 0.37, 2.5, -1, 0x1p125)
	if r.IntN(4) == 0 {
		o.Scale, o.Scales = 0, inputs.Normal.Row(r.Uint64(), rows)
	}
	what := fmt.Sprintf("level %v, %d x %d x %d of %T, strides %d and %d, causal %v %d, scale %v", arith.Best, outer, axis, inner, src.Data[0], src.OuterStride, src.AxisStride, o.Causal, o.Offset, o.Scale)

	sums, wantSums := make([]float32, rows), make([]float32, rows)
	native.LogSumExpAxis(sums, src, o)
	native.LogSumExpRows(wantSums, asRows, o)
	compareRows(t, what+": log-sum-exp", sums, wantSums)

	for _, f := range []struct {
		name string
		axis func(native.Tensor[D], native.Tensor[S], *native.Options)
		rows func(native.Matrix[D], native.Matrix[S], *native.Options)
	}{
		{"softmax", native.SoftmaxAxis[D, S], native.SoftmaxRows[D, S]},
		{"log-softmax", native.LogSoftmaxAxis[D, S], native.LogSoftmaxRows[D, S]},
	} {
		want := native.Rows(make([]D, rows*axis), axis)
		f.rows(want, asRows, o)
		dst, dstAll := layoutOf(r, outer, axis, inner, toD(nan))
		written := 0
		if same, ok := any(src).(native.Tensor[D]); ok && f.name == "log-softmax" { // in place, the last
			dst, dstAll = same, any(srcAll).([]D)
		}
		f.axis(dst, src, o)
		for i := range rows {
			for k := range axis {
				y := &dst.Data[place(i, k, dst.OuterStride, dst.AxisStride)]
				if got, want := fromD(*y), fromD(want.Data[i*axis+k]); math.Float32bits(got) != math.Float32bits(want) {
					t.Fatalf("%s: %s: element %d of row %d is %v, want %v", what, f.name, k, i, got, want)
				}
				*y = toD(0)
				written++
			}
		}
		for i, y := range dstAll { // all others are NaN still
			if fromD(y) == 0 {
				written--
			} else if y := fromD(y); y == y {
				t.Fatalf("%s: %s: what lies around was written, at %d", what, f.name, i-40)
			}
		}
		if written != 0 {
			t.Fatalf("%s: %s: %d elements too many are 0", what, f.name, -written)
		}
	}
}

// TestAxisLong has rows of several chunks, alone and in buffers that hold fewer than usual.
func TestAxisLong(t *testing.T) {
	for _, shape := range [][3]int{{1, 3*native.ChunkLen + 5, 2}, {2, native.ChunkLen + 1, 3}, {1, 1<<17 + 9, 20}} {
		if testing.Short() && shape[2] > 3 {
			continue
		}
		x := inputs.Uniform10.Row(1, shape[0]*shape[1]*shape[2])
		src := native.Along(x, shape[:], 1)
		rows := native.Rows(make([]float32, len(x)), shape[1])
		for i := range rows.Data {
			row, k := i/shape[1], i%shape[1]
			rows.Data[i] = x[row/shape[2]*src.OuterStride+k*src.AxisStride+row%shape[2]]
		}
		native.SoftmaxRows(rows, rows, nil)
		native.SoftmaxAxis(src, src, nil)
		for i, want := range rows.Data {
			row, k := i/shape[1], i%shape[1]
			if got := x[row/shape[2]*src.OuterStride+k*src.AxisStride+row%shape[2]]; math.Float32bits(got) != math.Float32bits(want) {
				t.Fatalf("%v: element %d of row %d is %v, want %v", shape, k, row, got, want)
			}
		}
	}
}

// TestAxisSideBySide has ordinary elements and as many columns as kernels like that do several at once,
// with each option, in place and apart, by one goroutine and several.
func TestAxisSideBySide(t *testing.T) {
	for _, arith.Best = range levels() {
		for _, shape := range [][3]int{{3, 50, 40}, {2, 9, 300}, {1, 530, 20}, {1, 512, 20}, {213, 10, 20}} {
			outer, axis, inner := shape[0], shape[1], shape[2]
			x := inputs.Normal.Row(7, outer*axis*inner)
			rows := native.Rows(make([]float32, len(x)), axis)
			at := func(i int) int { return i/axis/inner*axis*inner + i%axis*inner + i/axis%inner }
			for i := range rows.Data {
				rows.Data[i] = x[at(i)]
			}
			keep := make([]bool, axis)
			for i := range keep {
				keep[i] = i%3 > 0
			}
			runs, negative := make([]float32, rows.Rows), make([]float32, rows.Rows)
			for i := range runs {
				runs[i] = []float32{0.5, 2, 0.37}[i/3%3]
				negative[i] = -runs[i]
			}
			for name, o := range map[string]native.Options{
				"nothing": {}, "a scale": {Scale: 0.3}, "a negative scale": {Scale: -2}, "a scale of few bits": {Scale: float32(math.Ln2)},
				"scales in runs": {Scales: runs}, "negative scales": {Scales: negative}, "scales": {Scales: inputs.Normal.Row(1, rows.Rows)}, "add": {Add: native.Row(inputs.Normal.Row(2, axis))}, "add and scales": {Add: native.Row(inputs.Normal.Row(2, axis)), Scales: runs},
				"add to rows": {Add: native.Rows(inputs.Normal.Row(3, len(x)), axis)},
				"keep":        {Keep: native.Row(keep)}, "causal": {Causal: true, Offset: 3},
			} {
				if len(x) > 10000 && (arith.Best == arith.Plain || name != "nothing" && name != "add to rows") {
					continue // these shapes are for goroutines, each with some of the columns, and for steps
				}
				want, wantLog := native.Rows(make([]float32, len(x)), axis), native.Rows(make([]float32, len(x)), axis)
				native.SoftmaxRows(want, rows, &o)
				native.LogSoftmaxRows(wantLog, rows, &o)
				for _, o.Goroutines = range []int{1, 4} {
					got, in, half, logs := make([]float32, len(x)), slices.Clone(x), make([]native.BFloat16, len(x)), make([]float32, len(x))
					along := func(x []float32) native.Tensor[float32] { return native.Along(x, shape[:], 1) }
					native.SoftmaxAxis(along(got), along(x), &o)
					native.SoftmaxAxis(native.Along(half, shape[:], 1), along(x), &o)
					native.LogSoftmaxAxis(along(logs), along(x), &o)
					native.SoftmaxAxis(along(in), along(in), &o)
					for i, want := range want.Data {
						if got, in, log := got[at(i)], in[at(i)], logs[at(i)]; !same(got, want) || !same(in, want) || half[at(i)] != native.ToBFloat16(want) || !same(log, wantLog.Data[i]) {
							t.Fatalf("level %v, %v, %s, %d goroutines: element %d of row %d is %v, in place %v, in bfloat16 %#x, want %v; its logarithm is %v, want %v",
								arith.Best, shape, name, o.Goroutines, i%axis, i/axis, got, in, half[at(i)], want, log, wantLog.Data[i])
						}
					}
				}
			}
		}
	}
}

// TestAxisHalves has more 16-bit elements along the axis, and more columns, than are converted or done at
// once. They have the bits of the same elements in float32, rounded.
func TestAxisHalves(t *testing.T) {
	for _, arith.Best = range levels() {
		for _, shape := range [][]int{{2, 300, 100}, {1, 64, 20}, {1, 3, 1200}, {1, 600, 9}} {
			x := inputs.Normal.Row(9, shape[0]*shape[1]*shape[2])
			half := make([]native.Float16, len(x))
			for i := range x {
				half[i] = native.ToFloat16(x[i])
				x[i] = half[i].Float32()
			}
			rows := shape[0] * shape[2]
			want, wantLog, wantSums := make([]float32, len(x)), make([]float32, len(x)), make([]float32, rows)
			brief, from, same, logs, sums := make([]native.BFloat16, len(x)), make([]float32, len(x)), slices.Clone(half), make([]native.Float16, len(x)), make([]float32, rows)
			floats, halves := native.Along(x, shape, 1), native.Along(half, shape, 1)
			native.SoftmaxAxis(native.Along(want, shape, 1), floats, nil)
			native.LogSoftmaxAxis(native.Along(wantLog, shape, 1), floats, nil)
			native.LogSumExpAxis(wantSums, floats, nil)
			native.SoftmaxAxis(native.Along(brief, shape, 1), floats, nil)
			native.SoftmaxAxis(native.Along(from, shape, 1), halves, nil)
			native.LogSoftmaxAxis(native.Along(logs, shape, 1), halves, nil)
			native.LogSumExpAxis(sums, halves, nil)
			native.SoftmaxAxis(native.Along(same, shape, 1), native.Along(same, shape, 1), nil)
			compareRows(t, fmt.Sprintf("level %v, %v, of float16", arith.Best, shape), from, want)
			compareRows(t, fmt.Sprintf("level %v, %v, log-sum-exp of float16", arith.Best, shape), sums, wantSums)
			for i, y := range want {
				if brief[i] != native.ToBFloat16(y) || same[i] != native.ToFloat16(y) || logs[i] != native.ToFloat16(wantLog[i]) {
					t.Fatalf("level %v, %v: element %d is %#x in bfloat16, %#x in float16 in place, want those of %v; its logarithm is %#x, want that of %v",
						arith.Best, shape, i, brief[i], same[i], y, logs[i], wantLog[i])
				}
			}
		}
	}
}

// TestAxisMemory holds what a first call allocates for rows through a buffer: enough for what it does,
// though no other call came before, and at most 8 MiB beside the tile.
func TestAxisMemory(t *testing.T) {
	if native.RaceEnabled {
		t.Skip("under the race detector pools of buffers allocate")
	}
	for _, arith.Best = range levels() {
		for _, shape := range [][3]int{{1, 1024, 128}, {1, 1 << 18, 9}, {1, 1 << 15, 128}, {100, 1, 3}} {
			if arith.Best == arith.Plain && shape[1] > 1024 {
				continue // it would take as much memory as others
			}
			x := native.Along(make([]float32, shape[0]*shape[1]*shape[2]), shape[:], 1)
			runtime.GC()
			runtime.GC() // pools keep what they have for one
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			native.SoftmaxAxis(x, x, nil)
			runtime.ReadMemStats(&after)
			if got, most := after.TotalAlloc-before.TotalAlloc, uint64(8<<20+1<<16); got > most {
				t.Errorf("level %v, %v: a call allocates %d bytes, more than %d", arith.Best, shape, got, most)
			}
			if want := 1 / float32(shape[1]); x.Data[0] != want || x.Data[len(x.Data)-1] != want {
				t.Errorf("level %v, %v: from %v to %v, want %v", arith.Best, shape, x.Data[0], x.Data[len(x.Data)-1], want)
			}
		}
	}
}

// TestAxisGuard has tensors that end, or begin, where a page does that can't be touched.
func TestAxisGuard(t *testing.T) {
	page := guarded.Pages[float32](t, 3*40*30)
	for _, arith.Best = range levels() {
		for axis := 1; axis <= 40; axis += 3 {
			for inner := 1; inner <= 30; inner++ {
				for _, n := range []int{0, len(page) - 2*axis*inner} {
					x := native.Along(page[n:][:2*axis*inner:2*axis*inner], []int{2, axis, inner}, 1)
					native.SoftmaxAxis(x, x, nil)
				}
			}
		}
	}
}

func TestAlong(t *testing.T) {
	x := make([]float32, 24)
	shape := []int{2, 3, 4}
	for axis, want := range map[int][5]int{0: {1, 2, 12, 24, 12}, 1: {2, 3, 4, 12, 4}, 2: {6, 4, 1, 4, 1}, -1: {6, 4, 1, 4, 1}, -3: {1, 2, 12, 24, 12}} {
		y := native.Along(x, shape, axis)
		if got := [5]int{y.Outer, y.Axis, y.Inner, y.OuterStride, y.AxisStride}; got != want || len(y.Data) != 24 {
			t.Errorf("axis %d: %v, want %v", axis, got, want)
		}
	}
	wantPanic(t, "native.Along: axis 3 of a shape of 3 dimensions", func() { native.Along(x, shape, 3) })
	wantPanic(t, "native.Along: axis -4 of a shape of 3 dimensions", func() { native.Along(x, shape, -4) })
	wantPanic(t, "native.Along: 23 elements, the shape has 24", func() { native.Along(x[1:], shape, 1) })
	// Products that overflow to 16 and to 0.
	wantPanic(t, "native.Along: 16 elements, the shape has ", func() { native.Along(x[:16], []int{math.MaxInt/8 + 2, 16}, 0) })
	wantPanic(t, "native.Along: 0 elements, the shape has ", func() { native.Along(x[:0], []int{math.MaxInt/2 + 1, 4}, 1) })
	wantPanic(t, "native.Along: dimension 1 is -3, it may not be negative", func() { native.Along(x, []int{2, -3, 4}, 1) })
}

func TestAxisPanics(t *testing.T) {
	x, y := make([]float32, 24), make([]float32, 24)
	shape := []int{2, 3, 4}
	src, dst := native.Along(x, shape, 1), native.Along(y, shape, 1)
	with := func(change func(t *native.Tensor[float32])) native.Tensor[float32] {
		c := src
		change(&c)
		return c
	}
	type tensor = *native.Tensor[float32]
	for _, c := range []struct {
		text string
		src  native.Tensor[float32]
		o    *native.Options
	}{
		{"dst is 2 x 3 x 4, src is 1 x 2 x 12, they must be equal", native.Along(x, shape, 0), nil},
		{"src is -2 x 3 x 4, no dimension may be negative", with(func(t tensor) { t.Outer = -2 }), nil},
		{"the strides of src are 12 and 3,", with(func(t tensor) { t.AxisStride = 3 }), nil},
		{"the strides of src are 11 and 4,", with(func(t tensor) { t.OuterStride = 11 }), nil},
		{"the strides of src are 3 and 8,", with(func(t tensor) { t.OuterStride, t.AxisStride = 3, 8 }), nil},
		{"the strides of src are 12 and -4,", with(func(t tensor) { t.AxisStride = -4 }), nil},
		{"src has 24 elements, too few for 2 x 3 x 4 with the strides 13 and 4", with(func(t tensor) { t.OuterStride = 13 }), nil},
		{"dst of 24 elements overlaps src of 24", with(func(t tensor) { t.Data = y; t.OuterStride, t.AxisStride = 4, 8 }), nil},
		{"Options.Add is 1 x 4, it must be 1 x 3 or 8 x 3", src, &native.Options{Add: native.Row(x[:4])}},
		{"Options.Scales has 2 elements, it must have one for each of 8 rows", src, &native.Options{Scales: x[:2]}},
		{"dst overlaps Options.Add of 3 elements", src, &native.Options{Add: native.Row(y[:3])}},
	} {
		wantPanic(t, c.text, func() { native.SoftmaxAxis(dst, c.src, c.o) })
	}
	for _, one := range []struct {
		text   string
		change func(t tensor)
	}{
		{"dst is 2 x 3 x 4, src is 1 x 3 x 4,", func(t tensor) { t.Outer = 1 }},
		{"dst is 2 x 3 x 4, src is 2 x 2 x 4,", func(t tensor) { t.Axis = 2 }},
		{"dst is 2 x 3 x 4, src is 2 x 3 x 3,", func(t tensor) { t.Inner = 3 }},
		{"src is 2 x -3 x 4,", func(t tensor) { t.Axis = -3 }},
		{"src is 2 x 3 x -4,", func(t tensor) { t.Inner = -4 }},
		{"the strides of src are 12 and -1,", func(t tensor) { t.Axis, t.AxisStride = 1, -1 }},
		{"the strides of src are -1 and 4,", func(t tensor) { t.Outer, t.OuterStride = 1, -1 }},
		{"src has 23 elements, too few", func(t tensor) { t.Data = x[:23] }},
		// 16 such strides are 0 to an int.
		{"src has 24 elements, too few", func(t tensor) { t.Outer, t.Axis, t.Inner, t.AxisStride = 1, 17, 1, math.MaxInt/8+1 }},
		{"src has 24 elements, too few", func(t tensor) { t.Outer, t.Axis, t.Inner, t.OuterStride = 17, 1, 1, math.MaxInt/8+1 }},
		{"elements of its shape 2 x 17 x 1 would share places", func(t tensor) {
			t.Axis, t.Inner, t.AxisStride, t.OuterStride = 17, 1, math.MaxInt/8+1, math.MaxInt/8+1
		}},
	} {
		wantPanic(t, one.text, func() { native.SoftmaxAxis(dst, with(one.change), nil) })
	}
	// In place, but not quite.
	all := make([]float32, 40)
	place := func(at, outerStride, axisStride int) native.Tensor[float32] {
		return with(func(t tensor) { t.Data, t.OuterStride, t.AxisStride = all[at:], outerStride, axisStride })
	}
	for _, other := range []native.Tensor[float32]{place(1, 14, 4), place(0, 15, 4), place(0, 14, 5)} {
		wantPanic(t, "dst of 26 elements overlaps src of", func() { native.SoftmaxAxis(place(0, 14, 4), other, nil) })
	}
	// Strides of dimensions of one element count for nothing, and of none at all neither do others.
	one := native.Tensor[float32]{Outer: 1, Axis: 1, Inner: 4, Data: []float32{3, -2, 1, 0}}
	native.SoftmaxAxis(one, one, nil)
	if !slices.Equal(one.Data, []float32{1, 1, 1, 1}) {
		t.Errorf("the softmax of rows of one element is %v", one.Data)
	}
	native.SoftmaxAxis(with(func(t tensor) { t.Outer = 1 }), with(func(t tensor) { t.Outer, t.OuterStride = 1, 99 }), nil)
	native.SoftmaxAxis(with(func(t tensor) { t.Axis = 1 }), with(func(t tensor) { t.Axis, t.AxisStride = 1, 5 }), nil)
	for _, none := range []native.Tensor[float32]{{Outer: 2, Inner: 2, OuterStride: 100, AxisStride: -5}, {Outer: 2, Axis: 3, OuterStride: 100}, {Axis: 3, Inner: 3, OuterStride: -9, AxisStride: 3}} {
		native.SoftmaxAxis(none, none, nil)
	}

	wantPanic(t, "native.LogSumExpAxis: len(dst) is 7, it must be Outer*Inner, 8", func() { native.LogSumExpAxis(y[:7], src, nil) })
	wantPanic(t, "native.LogSumExpAxis: dst of 8 elements overlaps src of 24", func() { native.LogSumExpAxis(x[:8], src, nil) })
	native.LogSumExpAxis(y[:2], native.Along(x[:0], []int{1, 0, 2}, 1), nil)
	if y[0] != negInf || y[1] != negInf {
		t.Errorf("the log-sum-exp of nothing is %v, want -Inf", y[:2])
	}
	native.SoftmaxAxis(native.Along(y[:0], []int{1, 0, 2}, 1), native.Along(x[:0], []int{1, 0, 2}, 1), nil)
	native.SoftmaxAxis(native.Tensor[float32]{}, native.Tensor[float32]{}, nil)
}

// TestAxisOffset: the largest offset hides nothing.
func TestAxisOffset(t *testing.T) {
	x, y, want := make([]float32, 10000), make([]float32, 10000), make([]float32, 10000)
	for i := range x {
		x[i] = float32(i % 7)
	}
	shape := []int{2, 5000} // more rows than go through the buffer at once
	native.SoftmaxAxis(native.Along(want, shape, 0), native.Along(x, shape, 0), nil)
	native.SoftmaxAxis(native.Along(y, shape, 0), native.Along(x, shape, 0), &native.Options{Causal: true, Offset: math.MaxInt})
	if !slices.Equal(y, want) {
		t.Error("the largest offset hides elements")
	}
}

func TestAxisAllocs(t *testing.T) {
	if native.RaceEnabled {
		t.Skip("under the race detector pools of buffers allocate")
	}
	runtime.GC()
	runtime.GC() // pools lose buffers that are larger
	src, half := native.Along(make([]float32, 6000), []int{2, 100, 30}, 1), native.Along(make([]native.BFloat16, 6000), []int{2, 100, 30}, 1)
	sums := make([]float32, 60)
	for _, arith.Best = range levels() {
		f := func() {
			native.SoftmaxAxis(src, src, nil)
			native.LogSoftmaxAxis(half, half, &native.Options{Causal: true})
			native.LogSumExpAxis(sums, src, nil)
		}
		f() // what a pool has to get first
		if n := testing.AllocsPerRun(10, f); n > 0 {
			t.Errorf("level %v: %v allocations", arith.Best, n)
		}
	}
}

// The classes of an image's pixels, NCHW: the softmax across channels.
func ExampleSoftmaxAxis() {
	scores := []float32{ // 1 image, 2 channels, 1 x 3 pixels
		1, 2, 0,
		1, 0, 2,
	}
	x := native.Along(scores, []int{1, 2, 1, 3}, 1)
	native.SoftmaxAxis(x, x, nil)
	fmt.Printf("%.3f\n%.3f\n", scores[:3], scores[3:])
	// Output:
	// [0.500 0.881 0.119]
	// [0.500 0.119 0.881]
}
