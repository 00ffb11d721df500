//go:build !amd64 && !arm64

package cpuop

// Units is empty: this project has no vector kernels for the architecture.
var Units []Unit

// DefaultControl is what [Control] returns.
const DefaultControl = 0

// Control returns nothing of the FPU's control register on this architecture.
func Control() uint64 { return DefaultControl }
