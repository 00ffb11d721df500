package server

import (
	"math"
	"slices"
)

// NoIndex is the index of an element that does not exist: those of a row that
// has no probabilities.
const NoIndex = 1<<32 - 1

// topper finds the greatest elements of rows.
type topper struct {
	keys   []uint64
	visits int // how many keys have been looked at
}

// topK writes the indices of the len(top) greatest elements of row to top, the
// greatest first, of equal ones the smaller index first. Top is not longer than
// row, nor empty. Where row has a NaN, the indices are some or other.
//
// It is a radix select, whose time depends on the elements, but neither on their
// order nor on len(top), and is linear in the worst case; a sort of the k that it
// has found comes on top.
func (t *topper) topK(top []uint32, row []float32) {
	const digit = 11
	// Most rows leave little to be done for the keys with the first digits.
	var counts [1 << digit]int
	for _, x := range row {
		counts[key(x, 0)>>(64-digit)]++
	}
	last := uint64(0)
	for n := counts[0]; n < len(top); n += counts[last] {
		last++
	}
	t.keys = t.keys[:0]
	for i, x := range row {
		if k := key(x, i); k>>(64-digit) <= last {
			t.keys = append(t.keys, k)
		}
	}
	t.visits += 2 * len(row)
	rest, need := t.keys, len(top)
	for shift := 64 - digit; need < len(rest); shift = max(0, shift-digit) {
		clear(counts[:])
		for _, k := range rest {
			counts[k>>shift%(1<<digit)]++
		}
		t.visits += len(rest)
		d := 0
		for ; counts[d] < need; d++ {
			need -= counts[d]
		}
		// Keys with a smaller digit are in, come first and are done with. Those with
		// this one come next, and are decided by the next digit.
		in, open := 0, 0
		for i, k := range rest {
			switch this := int(k >> shift % (1 << digit)); {
			case this < d:
				rest[i], rest[open], rest[in] = rest[open], rest[in], k
				in++
				open++
			case this == d:
				rest[i], rest[open] = rest[open], k
				open++
			}
		}
		rest = rest[in:open]
	}
	best := t.keys[:len(top)]
	slices.Sort(best)
	for i, k := range best {
		top[i] = uint32(k)
	}
}

// key is smaller for greater elements, and for equal ones with a smaller index.
func key(x float32, i int) uint64 {
	b := math.Float32bits(x + 0) // -0 becomes 0
	negative := uint32(int32(b) >> 31)
	b ^= (1<<31 - 1) &^ negative
	return uint64(b)<<32 | uint64(uint32(i))
}
