package arith

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTransposeShort has operands that lack an element, which memory goes on behind: nothing is written.
func TestTransposeShort(t *testing.T) {
	for _, l := range Levels() {
		for _, lack := range [][2]int{{1, 0}, {0, 1}} {
			dst, src := make([]float32, 15*20+16), slices.Repeat([]float32{1}, 15*30+16)
			func() {
				defer func() {
					if recover() == nil || slices.Max(dst) > 0 {
						t.Errorf("level %v: operands that lack %v elements: no panic, or a late one", l, lack)
					}
				}()
				l.Transpose(dst[:len(dst)-lack[0]], src[:len(src)-lack[1]], 16, 16, 20, 30)
			}()
		}
	}
}

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
