package native

import (
	"math"
	"slices"

	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// top finds the k largest elements of a row. The first pass stores the largest ones by lane of each turn.
// A number that k of those reach, the floor, is at most the k-th largest element, so that only lanes that
// reach it are looked at once more: k of them, and more where some are equal. Elements that reach it are
// candidates, and the order of those is that of how many others each is less than.
type top struct {
	k     int
	floor float32 // candidates are at least that
	n     int     // of candidates
	x     []float32
	index []uint32
	ranks []uint32
	// places are the candidates by rank.
	places []uint32
	hits   []uint32 // working memory
	// The largest elements by lane: of each turn from base on, and of each step.
	tops, maxima []float32
	base, step   int
	many         bool // a piece had many more candidates than there is room for
	keys         []uint64
}

const (
	// topLanes is how many lanes a sum has.
	topLanes = len(arith.Sum{}.Max)
	// topPiece is how many elements are looked at at once at most: as long as they stay in the second-level cache.
	topPiece = 1 << 18
	// rankedMost is how many candidates are ranked, each by looks at all others.
	rankedMost = 1 << 10
)

// begin is for a row of n elements.
func (t *top) begin(k, n int) {
	t.k, t.n, t.base, t.floor, t.maxima, t.many = k, 0, 0, negInf, t.maxima[:0], false
	if room := (2*k + 4*arith.CollectRoom) &^ (topLanes - 1); len(t.x) < room {
		t.x, t.index = make([]float32, room), make([]uint32, room)
		t.hits = make([]uint32, arith.CollectHits)
		t.ranks, t.places = make([]uint32, room), make([]uint32, room)
	}
	if turns := (min(n, topPiece) + arith.Turn - 1) / arith.Turn; len(t.tops) < topLanes*turns {
		t.tops = make([]float32, topLanes*turns)
	}
	t.step = blockLen
	if n > blockLen {
		for t.step > blockLen/8 && n/t.step*topLanes < 2*k {
			t.step /= 2
		}
	}
}

// noMax is the largest elements of none.
var noMax = func() (m [topLanes]float32) {
	for l := range m {
		m[l] = negInf
	}
	return m
}()

// room is how many candidates there may be.
func (t *top) room() int { return (2*t.k + 4*arith.CollectRoom) &^ (topLanes - 1) }

// take takes the candidates of z, elements from at on, of which t.tops has the turns.
func (t *top) take(level arith.Level, z []float32, at int) {
	tops := t.tops[:(len(z)+arith.Turn-1)/arith.Turn*topLanes]
	if t.n < t.k || t.many || len(z) > blockLen {
		// The floor is that of as few numbers as there are twice as many of as of candidates.
		few := t.maxima
		if len(few) < 2*t.k {
			if few = tops; len(few) < 2*t.k {
				few = z
			}
		}
		t.raise(level, few)
	}
	t.maxima = t.maxima[:0]
	for turn, full := 0, 0; ; full++ {
		var n int
		n, turn = level.Collect(t.x[t.n:t.room()], t.index[t.n:], t.hits, tops, z, turn, at, t.floor)
		if t.n += n; turn == len(tops)/topLanes {
			return
		}
		if full == 1 {
			t.many = true
			t.raise(level, tops)
			t.drop(t.floor)
		}
		if t.room()-t.n < 2*arith.CollectRoom {
			t.prune(level)
		}
	}
}

// raise raises the floor to one that k of x reach.
func (t *top) raise(level arith.Level, x []float32) {
	t.floor = max(t.floor, level.FloorOf(x, t.k, t.k+t.k/16+2))
}

// drop drops the candidates below the floor.
func (t *top) drop(floor float32) {
	n := 0
	for i, x := range t.x[:t.n] {
		if x >= floor {
			t.x[n], t.index[n] = x, t.index[i]
			n++
		}
	}
	t.n = n
}

// prune leaves few candidates but the k largest. All other elements come later, in other turns.
func (t *top) prune(level arith.Level) {
	floor := level.FloorOf(t.x[:t.n], t.k, t.k+t.k/4+topLanes)
	t.floor = max(t.floor, floor)
	if t.drop(floor); t.room()-t.n >= 2*arith.CollectRoom {
		return
	}
	// So many are equal: those of the first turns stay.
	more := t.k
	for _, x := range t.x[:t.n] {
		if x > floor {
			more--
		}
	}
	n, last := 0, uint32(0)
	for i, x := range t.x[:t.n] {
		index := t.index[i]
		if x == floor {
			if more <= 0 && index/arith.Turn != last {
				continue
			}
			more--
			last = index / arith.Turn
		}
		t.x[n], t.index[n] = x, index
		n++
	}
	t.n, t.floor = n, math.Nextafter32(floor, posInf)
}

// sort sorts the candidates.
func (t *top) sort() {
	t.keys = t.keys[:0]
	for i, x := range t.x[:t.n] {
		t.keys = append(t.keys, ^topKey(x, t.index[i]))
	}
	slices.Sort(t.keys)
	for i, key := range t.keys {
		t.x[i], t.index[i] = element(^key)
	}
}

// sorted writes the k largest elements and their indices, the largest first.
func (t *top) sorted(level arith.Level, x []float32, index []int) {
	if t.n > 2*t.k+4*topLanes {
		t.prune(level)
	}
	if t.n > rankedMost || !t.ranked(level, x, index) {
		t.sort()
		copy(x, t.x)
		for i := range index {
			index[i] = int(t.index[i])
		}
	}
}

// ranked is sorted by ranks. It is false if it can't do that, or many elements are equal.
func (t *top) ranked(level arith.Level, x []float32, index []int) bool {
	whole := (t.n + topLanes - 1) &^ (topLanes - 1)
	for i := t.n; i < whole; i++ {
		t.x[i] = negInf
	}
	if !level.RanksOf(t.ranks[:whole], t.x[:whole], t.n) {
		return false
	}
	places := t.places[:t.n] // candidates in order, from 1 on
	clear(places)
	for i, rank := range t.ranks[:t.n] {
		if places[rank] == 0 {
			places[rank] = uint32(i + 1)
		} else if !t.insert(places[rank:], i) {
			return false
		}
	}
	for r, p := range places[:len(index)] {
		x[r], index[r] = t.x[p-1], int(t.index[p-1])
	}
	return true
}

// insert puts a candidate into the places of equal ones, which are as many as they are, in the order of
// their indices. It is false if they are many.
func (t *top) insert(places []uint32, i int) bool {
	own := uint32(i + 1)
	for at, p := range places {
		if p == 0 {
			places[at] = own
			return at < topLanes
		}
		if t.index[p-1] > t.index[own-1] {
			places[at], own = own, p
		}
	}
	return false
}

// topKey is that of element x at i. The order of keys is that of elements, and of equal ones the earlier
// is larger.
func topKey(x float32, i uint32) uint64 {
	w := math.Float32bits(x + 0) // -0 is 0
	w ^= uint32(int32(w)>>31) | 1<<31
	return uint64(w)<<32 | uint64(^i)
}

// element is that of a key.
func element(key uint64) (x float32, i uint32) {
	w := uint32(key >> 32)
	w ^= ^uint32(int32(w)>>31) | 1<<31
	return math.Float32frombits(w), ^uint32(key)
}
