package ir

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestStaggerOrder holds the order of three groups of four operations, each of
// which begins two operations after the one before.
func TestStaggerOrder(t *testing.T) {
	f := NewFunc(4, true)
	b := f.Block(While, 12, "")
	b.Prefetch(100) // in no group
	for i := range 3 {
		b.Group()
		x := b.Load(i)
		for range 3 {
			x = b.Round(x)
		}
		b.Store(x, i)
	}
	prefetch, ops := b.Ops[0], slices.Clone(b.Ops[1:])
	b.Stagger(2)
	want := []*Value{prefetch}
	for _, i := range []int{0, 1, 2, 4, 3, 5, 6, 8, 7, 9, 10, 11} {
		want = append(want, ops[i])
	}
	if !slices.Equal(b.Ops, want) {
		t.Errorf("the order is not that of the groups' stages")
	}
}

// TestStagger holds that random kernels mean the same after their operations
// have been reordered: no operation comes before its arguments, and a group's
// keep their order.
func TestStagger(t *testing.T) {
	for seed := range uint64(1000) {
		r := rand.New(rand.NewPCG(seed, 2))
		f := program(r)
		for _, b := range f.Blocks {
			group := make(map[*Value]int)
			for i, o := range b.Ops {
				if r.IntN(6) == 0 {
					b.groups = append(b.groups, i)
				}
				group[o] = len(b.groups)
			}
			before := slices.Clone(b.Ops)
			b.Stagger(r.IntN(8))
			at := make(map[*Value]int)
			for i, o := range b.Ops {
				at[o] = i
			}
			if len(at) != len(before) {
				t.Fatalf("seed %d: %d operations of %d", seed, len(at), len(before))
			}
			for i, o := range before {
				for _, a := range o.Args {
					if k, ok := at[a]; ok && k > at[o] {
						t.Fatalf("seed %d: operation %d comes before its argument", seed, i)
					}
				}
				if i > 0 && group[before[i-1]] == group[o] && at[before[i-1]] > at[o] {
					t.Fatalf("seed %d: operations %d and %d of a group have changed places", seed, i-1, i)
				}
				if group[o] == 0 && at[o] != i {
					t.Fatalf("seed %d: operation %d is in no group and has moved", seed, i)
				}
			}
		}
	}
}
