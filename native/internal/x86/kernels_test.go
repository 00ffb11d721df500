//go:build amd64 && !purego

package x86

import (
	"os"
	"testing"

	"github.com/twopass-softmax/twopass/native/internal/kerneltest"
)

func TestMain(m *testing.M) { os.Exit(kerneltest.Main(m, Kernels)) }

func TestComplete(t *testing.T)   { kerneltest.Complete(t, Kernels, "amd64") }
func TestModel(t *testing.T)      { kerneltest.Model(t, Kernels, long...) }
func TestGoroutines(t *testing.T) { kerneltest.Goroutines(t, Kernels) }

// long are lengths of one and two turns of a main loop of 12 vectors of 16, which is
// what kernels of small tiles have if their bits do not depend on the tile, with
// something left.
var long = []int{207, 385}
