package arith

import "math"

// What it takes to find the k largest elements of a row: the largest element of each lane of each turn,
// which a sum sees anyway; a floor that at least k of those reach; and the elements that reach the floor,
// which are few.

// SumTops is Sum, and stores the largest element of each lane of each turn to tops. St.Max may be anything
// afterwards.
func (l Level) SumTops(tops, src []float32, st *Sum) (done int) {
	whole := len(src) &^ (turn - 1)
	tops = tops[:(len(src)+turn-1)/turn*lanes]
	if whole > 0 {
		if done = l.sumTops(tops, src[:whole], st); done < whole {
			return done
		}
	}
	if whole < len(src) {
		done += l.sumTurn(tops[whole/turn*lanes:], src[whole:], st)
	}
	return done
}

// sumTurn is SumTops of a turn at most.
func (l Level) sumTurn(tops, src []float32, st *Sum) int {
	st.Max = [lanes]float32{negInf, negInf, negInf, negInf, negInf, negInf, negInf, negInf,
		negInf, negInf, negInf, negInf, negInf, negInf, negInf, negInf}
	done := l.Sum(src, st)
	if done > 0 {
		copy(tops, st.Max[:])
	}
	return done
}

// sumTurns is SumTops of whole turns.
func (l Level) sumTurns(tops, src []float32, st *Sum) int {
	for at := 0; at < len(src); at += turn {
		if l.sumTurn(tops[at/turn*lanes:], src[at:at+turn], st) == 0 {
			return at
		}
	}
	return len(src)
}

// FloorOf is a number that at least k elements of x reach, and at most most, unless more are equal. It
// looks at whole rows of lanes alone, and is -Inf if they have less than k.
func (l Level) FloorOf(x []float32, k, most int) float32 {
	if x = x[:len(x)&^(lanes-1)]; len(x) < k {
		return negInf
	}
	if len(x) > Call {
		return floorOfPlain(x, k, most)
	}
	return l.floorOf(x, k, most)
}

// ordered is an integer for the bits of a float32 that is larger for a larger number. It is its own
// inverse.
func ordered(b uint32) int32 { return int32(b ^ uint32(int32(b)>>31)&math.MaxInt32) }

func floorOfPlain(x []float32, k, most int) float32 {
	low, high := x[0], x[0]
	for _, v := range x {
		low, high = min(low, v), max(high, v)
	}
	if k == 1 {
		return high
	}
	a, b := int64(ordered(math.Float32bits(low))), int64(ordered(math.Float32bits(high)))+1
	for b-a > 1 {
		mid := (a + b) >> 1
		floor, n := math.Float32frombits(uint32(ordered(uint32(mid)))), 0
		for _, v := range x {
			if v >= floor {
				n++
			}
		}
		if n < k {
			b = mid
		} else if a = mid; n <= most {
			break
		}
	}
	return math.Float32frombits(uint32(ordered(uint32(a))))
}

// LanesRoom is how much room ListLanes takes before it looks at other turns.
const LanesRoom = 5 * lanes

// ListLanes writes to numbers those of the first elements, from at on, of lanes of turns whose largest element,
// in tops, reaches the floor. It begins with the turn of that number, stops before one that there may be no room
// for, and returns how many lanes those were and which turn is next. They come in order.
func (l Level) ListLanes(numbers []uint32, tops []float32, turn, at int, floor float32) (n, next int) {
	return l.listLanes(numbers, tops[:len(tops)&^(lanes-1)], turn, at, floor)
}

func listLanesPlain(numbers []uint32, tops []float32, next, at int, floor float32) (n, _ int) {
	for ; next < len(tops)/lanes && n <= len(numbers)-LanesRoom; next++ {
		for l, m := range tops[next*lanes:][:lanes] {
			if m >= floor {
				numbers[n] = uint32(at + next*turn + l)
				n++
			}
		}
	}
	return n, next
}

// GatherRoom is how much room GatherLanes takes for n lanes.
func GatherRoom(n int) int { return n*turn/lanes + lanes }

// GatherLanes writes the elements of lanes that reach the floor to x, and their numbers to index. Element i of
// src, up to 2^30, has the number at + i; numbers are those of the lanes' first elements, as ListLanes has
// them, all in src. X and index have GatherRoom. It returns how many elements that were: lane by lane.
func (l Level) GatherLanes(x []float32, index, numbers []uint32, src []float32, at int, floor float32) (n int) {
	for len(numbers) > 0 {
		some := numbers[:min(len(numbers), Call*lanes/turn)]
		numbers = numbers[len(some):]
		room := GatherRoom(len(some))
		n += l.gatherLanes(x[n:][:room], index[n:][:room], some, src, at, floor)
	}
	return n
}

func gatherLanesPlain(x []float32, index, numbers []uint32, src []float32, at int, floor float32) (n int) {
	for _, first := range numbers {
		first := int(first) - at
		for i := first; i < min(first+turn, len(src)); i += lanes {
			if v := src[i]; v >= floor {
				x[n], index[n] = v, uint32(at+i)
				n++
			}
		}
	}
	return n
}

// RanksOf writes to ranks how many of the first n elements of x each of those is less than. Behind them x
// and ranks have whole rows of lanes. It is false if the level has no kernel for that.
func (l Level) RanksOf(ranks []uint32, x []float32, n int) bool {
	whole := (n + lanes - 1) &^ (lanes - 1)
	return l.ranksOf(ranks[:whole], x[:whole], n)
}
