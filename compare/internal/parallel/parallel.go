// Package parallel runs functions on several goroutines and waits for them.
package parallel

import (
	"context"
	"sync"
	"sync/atomic"
)

// Each calls a function for every number from 0 to below n, in about this order, on several goroutines,
// until ctx ends. Begin makes the function that one goroutine calls.
func Each(ctx context.Context, goroutines, n int, begin func() func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Add(1)
		go func() {
			defer wg.Done()
			f := begin()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				f(i)
			}
		}()
	}
	wg.Wait()
}

// Share divides n things among goroutines, the caller's included, in spans of
// whole blocks.
func Share(goroutines, n, block int, f func(first, end int)) {
	blocks := (n + block - 1) / block
	var wg sync.WaitGroup
	for g := 1; g < goroutines; g++ {
		if first, end := blocks*g/goroutines*block, min(blocks*(g+1)/goroutines*block, n); first < end {
			wg.Add(1)
			go func() { defer wg.Done(); f(first, end) }()
		}
	}
	if end := min(blocks/goroutines*block, n); end > 0 {
		f(0, end)
	}
	wg.Wait()
}
