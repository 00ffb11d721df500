//go:build xnnpack && cgo && (amd64 || arm64)

package xnnpack

import (
	"errors"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// TestTimeSoftmax holds that the loops in C compute what is computed from Go, as
// often as asked.
func TestTimeSoftmax(t *testing.T) {
	const rows, cols = 3, 1000
	src, got, want := make([]float32, rows*cols), make([]float32, rows*cols), make([]float32, rows*cols)
	inputs.Normal.Fill(src, 1)
	for _, a := range append(ukernel.Algorithms(), ukernel.Auto) {
		opts := Options{Algorithm: a}
		if a == ukernel.ThreePassReload {
			opts.Kernels = []string{"f32_vmulc_ukernel__scalar_u1"}
		}
		clear(got)
		once, err := TimeSoftmax(got, src, cols, 1, opts)
		if architecture == "arm64" && a == ukernel.ThreePassRecompute {
			if err == nil {
				t.Errorf("%v: no error, though upstream has no kernels for it", a)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			if err := SoftmaxWith(want[i*cols:][:cols], src[i*cols:][:cols], opts); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: other numbers than SoftmaxWith's", a)
		}
		// In place, twice is the softmax of the softmax.
		twice, err := TimeSoftmax(got, got, cols, 1, opts)
		copy(want, src)
		if _, err := TimeSoftmax(want, want, cols, 2, opts); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v: two times is not once and once more, %v", a, err)
		}
		if err != nil || once <= 0 || twice <= 0 {
			t.Errorf("%v: once takes %v, then %v, %v", a, once, twice, err)
		}
	}
	if _, err := TimeSoftmax(got, src, cols, 1, Options{Kernels: []string{"x"}}); !errors.Is(err, ukernel.ErrUnknownKernel) {
		t.Errorf("error %v of an unknown kernel", err)
	}
}
