package ir

import (
	"cmp"
	"slices"
)

// Group begins a group: the operations from here on, up to where the next group
// begins, can be moved past those of other groups by [Block.Stagger]. Only its
// own group may load an element to which a group stores.
func (b *Block) Group() { b.groups = append(b.groups, len(b.Ops)) }

// Stagger lets each group begin so many operations after the one before, instead
// of at its end. The groups, which are in different stages then, overlap like the
// turns of a software pipeline. A group keeps its inner order, and operations wait
// for their arguments.
func (b *Block) Stagger(by int) {
	type place struct {
		op  *Value
		key int
	}
	var order []place
	keys := make(map[*Value]int)
	for g, first := range b.groups {
		end := len(b.Ops)
		if g+1 < len(b.groups) {
			end = b.groups[g+1]
		}
		key := 0
		for i, o := range b.Ops[first:end] {
			key = max(key, g*by+i)
			for _, a := range o.Args {
				key = max(key, keys[a])
			}
			keys[o] = key
			order = append(order, place{o, key})
		}
	}
	slices.SortStableFunc(order, func(x, y place) int { return cmp.Compare(x.key, y.key) })
	for i, p := range order {
		b.Ops[b.groups[0]+i] = p.op
	}
}
