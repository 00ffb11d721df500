//go:build go1.25 && !purego

package arith

import "golang.org/x/sys/cpu"

const vector = RVV

// Levels lists the levels that this build has and this CPU runs. Registers have 128 bits at least:
// the V extension has no smaller ones.
func Levels() []Level {
	if cpu.RISCV64.HasV && !off("v") {
		return []Level{Plain, RVV}
	}
	return []Level{Plain}
}
