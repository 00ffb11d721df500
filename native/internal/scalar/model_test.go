package scalar

import (
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
	"github.com/twopass-softmax/twopass/ukernel/model"
)

// TestModel compares every kernel with the executable model, bit for bit, and in
// place with out of place.
func TestModel(t *testing.T) {
	// The last is longer than what is stored before it is summed.
	lengths := []int{41, 1031}
	for n := 1; n <= 18; n++ {
		lengths = append(lengths, n)
	}
	for _, f := range Kernels {
		k := ukernel.MustParse(f.Name)
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			for _, c := range inputs.Classes() {
				for _, n := range lengths {
					if t.Failed() {
						return
					}
					compare(t, f, k, c, uint64(n%2), n)
					if n <= 41 {
						compare(t, f, k, c, uint64(n+1), n)
					}
				}
			}
		})
	}
}

func compare(t *testing.T, f ukernel.Func, k ukernel.Kernel, c inputs.Class, seed uint64, n int) {
	t.Helper()
	a := inputs.Args(k.Family, seed, c.Row(seed, n))
	want := a
	want.Dst = make([]float32, len(a.Dst))
	w, err := model.Run(k, want)
	if err != nil {
		t.Fatal(err)
	}
	if r := f.Call(a); !r.Same(k.Family, w) {
		t.Errorf("%v row of %d, seed %d: %x, want %x", c, n, seed, r, w)
	}
	if i := differs(a.Dst, want.Dst); i >= 0 {
		t.Errorf("%v row of %d, seed %d: dst[%d] = %x, want %x", c, n, seed, i, a.Dst[i], want.Dst[i])
	}
	if k.Family.Stores() {
		a.Dst = slices.Clone(a.Src)
		a.Src = a.Dst
		if r := f.Call(a); !r.Same(k.Family, w) || differs(a.Dst, want.Dst) >= 0 {
			t.Errorf("%v row of %d, seed %d: in place differs", c, n, seed)
		}
	}
}

// differs is the index of the first element whose bits differ, or -1.
func differs(x, y []float32) int {
	for i := range x {
		if !ukernel.Same(x[i], y[i]) {
			return i
		}
	}
	return -1
}
