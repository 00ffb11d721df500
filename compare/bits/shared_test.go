package bits

import (
	"context"
	"slices"
	"sync"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
	"github.com/twopass-softmax/twopass/ukernel/model"
)

// TestSharedByWorkers holds that what one worker's kernels write no other worker's
// kernels read or write. Under the race detector, which sees into the model but not
// into assembly, that goes for every byte; without it for where outputs begin.
func TestSharedByWorkers(t *testing.T) {
	plan := Plan{Classes: []inputs.Class{inputs.Normal, inputs.NaNs}, Seeds: []uint64{0, 1}, Lengths: []int{1, 5, 16, 33}, Offsets: []int{0, 3}}
	for _, f := range ukernel.Families() {
		t.Run(f.String(), func(t *testing.T) {
			kernels := side.Native().Kernels
			i := slices.IndexFunc(kernels, func(k ukernel.Kernel) bool { return k.Family == f })
			if i < 0 {
				t.Fatalf("native has no kernel of %v", f)
			}
			p := pairOf(model.Func(kernels[i], model.Fault{}), model.Func(kernels[i], model.Fault{}))

			var outputs [2]map[unsafe.Pointer]bool
			run := func(work func(i int, p side.Pair)) {
				// Each of two workers does one pair: neither begins before the other.
				var begun sync.WaitGroup
				begun.Add(len(outputs))
				for i := range outputs {
					outputs[i] = make(map[unsafe.Pointer]bool)
					p, once := p, sync.Once{}
					ours := p.Ours
					p.Ours = func(a ukernel.Args) ukernel.Result {
						once.Do(func() { begun.Done(); begun.Wait() })
						outputs[i][unsafe.Pointer(unsafe.SliceData(a.Dst))] = true
						outputs[i][unsafe.Pointer(unsafe.SliceData(a.Dst16))] = true
						outputs[i][unsafe.Pointer(unsafe.SliceData(a.Dst8))] = true
						return ours(a)
					}
					work(i, p)
				}
			}
			check := func(how string, a Agreement) {
				if a.Inputs == 0 || a.Bits != 0 {
					t.Errorf("%s: %+v, want no difference", how, a)
				}
			}

			var pairs []side.Pair
			run(func(_ int, p side.Pair) { pairs = append(pairs, p) })
			all, err := plan.Run(context.Background(), pairs, len(pairs), nil)
			if err != nil || len(all) != len(pairs) {
				t.Fatalf("%d of %d pairs, error %v", len(all), len(pairs), err)
			}
			for i, a := range all {
				check("plan", a)
				for p := range outputs[i] {
					if p != nil && outputs[1-i][p] {
						t.Error("plan: two workers have an output at the same place")
					}
				}
			}

			var wg sync.WaitGroup
			var swept [2]Agreement
			run(func(i int, p side.Pair) {
				wg.Add(1)
				go func() {
					defer wg.Done()
					w := newSweeper([]side.Pair{p})
					w.fill(0x3f800000)
					w.block(&w.pairs[0], 0x3f800000, w.src[:64], &swept[i])
				}()
			})
			wg.Wait()
			for _, a := range swept {
				check("sweep", a)
			}
		})
	}
}
