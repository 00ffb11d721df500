//go:build !amd64 || purego

package arith

var assembly []kernels
