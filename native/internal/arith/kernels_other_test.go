//go:build (!amd64 && !arm64) || purego

package arith

var assembly []kernels
