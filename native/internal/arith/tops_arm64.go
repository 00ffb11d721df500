//go:build !purego

package arith

func (l Level) sumTops(tops, src []float32, st *Sum) int {
	if l == vector {
		return sumTopsVector(tops, src, st)
	}
	return l.sumTurns(tops, src, st)
}
