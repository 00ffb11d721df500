//go:build !purego

package arith

func (l Level) sumTops(tops, src []float32, st *Sum) int {
	switch l {
	case AVX512:
		return sumTopsAVX512(tops, src, st)
	case AVX2:
		return sumTopsAVX2(tops, src, st)
	}
	return l.sumTurns(tops, src, st)
}

func (l Level) floorOf(x []float32, k, most int) float32 {
	switch l {
	case AVX512:
		return floorOfAVX512(x, k, most)
	case AVX2:
		return floorOfAVX2(x, k, most)
	}
	return floorOfPlain(x, k, most)
}

func (l Level) listLanes(numbers []uint32, tops []float32, turn, at int, floor float32) (n, next int) {
	switch l {
	case AVX512:
		return listLanesAVX512(numbers, tops, turn, at, floor)
	case AVX2:
		return listLanesAVX2(numbers, tops, turn, at, floor)
	}
	return listLanesPlain(numbers, tops, turn, at, floor)
}

func (l Level) gatherLanes(x []float32, index, numbers []uint32, src []float32, at int, floor float32) (n int) {
	switch l {
	case AVX512:
		return gatherLanesAVX512(x, index, numbers, src, at, floor)
	case AVX2:
		return gatherLanesAVX2(x, index, numbers, src, at, floor)
	}
	return gatherLanesPlain(x, index, numbers, src, at, floor)
}

func (l Level) ranksOf(ranks []uint32, x []float32, n int) bool {
	switch l {
	case AVX512:
		ranksOfAVX512(ranks, x, n)
	case AVX2:
		ranksOfAVX2(ranks, x, n)
	default:
		return false
	}
	return true
}
