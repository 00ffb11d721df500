//go:build race

package native

// raceEnabled: under the race detector a sync.Pool drops some of what it is
// given, on purpose, so that calls allocate.
const raceEnabled = true
