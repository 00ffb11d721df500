//go:build amd64 && !purego

package x86

import (
	"testing"

	"github.com/twopass-softmax/twopass/native/internal/kerneltest"
)

func TestComplete(t *testing.T)   { kerneltest.Complete(t, Kernels, "amd64") }
func TestModel(t *testing.T)      { kerneltest.Model(t, Kernels) }
func TestGoroutines(t *testing.T) { kerneltest.Goroutines(t, Kernels) }
