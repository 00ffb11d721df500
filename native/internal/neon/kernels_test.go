//go:build arm64 && !purego

package neon

import (
	"os"
	"testing"

	"github.com/twopass-softmax/twopass/native/internal/kerneltest"
)

func TestMain(m *testing.M) { os.Exit(kerneltest.Main(m, Kernels)) }

func TestComplete(t *testing.T)   { kerneltest.Complete(t, Kernels, "arm64") }
func TestModel(t *testing.T)      { kerneltest.Model(t, Kernels, 511, 512) }
func TestGoroutines(t *testing.T) { kerneltest.Goroutines(t, Kernels) }
