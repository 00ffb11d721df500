package ukernel

import (
	"math"
	"testing"
)

func TestSame(t *testing.T) {
	nan, quiet := float32(math.NaN()), math.Float32frombits(0xffc12345)
	zero, minus := float32(0), math.Float32frombits(1<<31)
	for _, c := range []struct {
		x, y float32
		want bool
	}{
		{1, 1, true}, {zero, minus, false}, {nan, quiet, true}, {nan, 1, false}, {1, nan, false},
		{1, math.Nextafter32(1, 2), false}, {float32(math.Inf(1)), float32(math.Inf(-1)), false},
	} {
		if got := Same(c.x, c.y); got != c.want {
			t.Errorf("Same(%v, %v) = %v", c.x, c.y, got)
		}
	}
	for _, c := range []struct {
		r, s      Result
		pair, all bool // what RAddExtExp and what any other family says
	}{
		{Result{1, 2}, Result{1, 2}, true, true},
		{Result{1, zero}, Result{1, minus}, true, false},
		{Result{zero, 1}, Result{minus, 1}, false, false},
		{Result{nan, 1}, Result{quiet, 2}, true, false},
		{Result{nan, nan}, Result{nan, 2}, true, false},
		{Result{1, nan}, Result{1, quiet}, true, true},
		{Result{1, nan}, Result{1, 2}, false, false},
		{Result{1, 1}, Result{2, 1}, false, false},
		{Result{nan, 1}, Result{2, 1}, false, false},
	} {
		for _, f := range Families() {
			want := c.all
			if f == RAddExtExp {
				want = c.pair
			}
			if got := c.r.Same(f, c.s); got != want {
				t.Errorf("%v: %v.Same(%v) = %v", f, c.r, c.s, got)
			}
			if got := c.s.Same(f, c.r); got != want {
				t.Errorf("%v: %v.Same(%v) = %v", f, c.s, c.r, got)
			}
		}
	}
}
