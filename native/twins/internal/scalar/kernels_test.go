package scalar

import (
	"testing"

	"github.com/twopass-softmax/twopass/native/twins/internal/kerneltest"
)

func TestComplete(t *testing.T) { kerneltest.Complete(t, Kernels, "") }

// TestModel's last rows are longer than what is stored before it is summed.
func TestModel(t *testing.T) { kerneltest.Model(t, Kernels, 1023, 1031) }
