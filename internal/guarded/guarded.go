// Package guarded has memory between pages that fault when touched, for tests that functions stay
// within their slices.
package guarded

import "testing"

// Pages is Map for the time of a test.
func Pages[T any](tb testing.TB, n int) []T {
	tb.Helper()
	x, free, err := Map[T](n)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(free)
	return x
}
