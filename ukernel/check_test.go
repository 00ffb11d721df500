package ukernel

import (
	"math"
	"testing"
)

func TestCheckSlices(t *testing.T) {
	x := make([]float32, 10)
	for _, ok := range [][2][]float32{{nil, nil}, {x, x}, {x[:5], x[5:]}, {x[5:], x[:5]}, {x[2:4], x[4:6]}, {x[3:3], x[4:4]}} {
		CheckSlices("test", ok[0], ok[1])
	}
	wantPanic(t, "test: len(dst) is 3, len(src) is 4", func() { CheckSlices("test", x[:3], x[:4]) })
	wantPanic(t, "test: dst of 5 elements overlaps src of 5; they must be the same or apart", func() { CheckSlices("test", x[1:6], x[:5]) })
	wantPanic(t, "test: dst of 5 elements overlaps src of 5", func() { CheckSlices("test", x[:5], x[4:9]) })
}

func TestCheckMatrices(t *testing.T) {
	x := make([]float32, 100)
	bytes := make([]byte, 20)
	for _, c := range []struct {
		dst, src                         []float32
		rows, cols, dstStride, srcStride int
		some                             bool
	}{
		{nil, nil, 0, 5, 0, 0, false},
		{nil, nil, math.MaxInt, 0, -1, 0, false},
		{x, x, 10, 10, 10, 10, true},
		{x, x, 10, 9, 10, 10, true},
		{x[:95], x[:95], 10, 5, 10, 10, true}, // the last row ends where the slice does
		{x, x, 1, 100, 100, 1000, true},       // one row has no stride to differ in
		{x[:49], x[49:], 7, 7, 7, 7, true},
		{x[7:], x[:7], 1, 7, 7, 7, true}, // apart, what lies behind the row left out
	} {
		if some := CheckMatrices("test", "src", c.dst, c.src, c.rows, c.cols, c.dstStride, c.srcStride); some != c.some {
			t.Errorf("%+v: %v", c, some)
		}
	}
	check := func(dst, src []float32, rows, cols, dstStride, srcStride int) func() {
		return func() { CheckMatrices("test", "src", dst, src, rows, cols, dstStride, srcStride) }
	}
	for _, c := range []struct {
		text string
		call func()
	}{
		{"test: -1 rows of 0 columns, neither may be negative", check(x, x, -1, 0, 0, 0)},
		{"test: 1 rows of -5 columns, neither may be negative", check(x, x, 1, -5, 0, 0)},
		{"test: the stride of dst is 9, it must be at least the number of columns, 10", check(x, x, 2, 10, 9, 10)},
		{"test: the stride of src is -10, it must be at least the number of columns, 10", check(x, x, 2, 10, 10, -10)},
		{"test: len(dst) is 94, too short for 10 rows of 5 columns with stride 10", check(x[:94], x, 10, 5, 10, 10)},
		{"test: len(src) is 0, too short for 1 rows of 1 columns with stride 1", check(x, nil, 1, 1, 1, 1)},
		{"test: len(src) is 100, too short for 3 rows of 1 columns", check(x, x, 3, 1, 1, math.MaxInt)},
		{"test: len(dst) is 100, too short for", check(x, x, math.MaxInt, 1, 1, 1)},
		{"test: dst (stride 7) and src (stride 8) overlap", check(x, x, 2, 7, 7, 8)},
		{"test: dst (stride 7) and src (stride 7) overlap", check(x[1:], x, 2, 7, 7, 7)},
		{"test: dst (stride 7) and src (stride 7) overlap", check(x, x[13:], 2, 7, 7, 7)},
		{"test: dst (stride 7) and src (stride 7) overlap", check(x[13:], x, 2, 7, 7, 7)},
	} {
		wantPanic(t, c.text, c.call)
	}
	CheckApart("test", "src", x, bytes)
	CheckApart("test", "src", bytes[:0], bytes[3:])
	wantPanic(t, "test: dst of 3 elements overlaps y of 4; they must be the same or apart", func() { CheckApart("test", "y", bytes[3:6], bytes[:4]) })
	if !Overlap(bytes[:4], bytes[3:]) || Overlap(bytes[:3], bytes[3:]) || Overlap(bytes, bytes[4:4]) {
		t.Error("Overlap is wrong")
	}
}
