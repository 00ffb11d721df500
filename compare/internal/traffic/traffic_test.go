package traffic

import (
	"slices"
	"testing"
)

func TestCopy(t *testing.T) {
	for name, f := range map[string]func(dst, src []float32){"Copy": Copy, "CopyAround": CopyAround} {
		for n := range 100 {
			for offset := range 5 {
				mem := make([]float32, 2*n+20)
				src := mem[:n]
				for i := range src {
					src[i] = float32(i + 1)
				}
				dst := mem[n+5+offset:][:n]
				f(dst, src)
				if !slices.Equal(dst, src) {
					t.Fatalf("%s of %d elements to offset %d: %v", name, n, offset, dst)
				}
				for i, x := range mem[n:] {
					if at := i - 5 - offset; (at < 0 || at >= n) && x != 0 {
						t.Fatalf("%s of %d elements to offset %d wrote element %d", name, n, offset, at)
					}
				}
			}
		}
	}
}

// TestRead holds that Read takes any length and place.
func TestRead(t *testing.T) {
	mem := make([]float32, 120)
	for n := range 100 {
		for offset := range 5 {
			Read(mem[offset:][:n])
		}
	}
}
