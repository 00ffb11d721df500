package arith

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/internal/guarded"
)

// topsOf stores what SumTops does, without a sum.
func topsOf(tops, src []float32) {
	for i := range tops[:(len(src)+turn-1)/turn*lanes] {
		tops[i] = negInf
	}
	for i, x := range src {
		if m := &tops[i/turn*lanes+i%lanes]; x > *m {
			*m = x
		}
	}
}

func TestSumTops(t *testing.T) {
	for _, level := range Levels() {
		t.Run(level.String(), func(t *testing.T) {
			r := rand.New(rand.NewPCG(11, 11))
			for _, n := range testLengths() {
				for rep := range 10 {
					_, x, intactX, st := draw(r, n, rep)
					unhide(x, st.Lim)
					what := fmt.Sprintf("n=%d, case %d", n, rep)
					want, got := st, st
					wantDone := sumPlain(x, &want)
					wantTops, all := make([]float32, (n+turn-1)/turn*lanes), 0
					topsOf(wantTops, x[:wantDone])
					all = (wantDone + turn - 1) / turn * lanes
					tops, intactTops := framed(len(wantTops), rep/4%4)
					before := slices.Clone(tops)
					if done := level.SumTops(tops, x, &got); done != wantDone {
						t.Fatalf("%s: did %d, want %d", what, done, wantDone)
					}
					got.Max = want.Max
					sameSum(t, what, &got, &want)
					for i, w := range wantTops[:all] {
						// The largest of a lane with a NaN may be anything.
						if g := tops[i]; g != w && !hasNaN(x, i) {
							t.Fatalf("%s: the largest in lane %d of turn %d is %v, want %v", what, i%lanes, i/lanes, g, w)
						}
					}
					sameBits(t, what+": beyond the turn it stopped before", tops[all:], before[all:])
					if !intactX() || !intactTops() {
						t.Fatalf("%s: written around the slices", what)
					}
				}
			}
		})
	}
}

// hasNaN reports whether the lane of tops[i] has a NaN in x.
func hasNaN(x []float32, i int) bool {
	for k := i/lanes*turn + i%lanes; k < min(len(x), (i/lanes+1)*turn); k += lanes {
		if x[k] != x[k] {
			return true
		}
	}
	return false
}

// topElements makes numbers, some of them equal.
func topElements(r *rand.Rand, x []float32) {
	class := r.IntN(6)
	for i := range x {
		switch class {
		case 0:
			x[i] = r.Float32()*10 - 5
		case 1:
			x[i] = float32(r.IntN(8) - 4)
		case 2:
			x[i] = float32(i)
		case 3:
			x[i] = float32(-i) * 1e-40
		case 4:
			x[i] = 7
		case 5:
			if x[i] = r.Float32(); r.IntN(2) == 0 {
				x[i] = negInf
			}
		}
	}
	if r.IntN(8) == 0 {
		x[r.IntN(len(x))] = nan
	}
}

func TestFloorOf(t *testing.T) {
	for _, level := range Levels() {
		r := rand.New(rand.NewPCG(12, 12))
		for range 3000 {
			n := 1 + r.IntN(1<<r.IntN(11))
			x, intact := framed(n, r.IntN(4))
			topElements(r, x)
			k := 1 + r.IntN(n+3)
			most := k + r.IntN(20)
			floor := level.FloorOf(x, k, most)
			whole := x[:n&^(lanes-1)]
			if !intact() {
				t.Fatal("written around the slice")
			}
			if slices.ContainsFunc(x, func(v float32) bool { return v != v }) {
				continue // it may be anything, but ends
			}
			sorted := slices.Clone(whole)
			slices.Sort(sorted)
			slices.Reverse(sorted)
			if len(whole) < k {
				if floor != negInf {
					t.Fatalf("level %v: %d of %d elements reach %v, want -Inf", level, k, n, floor)
				}
				continue
			}
			reach := 0
			for reach < len(sorted) && sorted[reach] >= floor {
				reach++
			}
			if reach < k || reach > most && floor != sorted[k-1] {
				t.Fatalf("level %v: %d of %d elements reach %v, want %d to %d", level, reach, len(whole), floor, k, most)
			}
		}
	}
}

func TestListLanes(t *testing.T) {
	for _, level := range Levels() {
		r := rand.New(rand.NewPCG(13, 13))
		for range 3000 {
			n := lanes * (1 + r.IntN(1<<r.IntN(9)))
			tops, intactTops := framed(n, r.IntN(4))
			topElements(r, tops)
			turn, at := r.IntN(n/lanes+1), r.IntN(1<<30)
			floor := tops[r.IntN(n)]
			if r.IntN(9) == 0 {
				floor = negInf
			}
			want := make([]uint32, n+LanesRoom)
			wantN, _ := listLanesPlain(want, tops, turn, at, floor)
			what := fmt.Sprintf("level %v, %d turns from turn %d, floor %v", level, n/lanes, turn, floor)
			// As often as it takes with little room.
			numbers := make([]uint32, LanesRoom+r.IntN(n+500)+1)
			last := len(numbers) - 1
			numbers[last] = 77
			var all []uint32
			for turn < n/lanes {
				got, next := level.ListLanes(numbers[:last], tops, turn, at, floor)
				all = append(all, numbers[:got]...)
				if next <= turn {
					t.Fatalf("%s: went from turn %d to %d", what, turn, next)
				}
				if next < n/lanes && got <= last-LanesRoom {
					t.Fatalf("%s: stopped with %d of %d", what, got, last)
				}
				turn = next
			}
			if !slices.Equal(all, want[:wantN]) {
				t.Fatalf("%s: lanes %v, want %v", what, all, want[:wantN])
			}
			if !intactTops() || numbers[last] != 77 {
				t.Fatalf("%s: written around the slices", what)
			}
		}
	}
}

