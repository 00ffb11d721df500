//go:build operator && cgo && (amd64 || arm64)

package operator

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/compare/internal/bindtest"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
	"github.com/twopass-softmax/twopass/xnnpack"
)

func TestSoftmax(t *testing.T) { bindtest.Softmax(t, Bind) }

// TestBits holds that xnnpack.SoftmaxNCF32 is what it says it is, upstream's operator to
// the bit, with whatever kernels this one chooses, with denormals in rows, exponentials and
// results, and on one thread and several.
func TestBits(t *testing.T) {
	for _, shape := range []struct{ rows, cols, threads int }{{1, 1, 1}, {5, 17, 1}, {3, 64, 2}, {40, 1000, 2}, {1, 100_003, 1}} {
		for _, class := range inputs.Classes() {
			src := class.Row(uint64(shape.cols), shape.rows*shape.cols)
			got, want := make([]float32, len(src)), make([]float32, len(src))
			run, done, err := Bind(got, src, shape.rows, shape.cols, shape.threads)
			if err != nil {
				t.Fatal(err)
			}
			run()
			done()
			if err := xnnpack.SoftmaxNCF32(want, src, shape.rows, shape.cols, shape.cols, shape.cols, 1); err != nil {
				t.Fatal(err)
			}
			if i := slices.IndexFunc(got, func(y float32) bool { return y > 0 && y < 0x1p-126 }); i >= 0 {
				t.Errorf("%+v, %v: element %d is the denormal %g", shape, class, i, got[i])
			}
			for i := range got {
				if math.Float32bits(got[i]) != math.Float32bits(want[i]) && (got[i] == got[i] || want[i] == want[i]) {
					t.Fatalf("%+v, %v: element %d is %g, that of xnnpack.SoftmaxNCF32 %g", shape, class, i, got[i], want[i])
				}
			}
		}
	}
}

// TestDenormals holds that the thread has denormals again after a run.
func TestDenormals(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	row := []float32{0, -87, -88}
	run, done, err := Bind(row, row, 1, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	run()
	tiny, half := float32(0x1p-126), float32(0.5)
	runtime.KeepAlive(&tiny) // so that the compiler does not know them
	runtime.KeepAlive(&half)
	if row[1] == 0 || row[2] != 0 || tiny*half == 0 {
		t.Errorf("softmax %g; 2^-127 is %g afterwards", row, tiny*half)
	}
}

func TestVersion(t *testing.T) {
	const want = "4ea82e595b36 (pthreadpool 560c60d342a7)"
	if l := Library(); l.Available != nil || l.Version != want {
		t.Errorf("version %q, %v, want %q", l.Version, l.Available, want)
	}
}
