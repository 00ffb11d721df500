//go:build !xnnpack || !cgo || !(amd64 || arm64)

package xnnpack

import "testing"

// TestUnavailable holds what is left of the package without upstream's library.
func TestUnavailable(t *testing.T) {
	why := Available()
	if why == nil {
		t.Fatal("available without the library")
	}
	if ks := Kernels(); len(ks) != 0 {
		t.Errorf("%d kernels", len(ks))
	}
	if _, err := Lookup("f32_rmax_ukernel__scalar_u1"); err == nil || err.Error() != why.Error() {
		t.Errorf("Lookup: error %v, want %v", err, why)
	}
	x := []float32{1}
	if err := SoftmaxWith(x, x, Options{}); err == nil || err.Error() != why.Error() {
		t.Errorf("SoftmaxWith: error %v, want %v", err, why)
	}
	if _, err := TimeSoftmax(x, x, 1, 1, Options{}); err == nil || err.Error() != why.Error() {
		t.Errorf("TimeSoftmax: error %v, want %v", err, why)
	}
	for name, f := range map[string]func(){
		"Softmax":           func() { Softmax(x, x) },
		"SoftmaxRows":       func() { SoftmaxRows(x, x, 1, 1, 1, 1) },
		"SoftmaxRows, none": func() { SoftmaxRows(nil, nil, 0, 0, 0, 0) },
	} {
		func() {
			defer func() {
				if r := recover(); r != why.Error() || x[0] != 1 {
					t.Errorf("%s: panic %v, want %v", name, r, why)
				}
			}()
			f()
		}()
	}
}
