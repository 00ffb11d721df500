package bits

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/twopass-softmax/twopass/compare/internal/operands"
	"github.com/twopass-softmax/twopass/compare/internal/parallel"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
)

const (
	// sweepChunks is the number of parts of a sweep. A part is the unit of sharding,
	// of progress and of resuming.
	sweepChunks = 1024
	chunkValues = 1 << 32 / sweepChunks
	// storeBlock is the length of rows for pairs that store: with both outputs it
	// fits the smallest L1 cache.
	storeBlock = 2048
	// sumBlock is the length of rows for the others: a longer sum rounds away what
	// a single element contributes.
	sumBlock = 256
)

// Sweep compares pairs on all 2^32 float32 values. Its rows are 2048 consecutive bit patterns for
// pairs that store, 256 for others.
type Sweep struct {
	Pairs []side.Pair
	// Shard, from 1 to Shards, takes every Shards-th part of the values. If both
	// are 0, the sweep takes all.
	Shard, Shards int
	Workers       int
	// Save, if not nil, stores the state every few seconds and at the end.
	Save func(State) error
	// Done, if not nil, is called after each part with the number of finished parts,
	// those of earlier runs included, and of all.
	Done func(done, of int)
}

// mine lists the parts of the sweep's shard.
func (s *Sweep) mine() []int {
	shard, shards := max(s.Shard, 1), max(s.Shards, 1)
	var chunks []int
	for c := shard - 1; c < sweepChunks; c += shards {
		chunks = append(chunks, c)
	}
	return chunks
}

// Start returns the state of a sweep that has done nothing.
func (s *Sweep) Start() State {
	state := State{Shard: max(s.Shard, 1), Shards: max(s.Shards, 1), Finished: []int{}}
	for _, p := range s.Pairs {
		state.Kernels = append(state.Kernels, Agreement{Kernel: p.Name})
	}
	return state
}

// Run continues a sweep from state and returns the state at its end. When ctx ends, Run returns
// with the context's error, and leaves unfinished parts to the next run.
func (s *Sweep) Run(ctx context.Context, state State) (State, error) {
	if err := s.fits(state); err != nil {
		return state, err
	}
	finished := make(map[int]bool)
	for _, c := range state.Finished {
		finished[c] = true
	}
	mine := s.mine()
	var todo []int
	for _, c := range mine {
		if !finished[c] {
			todo = append(todo, c)
		}
	}

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex
	saved := time.Now()
	parallel.Each(ctx, s.Workers, len(todo), func() func(int) {
		w := newSweeper(s.Pairs)
		return func(i int) {
			found, ok := w.chunk(ctx, todo[i])
			if !ok {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			state.merge(todo[i], found)
			if s.Done != nil {
				s.Done(len(state.Finished), len(mine))
			}
			if s.Save != nil && time.Since(saved) > 5*time.Second {
				if err := s.Save(state); err != nil {
					stop(err)
				}
				saved = time.Now()
			}
		}
	})
	if s.Save != nil {
		if err := s.Save(state); err != nil {
			return state, err
		}
	}
	return state, context.Cause(ctx)
}

// fits returns an error if state is not of this sweep.
func (s *Sweep) fits(state State) error {
	shard, shards := max(s.Shard, 1), max(s.Shards, 1)
	if shard > shards {
		return fmt.Errorf("shard %d of %d: it must be from 1 to %d", shard, shards, shards)
	}
	if state.Shard != shard || state.Shards != shards {
		return fmt.Errorf("the state is of shard %d/%d, this run is of %d/%d", state.Shard, state.Shards, shard, shards)
	}
	if len(state.Kernels) != len(s.Pairs) {
		return fmt.Errorf("the state is of %d kernels, this run is of %d", len(state.Kernels), len(s.Pairs))
	}
	for i, p := range s.Pairs {
		if state.Kernels[i].Kernel != p.Name {
			return fmt.Errorf("the state's kernel %d is %s, this run's is %s", i, state.Kernels[i].Kernel, p.Name)
		}
	}
	for _, c := range state.Finished {
		if c < 0 || c >= sweepChunks || c%shards != shard-1 {
			return fmt.Errorf("the state has part %d, which is not of shard %d/%d", c, shard, shards)
		}
	}
	return nil
}

// sweeper is what one goroutine of a sweep needs.
type sweeper struct {
	pairs          []side.Pair
	src, ref, ours []float32
	ref16, ours16  []uint16
	ref8, ours8    []uint8
	args           ukernel.Args // the other operands that are read, for all of src
	exact          *checker
}

func newSweeper(pairs []side.Pair) *sweeper {
	return &sweeper{
		pairs: pairs,
		src:   operands.Aligned(storeBlock), ref: operands.Aligned(storeBlock), ours: operands.Aligned(storeBlock),
		ref16: make([]uint16, storeBlock), ours16: make([]uint16, storeBlock),
		ref8: make([]uint8, storeBlock), ours8: make([]uint8, storeBlock),
		exact: newChecker(storeBlock),
	}
}

// chunk compares all pairs on one part.
func (w *sweeper) chunk(ctx context.Context, chunk int) ([]Agreement, bool) {
	found := make([]Agreement, len(w.pairs))
	begin := uint32(chunk) * chunkValues
	for at := uint32(0); at < chunkValues; at += storeBlock {
		if ctx.Err() != nil {
			return nil, false
		}
		w.fill(begin + at)
		for i := range w.pairs {
			s := &w.pairs[i]
			n := sumBlock
			if s.Stores {
				n = storeBlock
			}
			for j := 0; j < storeBlock; j += n {
				w.block(s, begin+at+uint32(j), w.src[j:j+n], &found[i])
			}
		}
	}
	return found, true
}

// fill makes a row of the bit patterns from first on, and the other operands.
func (w *sweeper) fill(first uint32) {
	fillConsecutive(w.src, first)
	w.args = consecutive(w.src)
}

// block compares a pair on a row, and leaves what differs to the checker.
func (w *sweeper) block(p *side.Pair, first uint32, src []float32, into *Agreement) {
	n := len(src)
	a, at := w.args, first-math.Float32bits(w.src[0])
	a.Src = src
	a.Half, a.Src8 = a.Half[at:][:n], a.Src8[at:][:n]
	call := func(f func(ukernel.Args) ukernel.Result, dst []float32, dst16 []uint16, dst8 []uint8) ukernel.Result {
		if p.Stores {
			a.Dst, a.Dst16, a.Dst8 = dst[:n], dst16[:n], dst8[:n]
		}
		r := f(a)
		if numbers := numbers(p); numbers != nil {
			numbers(a)
		}
		return r
	}
	ref, ours := call(p.Ref, w.ref, w.ref16, w.ref8), call(p.Ours, w.ours, w.ours16, w.ours8)
	if p.Same(ref, ours) && (!p.Stores || bytes.Equal(asBytes(w.ref[:n]), asBytes(w.ours[:n]))) {
		into.Inputs++
		into.Values += int64(n)
		return
	}
	w.exact.check(p, Consecutive(first, n), a, false, into)
}

// State is the progress of a sweep, as it is stored.
type State struct {
	Shard    int         `json:"shard"`
	Shards   int         `json:"shards"`
	Kernels  []Agreement `json:"kernels"`
	Finished []int       `json:"finished_parts"`
}

// merge adds a finished part.
func (s *State) merge(chunk int, found []Agreement) {
	s.Finished = append(s.Finished, chunk)
	for i, a := range found {
		s.Kernels[i].add(a)
	}
}
