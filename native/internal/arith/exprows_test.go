package arith

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/internal/guarded"
)

// sameExpSum compares sums and units.
func sameExpSum(t *testing.T, what string, got, want *ExpSum) {
	t.Helper()
	sameRowSum(t, what, []RowSum{got.RowSum}, []RowSum{want.RowSum})
	if math.Float64bits(got.Total) != math.Float64bits(want.Total) || got.Unit != want.Unit || got.Before != want.Before {
		t.Fatalf("%s: %+v, want %+v", what, *got, *want)
	}
}

// TestExpRows holds what levels do of rows to the definition.
func TestExpRows(t *testing.T) {
	for _, level := range Levels()[1:] { // the first one is the definition
		t.Run(level.String(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(9, 9))
			for _, n := range testLengths() {
				for rep := range 20 {
					rows, srcStride, dstStride, p := drawRows(r, n, 1000)
					x, intactX := framed((rows-1)*srcStride+n, rep%4)
					y, intactY := framed((rows-1)*dstStride+n, rep/4%4)
					sums := make([]ExpSum, rows)
					for i := range rows {
						row := x[i*srcStride:][:n]
						fill(r, rep%classes, row)
						switch {
						case rep > 12 && r.IntN(2) == 0:
							special(r, row)
						case r.IntN(3) == 0: // a sure row
							row[r.IntN(n)] = row[0] + float32(r.IntN(50))*p.InvK
						case r.IntN(3) == 0:
							row[r.IntN(n)] = slices.Max(row)
						}
						sums[i].Before = negInf
						if r.IntN(2) == 0 {
							sums[i].Before = row[r.IntN(n)] + float32(r.IntN(120)-20)*p.InvK
						}
						if b := sums[i].Before; b != b || b > p.High {
							sums[i].Before = 0
						}
					}
					in, intactIn := framed(len(x), rep%4)
					copy(in, x)
					inSums := slices.Clone(sums)
					done := level.ExpRows(y, x, rows, n, dstStride, srcStride, sums, &p)
					if d := level.ExpRows(in, in, rows, n, srcStride, srcStride, inSums, &p); d != done {
						t.Fatalf("%d rows of %d: did %d in place, %d elsewhere", rows, n, d, done)
					}
					for i := range done {
						what := fmt.Sprintf("row %d of %d of %d, case %d, scale %v", i, rows, n, rep, p.Scale)
						want := []ExpSum{{Before: sums[i].Before}}
						row := make([]float32, n)
						q := p
						if Plain.expRows(row, x[i*srcStride:], 1, n, n, n, want, &q) != 1 {
							t.Fatalf("%s is irregular, and was done", what)
						}
						sameSlice(t, what, y[i*dstStride:][:n], row)
						sameSlice(t, what+", in place", in[i*srcStride:][:n], row)
						sameExpSum(t, what, &sums[i], &want[0])
						sameExpSum(t, what+", in place", &inSums[i], &want[0])
					}
					for i := done; i < rows; i++ {
						// What is left is as it was, but for a row with a NaN, that stays one.
						row, inRow := x[i*srcStride:][:n], in[i*srcStride:][:n]
						if !slices.ContainsFunc(row, func(v float32) bool { return v != v }) {
							sameBits(t, fmt.Sprintf("row %d of %d elements, which was left", i, n), inRow, row)
						} else if !slices.ContainsFunc(inRow, func(v float32) bool { return v != v }) {
							t.Fatalf("row %d of %d elements has lost its NaN", i, n)
						}
					}
					if !intactX() || !intactY() || !intactIn() {
						t.Fatalf("%d rows of %d, case %d: written around the slices", rows, n, rep)
					}
				}
			}
		})
	}
}

// TestExpRowsEdges has slices that begin and end where pages do that can't be touched. No level leaves such
// ordinary rows.
func TestExpRowsEdges(t *testing.T) {
	const longest = 300
	src, dst := guarded.Pages[float32](t, longest), guarded.Pages[float32](t, longest)
	for _, level := range Levels() {
		r := rand.New(rand.NewPCG(10, 10))
		for n := 1; n <= longest; n++ {
			for place := range 4 {
				x, y := src[:n], dst[:n]
				if place&1 > 0 {
					x = src[len(src)-n:]
				}
				if place&2 > 0 {
					y = dst[len(dst)-n:]
				}
				fill(r, 0, x)
				if place == 3 {
					x[r.IntN(n)] = 20 // which makes the row a sure one
				}
				p := Rows{Scale: One}
				if sums := []ExpSum{{Before: negInf}}; level.ExpRows(y, x, 1, n, n, n, sums, &p) != 1 {
					t.Fatalf("level %v left a row of %d", level, n)
				}
			}
		}
	}
}
