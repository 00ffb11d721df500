package arith

import (
	"math/rand/v2"
	"testing"
)

// TestTranspose has matrices of all small shapes with gaps, and looks at what lies around.
func TestTranspose(t *testing.T) {
	for _, l := range Levels() {
		r := rand.New(rand.NewPCG(5, 5))
		for rows := range 35 {
			for cols := range 35 {
				srcStride, dstStride := cols+r.IntN(30), rows+r.IntN(30)
				src := make([]float32, max(0, (rows-1)*srcStride+cols))
				for i := range src {
					src[i] = r.Float32()
				}
				dst, intact := around[float32](max(0, (cols-1)*dstStride+rows), r.IntN(5), 77)
				l.Transpose(dst, src, rows, cols, dstStride, srcStride)
				for at, y := range dst {
					want := float32(77)
					if i, j := at%dstStride, at/dstStride; i < rows {
						want = src[i*srcStride+j]
					}
					if rows*cols > 0 && y != want {
						t.Fatalf("level %v, %d x %d: element %d is %v, want %v", l, rows, cols, at, y, want)
					}
				}
				if !intact() {
					t.Fatalf("level %v, %d x %d: written around dst", l, rows, cols)
				}
			}
		}
	}
}
