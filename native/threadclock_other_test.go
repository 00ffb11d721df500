//go:build !linux

package native_test

import "time"

var start = time.Now()

// threadTime is the time, where the thread's own is not to be had.
func threadTime() time.Duration { return time.Since(start) }
