package arithmetic

import (
	"runtime"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
)

// TestSoftmax holds that elements follow from the number of operations.
func TestSoftmax(t *testing.T) {
	known := runtime.GOARCH == "amd64" && ukernel.AVX2.Supported()
	for _, n := range []int{240, 2400} {
		if got := Softmax(n); known != (got > 0) || got > float64(n)*16/15 {
			t.Errorf("%d operations are those of %v elements", n, got)
		}
	}
	if one, ten := Softmax(240), Softmax(2400); 10*one != ten {
		t.Errorf("240 operations are those of %v elements, 2,400 of %v", one, ten)
	}
}
