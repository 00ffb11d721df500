// Package cloop has gradients of softmax and log-softmax as a C programmer writes them, and loops
// that move the same data and compute nothing. It needs cgo.
//
// The compiler gets -O3, and for each function the instructions of a level: AVX-512, AVX2, or what
// every CPU has. They are chosen when the program runs, by the level of package ukernel, so that a
// program that one machine built runs on another.
package cloop

// Loop is one of the loops.
type Loop int

const (
	SoftmaxGrad    Loop = iota // y * (dy - sum(y * dy))
	LogSoftmaxGrad             // dy - exp(y) * sum(dy), with the C library's expf
	// SIMD are the same with a sum in any order, by "omp simd".
	SoftmaxGradSIMD
	LogSoftmaxGradSIMD
	// Traffic are the same loads and stores in the same order, without arithmetic. Stores go to the caches.
	SoftmaxGradTraffic
	LogSoftmaxGradTraffic
)
