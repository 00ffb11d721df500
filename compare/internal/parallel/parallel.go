// Package parallel runs functions on several goroutines and waits for them.
package parallel

import "sync"

// Run runs f on n goroutines.
func Run(n int, f func()) {
	var wg sync.WaitGroup
	for range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			f()
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