func TestGatherLanes(t *testing.T) {
	for _, level := range Levels() {
		r := rand.New(rand.NewPCG(15, 15))
		for range 3000 {
			n := 1 + r.IntN(1<<r.IntN(13))
			src, intactSrc := framed(n, r.IntN(4))
			topElements(r, src)
			at, rare := r.IntN(1<<30), 1+r.IntN(20)
			floor := src[r.IntN(n)]
			if r.IntN(9) == 0 {
				floor = negInf
			}
			var numbers, wantIndex []uint32
			var want []float32
			for first := 0; first < n; first++ {
				if first%turn >= lanes || r.IntN(rare) > 0 {
					continue
				}
				numbers = append(numbers, uint32(at+first))
				for i := first; i < min(first+turn, n); i += lanes {
					if src[i] >= floor {
						want, wantIndex = append(want, src[i]), append(wantIndex, uint32(at+i))
					}
				}
			}
			what := fmt.Sprintf("level %v, %d lanes of %d elements, floor %v", level, len(numbers), n, floor)
			x, intactX := framed(GatherRoom(len(numbers)), r.IntN(4))
			index := make([]uint32, len(x)+1)
			index[len(x)] = 77
			if got := level.GatherLanes(x, index, numbers, src, at, floor); got != len(want) {
				t.Fatalf("%s: %d, want %d", what, got, len(want))
			}
			sameSlice(t, what, x[:len(want)], want)
			if !slices.Equal(index[:len(want)], wantIndex) {
				t.Fatalf("%s: indices %v, want %v", what, index[:len(want)], wantIndex)
			}
			if !intactSrc() || !intactX() || index[len(x)] != 77 {
				t.Fatalf("%s: written around the slices", what)
			}
		}
	}
}

// TestGatherLanesEdges has elements and lanes that end where pages do.
func TestGatherLanesEdges(t *testing.T) {
	page, other := guarded.Pages[float32](t, 700), guarded.Pages[float32](t, 700)
	x, index := make([]float32, 1000), make([]uint32, 1000)
	for _, level := range Levels() {
		for n := 1; n <= 700; n++ {
			src := page[len(page)-n:]
			clear(src)
			rows := (n+turn-1)/turn*lanes - max(0, lanes-(n-1)%turn-1)
			numbers := unsafe.Slice((*uint32)(unsafe.Pointer(&other[len(other)-rows])), rows)
			for i := range numbers {
				numbers[i] = uint32(i/lanes*turn + i%lanes)
			}
			if got := level.GatherLanes(x, index, numbers, src, 0, negInf); got != n {
				t.Fatalf("level %v: %d elements, want %d", level, got, n)
			}
			tops := other[len(other)-rows&^(lanes-1):]
			clear(tops)
			if got, _ := level.ListLanes(index, tops, 0, 0, 0); got != len(tops) {
				t.Fatalf("level %v: %d lanes, want %d", level, got, len(tops))
			}
		}
	}
}

// TestRanksOfShort has operands of less than whole rows of lanes, which memory goes on behind.
func TestRanksOfShort(t *testing.T) {
	for _, l := range Levels() {
		for _, lack := range [][2]int{{1, 0}, {0, 1}} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("level %v: no panic for operands that lack %v elements", l, lack)
					}
				}()
				l.RanksOf(make([]uint32, 2*lanes)[:2*lanes-lack[0]:2*lanes-lack[0]], make([]float32, 2*lanes)[:2*lanes-lack[1]:2*lanes-lack[1]], lanes+1)
			}()
		}
	}
}

func TestRanksOf(t *testing.T) {
	for _, level := range Levels() {
		r := rand.New(rand.NewPCG(14, 14))
		for range 500 {
			n := 1 + r.IntN(1<<r.IntN(10))
			whole := (n + lanes - 1) &^ (lanes - 1)
			x, ranks := make([]float32, whole), make([]uint32, whole+1)
			topElements(r, x)
			if ranks[whole] = 77; !level.RanksOf(ranks, x, n) {
				break
			}
			for i, v := range x[:n] {
				want := uint32(0)
				for _, other := range x[:n] {
					if other > v {
						want++
					}
				}
				if ranks[i] != want {
					t.Fatalf("level %v: element %d of %d has rank %d, want %d", level, i, n, ranks[i], want)
				}
			}
			if ranks[whole] != 77 {
				t.Fatal("written behind the ranks")
			}
		}
	}
}
