// Package parallel shares tasks between goroutines, for native and native/f64.
package parallel

import (
	"sync"
	"sync/atomic"
)

// Do calls task for 0 to n-1 in up to g goroutines, its own included. If one panics,
// Do does, with the same value, after all have ended.
func Do(g, n int, task func(i int)) {
	var next atomic.Int64
	var failed atomic.Pointer[any]
	work := func() {
		defer func() {
			if r := recover(); r != nil {
				failed.CompareAndSwap(nil, &r)
			}
		}()
		for i := int(next.Add(1)) - 1; i < n && failed.Load() == nil; i = int(next.Add(1)) - 1 {
			task(i)
		}
	}
	var wg sync.WaitGroup
	for range min(g, n) - 1 {
		wg.Add(1)
		go func() { defer wg.Done(); work() }()
	}
	if g > 1 && n > 1 {
		// Another processor that looks for work takes the goroutine begun last only after a sleep,
		// of 60 µs and more, as this one may run it next. So let it be one without work.
		go func() {}()
	}
	work()
	wg.Wait()
	if r := failed.Load(); r != nil {
		panic(*r)
	}
}
