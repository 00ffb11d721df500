//go:build (!amd64 && !arm64 && !(riscv64 && go1.25)) || purego

package arith

var assembly []kernels
