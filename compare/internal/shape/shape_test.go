package shape

import "testing"

func TestCheck(t *testing.T) {
	x := make([]float32, 6)
	for _, c := range []struct {
		dst, src            []float32
		rows, cols, threads int
		want                string
	}{
		{x, x, 0, 6, 1, "onednn: 0 rows, 6 columns, 1 threads: at least 1 of each is needed"},
		{x, x, 1, 0, 1, "onednn: 1 rows, 0 columns, 1 threads: at least 1 of each is needed"},
		{x, x, 1, 6, 0, "onednn: 1 rows, 6 columns, 0 threads: at least 1 of each is needed"},
		{x[:5], x, 2, 3, 1, "onednn: len(src) is 6, len(dst) is 5, both must be 2 x 3"},
		{x, x[:5], 2, 3, 1, "onednn: len(src) is 5, len(dst) is 6, both must be 2 x 3"},
	} {
		func() {
			defer func() {
				if r := recover(); r != c.want {
					t.Errorf("panic %v, want %q", r, c.want)
				}
			}()
			Check("onednn", c.dst, c.src, c.rows, c.cols, c.threads)
		}()
	}
}
