//go:build !purego

package arith

const vector = NEON

// Levels lists the levels that this build has: every arm64 machine has Advanced SIMD.
func Levels() []Level { return []Level{Plain, NEON} }
