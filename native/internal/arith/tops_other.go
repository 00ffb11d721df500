//go:build !amd64 || purego

package arith

func (l Level) floorOf(x []float32, k, most int) float32 { return floorOfPlain(x, k, most) }

func (l Level) listLanes(numbers []uint32, tops []float32, turn, at int, floor float32) (n, next int) {
	return listLanesPlain(numbers, tops, turn, at, floor)
}

func (l Level) gatherLanes(x []float32, index, numbers []uint32, src []float32, at int, floor float32) (n int) {
	return gatherLanesPlain(x, index, numbers, src, at, floor)
}

func (l Level) ranksOf(ranks []uint32, x []float32, n int) bool { return false }
