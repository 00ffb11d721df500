// Package native computes softmax, log-softmax and log-sum-exp of float32 in Go
// assembly, without cgo.
package native
