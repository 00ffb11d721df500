//go:build !amd64 || purego

package arith

func (l Level) floorOf(x []float32, k, most int) float32 { return floorOfPlain(x, k, most) }

func (l Level) collect(x []float32, index, hits []uint32, tops, src []float32, turn, at int, floor float32) (n, next int) {
	return collectPlain(x, index, tops, src, turn, at, floor)
}

func (l Level) ranksOf(ranks []uint32, x []float32, n int) bool { return false }
