//go:build (!amd64 && !arm64) || purego

package arith

func (l Level) sumTops(tops, src []float32, st *Sum) int { return l.sumTurns(tops, src, st) }
