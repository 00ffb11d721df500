package bits

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
)

// faultyPair stands for a kernel that stores, and whose two sides differ
// where the row has the value of the given bit pattern.
func faultyPair(wrong uint32) side.Pair {
	call := func(fault uint32) func(ukernel.Args) ukernel.Result {
		return func(a ukernel.Args) (r ukernel.Result) {
			copy(a.Dst, a.Src)
			// The values are consecutive bit patterns.
			if i := wrong - math.Float32bits(a.Src[0]); i < uint32(len(a.Src)) {
				a.Dst[i] = math.Float32frombits(wrong ^ fault)
			}
			return r
		}
	}
	return side.Pair{Kernel: ukernel.Kernel{Name: "sample"}, Passes: []string{"none"}, Stores: true, Ref: call(0), Ours: call(5), Same: func(r, s ukernel.Result) bool { return true }}
}

// TestSweep runs a shard with one planted difference, interrupted and resumed.
func TestSweep(t *testing.T) {
	const wrong = 0x3f800123 // in part 254 of 1024
	// Shard 255 of 500 has the parts 254 and 754.
	sweep := Sweep{Pairs: []side.Pair{faultyPair(wrong)}, Shard: 255, Shards: 500, Workers: 1}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	sweep.Done = func(done, of int) {
		if done != 1 || of != 2 {
			t.Errorf("%d of %d parts are done, want 1 of 2", done, of)
		}
		cancel()
	}
	var stored State
	sweep.Save = func(s State) error { stored = s; return nil }
	state, err := sweep.Run(ctx, sweep.Start())
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	if len(stored.Finished) != 1 || len(state.Finished) != 1 {
		t.Fatalf("%d parts stored, %d returned, after a stop at 1", len(stored.Finished), len(state.Finished))
	}

	sweep.Done = nil
	state, err = sweep.Run(context.Background(), stored)
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(slices.Values(state.Finished)); !slices.Equal(got, []int{254, 754}) {
		t.Errorf("parts %v finished", got)
	}
	a := state.Kernels[0]
	if want := int64(2 * chunkValues); a.Values != want || a.Inputs != want/storeBlock {
		t.Errorf("%d values in %d rows, want %d in %d", a.Values, a.Inputs, want, want/storeBlock)
	}
	if a.Bits != 2 || len(a.Differences) != 1 {
		t.Fatalf("%+v, want one difference of two bits", a)
	}
	d := a.Differences[0]
	if d.Input != wrong || d.Ref != wrong || d.Ours != wrong^5 || !strings.Contains(d.Repeat, "--values 0x3f800000+2048") {
		t.Errorf("found %+v", d)
	}
}

func TestSweepRefuses(t *testing.T) {
	s := faultyPair(0)
	sweep := Sweep{Pairs: []side.Pair{s}, Shard: 2, Shards: 4, Workers: 1}
	for _, c := range []struct {
		change func(*State)
		want   string
	}{
		{func(st *State) { st.Shard = 3 }, "the state is of shard 3/4, this run is of 2/4"},
		{func(st *State) { st.Kernels = nil }, "the state is of 0 kernels, this run is of 1"},
		{func(st *State) { st.Kernels[0].Kernel = "x" }, "the state's kernel 0 is x"},
		{func(st *State) { st.Finished = []int{2} }, "the state has part 2"},
		{func(st *State) { st.Finished = []int{1025} }, "the state has part 1025"},
	} {
		state := sweep.Start()
		c.change(&state)
		if _, err := sweep.Run(context.Background(), state); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	bad := Sweep{Pairs: []side.Pair{s}, Shard: 5, Shards: 4, Workers: 1}
	if _, err := bad.Run(context.Background(), bad.Start()); err == nil {
		t.Error("no error for shard 5 of 4")
	}
	full := errors.New("disk full")
	one := Sweep{Pairs: []side.Pair{s}, Shard: 1, Shards: 1024, Workers: 1, Save: func(State) error { return full }}
	if _, err := one.Run(context.Background(), one.Start()); !errors.Is(err, full) {
		t.Errorf("error %v, want that of Save", err)
	}
}

// TestSweepBlock compares real kernels of each family on a few blocks, with
// values that make NaN, Inf and denormals.
func TestSweepBlock(t *testing.T) {
	var pairs []side.Pair
	for _, name := range []string{maxName, mulName, storeName} {
		f := lookup(t, name)
		pairs = append(pairs, pairOf(f, f))
	}
	w := newSweeper(pairs)
	for _, first := range []uint32{0, 0x007ff800, 0x3f800000, 0x7f7ffc00, 0x7f800000, 0x80000000, 0xc2aeac00, 0xfffff800} {
		w.fill(first)
		if x := math.Float32bits(w.src[1]); x != first+1 && w.src[1] == w.src[1] {
			t.Errorf("row begins with %#x, %#x", first, x)
		}
		for i := range pairs {
			var a Agreement
			w.block(&pairs[i], first, w.src, &a)
			if a.Bits != 0 || a.Values != storeBlock {
				t.Errorf("%s at %#x: %+v", pairs[i].Name, first, a)
			}
		}
	}
}

func TestCover(t *testing.T) {
	native := side.Native()
	agreements := []Agreement{{Kernel: maxName, Inputs: 3, Values: 30, Bits: 1}, {Kernel: "f32_rmax_ukernel__scalar_u1", Inputs: 4, Values: 40}}
	all := Cover(native.Kernels, func(string) bool { return true }, agreements)
	upstream, seen := 0, make(map[string]Coverage)
	for _, c := range all {
		upstream += c.Upstream
		seen[c.Family+" "+c.ISA] = c
	}
	if upstream != 271 {
		t.Errorf("%d upstream kernels, want 271", upstream)
	}
	if got, want := seen["f32_rmax scalar"], (Coverage{"f32_rmax", "scalar", 5, 5, 2, 7, 70, 1, "not reached"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	foreign := fmt.Sprintf("f32_rmax %v", ukernel.NEON)
	if ukernel.NEON.Supported() {
		foreign = fmt.Sprintf("f32_rmax %v", ukernel.AVX)
	}
	if c := seen[foreign]; c.Ran != 0 || !strings.HasPrefix(c.Why, "for ") {
		t.Errorf("another architecture's: %+v", c)
	}
}
