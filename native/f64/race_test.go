//go:build race

package f64_test

const race = true // sync.Pool drops buffers at random
