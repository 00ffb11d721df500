package native

import (
	"math"
	"slices"

	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// top finds the k largest elements of a row. The first pass stores the largest element of each lane of each
// turn. The floor is a number that at least k of those reach, and so at most the k-th largest element. After
// the pass only lanes that reach the floor are looked at again: k of them and a few more. Their elements that
// reach the floor are the candidates. A candidate's rank is how many others are larger.
type top struct {
	k     int
	floor float32 // lanes that are not listed yet have to reach it
	least float32 // at most the k-th largest element; floor may be above, if enough are equal to it
	// lanes are those listed, by the largest element of each, unless it is unknown, and the number of its first
	// one; candidates are elements and their numbers.
	lanes, candidates list
	unknown           int // of the lanes: elements from here on
	ranks             []uint32
	places            []uint32 // the candidates by rank
	// The largest elements by lane: of each turn from base on, and of each step.
	tops, maxima []float32
	base, step   int
	keys         []uint64
}

// list has numbers with their indices, turn by turn.
type list struct {
	x     []float32
	index []uint32
	n     int
}

const (
	// topLanes is how many lanes a sum has.
	topLanes = len(arith.Sum{}.Max)
	// topPiece is how many elements lanes are listed of at a time at most: a chunk or several.
	topPiece = 1 << 18
	// rankedMost is how many candidates are ranked, each by looks at all others.
	rankedMost = 1 << 10
)

// lanesMost is how many lanes are looked at once more at most, but for the equal ones of one turn.
func (t *top) lanesMost() int { return t.k + t.k/4 + 2*topLanes }

// begin is for a row of n elements.
func (t *top) begin(k, n int) {
	t.k, t.base, t.floor, t.least, t.unknown, t.maxima = k, 0, negInf, negInf, 0, t.maxima[:0]
	all := (n + arith.Turn - 1) / arith.Turn * topLanes // of the row
	t.lanes.begin(min(4*k+8*arith.LanesRoom, all+arith.LanesRoom))
	t.candidates.begin(arith.GatherRoom(min(t.lanesMost()+topLanes, all)))
	if room := min(len(t.candidates.x), rankedMost); len(t.ranks) < room {
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

// begin makes an empty list with room for n numbers, and up to whole rows of lanes.
func (l *list) begin(n int) {
	if n = (n + topLanes - 1) &^ (topLanes - 1); cap(l.x) < n {
		l.x, l.index = make([]float32, n), make([]uint32, n)
	}
	l.x, l.index, l.n = l.x[:n], l.index[:n], 0
}

// noMax is the largest elements of none.
var noMax = func() (m [topLanes]float32) {
	for l := range m {
		m[l] = negInf
	}
	return m
}()

// take lists the lanes of elements from t.base on, of which t.tops has the turns, up to end.
func (t *top) take(j *job, end int) {
	tops := t.tops[:(end-t.base+arith.Turn-1)/arith.Turn*topLanes]
	// The floor comes from the shortest list that has 2*k numbers: maxima of steps, of turns, or the elements.
	few := t.maxima
	if len(few) < 2*t.k {
		if few = tops; len(few) < 2*t.k && end <= blockLen {
			few = j.elements(0, end)
		}
	}
	t.raise(j.level.FloorOf(few, t.k, t.k+t.k/16+2))
	t.maxima = t.maxima[:0]
	for turn := 0; ; {
		var n int
		n, turn = j.level.ListLanes(t.lanes.index[t.lanes.n:], tops, turn, t.base, t.floor)
		if t.lanes.n += n; turn == len(tops)/topLanes {
			return
		}
		t.prune(j.level)
	}
}

// know looks up the largest elements of lanes that are unknown. They are of the turns from base on.
func (t *top) know() {
	for i, first := range t.lanes.index[t.unknown:t.lanes.n] {
		at := int(first) - t.base
		t.lanes.x[t.unknown+i] = t.tops[at/arith.Turn*topLanes+at%arith.Turn]
	}
	t.unknown = t.lanes.n
}

// raise raises the floor to one that k elements reach.
func (t *top) raise(floor float32) {
	t.floor, t.least = max(t.floor, floor), max(t.least, floor)
}

// prune leaves lanesMost of the lanes at most, but for the equal ones of one turn.
func (t *top) prune(level arith.Level) {
	t.know()
	floor, all := t.lanes.prune(level, t.k, t.lanesMost())
	t.unknown = t.lanes.n
	if t.raise(floor); !all {
		t.floor = max(t.floor, math.Nextafter32(floor, posInf)) // all others come later
	}
}

// prune leaves the k largest numbers and some others, most in all, but for the equal ones of one turn. There
// are more than k + topLanes. They all reach the floor; if not all that do are left, of those that are equal
// to it the first ones are.
func (l *list) prune(level arith.Level, k, most int) (floor float32, all bool) {
	floor = level.FloorOf(l.x[:l.n], k, most)
	n, equal := 0, 0
	for i, x := range l.x[:l.n] {
		if x >= floor {
			l.x[n], l.index[n] = x, l.index[i]
			n++
		}
		if x == floor {
			equal++
		}
	}
	if l.n = n; n <= most {
		return floor, true
	}
	equal += k - n // of them are left
	n, last := 0, uint32(0)
	for i, x := range l.x[:l.n] {
		index := l.index[i]
		if x == floor {
			if equal <= 0 && index/arith.Turn != last {
				continue
			}
			equal--
			last = index / arith.Turn
		}
		l.x[n], l.index[n] = x, index
		n++
	}
	l.n = n
	return floor, false
}

// gather makes candidates of the lanes' elements.
func (t *top) gather(j *job) {
	if t.lanes.n > t.lanesMost() {
		t.prune(j.level)
	}
	c, lanes := &t.candidates, t.lanes.index[:t.lanes.n]
	for len(lanes) > 0 {
		at, n := int(lanes[0])&^(arith.Turn-1), 1
		end := at + arith.Turn
		if j.direct() {
			end = at + 1<<30
		}
		for ; n < len(lanes); n++ {
			if first := int(lanes[n]) &^ (arith.Turn - 1); first >= end {
				// To convert some turns more takes less time than another call.
				if first > end+3*arith.Turn || first+arith.Turn > at+blockLen {
					break
				}
				end = first + arith.Turn
			}
		}
		z := j.elements(at, min(end, j.src.len()))
		c.n += j.level.GatherLanes(c.x[c.n:], c.index[c.n:], lanes[:n], z, at, t.least)
		lanes = lanes[n:]
	}
	if c.n > 2*t.k+4*topLanes {
		c.prune(j.level, t.k, t.k+t.k/4+topLanes)
	}
}

// sort sorts the candidates.
func (t *top) sort() {
	c := &t.candidates
	t.keys = t.keys[:0]
	for i, x := range c.x[:c.n] {
		t.keys = append(t.keys, ^topKey(x, c.index[i]))
	}
	slices.Sort(t.keys)
	for i, key := range t.keys {
		c.x[i], c.index[i] = element(^key)
	}
}

// sorted writes the k largest elements and their indices, the largest first.
func (t *top) sorted(level arith.Level, x []float32, index []int) {
	if c := &t.candidates; c.n > rankedMost || !t.ranked(level, x, index) {
		t.sort()
		copy(x, c.x)
		for i := range index {
			index[i] = int(c.index[i])
		}
	}
}

// ranked does what sorted does by ranks. It is false if there are no ranks at this level, or many elements
// are equal.
func (t *top) ranked(level arith.Level, x []float32, index []int) bool {
	c := &t.candidates
	whole := (c.n + topLanes - 1) &^ (topLanes - 1)
	for i := c.n; i < whole; i++ {
		c.x[i] = negInf
	}
	if !level.RanksOf(t.ranks[:whole], c.x[:whole], c.n) {
		return false
	}
	places := t.places[:c.n] // candidates in order, from 1 on
	sum := uint32(0)
	for i, rank := range t.ranks[:c.n] {
		places[rank] = uint32(i + 1)
		sum += rank
	}
	if sum != uint32(c.n*(c.n-1)/2) && !t.insertAll(places) { // the sum is smaller where some are equal
		return false
	}
	for r, p := range places[:len(index)] {
		x[r], index[r] = c.x[p-1], int(c.index[p-1])
	}
	return true
}

// insertAll fills places where some candidates are equal: m equal ones have the same rank, and take the m
// places from there on. It is false if m is large.
func (t *top) insertAll(places []uint32) bool {
	clear(places)
	for i, rank := range t.ranks[:len(places)] {
		if places[rank] == 0 {
			places[rank] = uint32(i + 1)
		} else if !t.insert(places[rank:], i) {
			return false
		}
	}
	return true
}

// insert puts candidate i into the places of those that are equal to it, in the order of their indices. It is
// false if they are many.
func (t *top) insert(places []uint32, i int) bool {
	own, index := uint32(i+1), t.candidates.index
	for at, p := range places {
		if p == 0 {
			places[at] = own
			return at < topLanes
		}
		if index[p-1] > index[own-1] {
			places[at], own = own, p
		}
	}
	return false
}

// topKey is a key by which elements sort: the larger element has the larger key, and of equal ones the earlier.
func topKey(x float32, i uint32) uint64 {
	w := math.Float32bits(x + 0) // -0 is 0
	w ^= uint32(int32(w)>>31) | 1<<31
	return uint64(w)<<32 | uint64(^i)
}

// element undoes topKey.
func element(key uint64) (x float32, i uint32) {
	w := uint32(key >> 32)
	w ^= ^uint32(int32(w)>>31) | 1<<31
	return math.Float32frombits(w), ^uint32(key)
}

// topRows does the rows from first to before end.
func (c *call) topRows(first, end int) {
	b := bufferPool.Get().(*buffers)
	for i := first; i < end; i++ {
		c.topRow(i, b)
	}
	bufferPool.Put(b)
}

// topRow does row i.
func (c *call) topRow(i int, b *buffers) {
	j := c.job(i)
	j.buf = b
	probs, index := c.dst.f[i*c.dstStride:][:c.columns.Cols], c.columns.row(i)
	j.dst = operand{f: probs}
	var one [1]chunk
	var total sum
	kind := allInf
	n := 0
	if j.src.len() > 0 {
		t := &b.top
		n = min(len(index), j.src.len())
		t.begin(n, j.src.len())
		j.top = t
		chunks := j.split(&one)
		rare := false // a chunk was not, or not as it is, summed in one go
		for i := range chunks {
			if j.sumChunk(&chunks[i]); chunks[i].state != summed {
				rare, j.top = true, nil
			}
		}
		j.top = nil
		if total, kind = j.sumRow(chunks); kind == regular {
			shifted := j.shifted
			j.shifted = false
			if rare {
				j.topAgain(t)
			}
			t.take(&j, j.src.len())
			t.gather(&j)
			j.shifted = shifted
			t.sorted(j.level, probs[:n], index[:n])
		}
	}
	if kind != regular {
		n = 0
		j.writeSpecial(kind)
	}
	for k := n; k < len(index); k++ {
		index[k] = k // behind n elements that the causal mask leaves
	}
	if kind == regular {
		clear(probs[n:])
		j.writeTop(probs[:n], &total)
	}
}

// writeTop makes probabilities of elements, in place.
func (j *job) writeTop(y []float32, total *sum) {
	if j.shifted {
		for i := range y {
			y[i] -= j.shift
		}
	}
	st := arith.Sum{KHi: j.scale.KHi, KLo: j.scale.KLo, N: total.n}
	f := arith.MakeFactor(total.total)
	for y := range slices.Chunk(y, callLen) {
		j.level.ExpScale(y, y, &st, &f)
	}
}

// sumTops is the sum of a job that looks for the largest elements, of those from at on.
func (j *job) sumTops(at int, z []float32, st *arith.Sum) (done int) {
	t := j.top
	if at-t.base == topPiece {
		t.take(j, at)
		t.know()
		t.base = at
	}
	for done < len(z) {
		// A step, whose largest elements are kept, or what is left.
		part := z[done:min(len(z), done+t.step)]
		if len(part) > t.step/2 {
			part = part[:len(part)&^(arith.Turn-1)]
		}
		st.Max = noMax
		k := j.level.SumTops(t.tops[(at+done-t.base)/arith.Turn*topLanes:], part, st)
		if done += k; k < len(part) {
			break
		}
		if k >= t.step/2 {
			t.maxima = append(t.maxima, st.Max[:]...)
		}
	}
	return done
}

// topAgain looks through the row without a sum.
func (j *job) topAgain(t *top) {
	t.begin(t.k, j.src.len())
	j.top = t
	st := arith.Sum{Lim: posInf} // of any elements: the sum means nothing
	for at := 0; at < j.src.len(); {
		z := j.elements(at, min(at+blockLen, j.src.len()))
		j.sumTops(at, z, &st)
		at += len(z)
	}
	j.top = nil
}
