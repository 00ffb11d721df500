package native_test

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadTime is what the thread has had of a processor: others that share it don't show.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}
