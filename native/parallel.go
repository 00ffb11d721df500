package native

import (
	"sync"
	"sync/atomic"
)

// minShare is the number of elements below which a goroutine of its own costs
// more than it gains.
const minShare = 1 << 14

// share is how many of g goroutines n elements are worth.
func share(g, n int) int { return max(1, min(g, n/minShare)) }

// parallel calls task for 0 to n-1 in up to g goroutines, its own included.
func parallel(g, n int, task func(i int)) {
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			task(i)
		}
	}
	var wg sync.WaitGroup
	for range min(g, n) - 1 {
		wg.Add(1)
		go func() { defer wg.Done(); work() }()
	}
	work()
	wg.Wait()
}

// chunks is the number of chunks in a row of n elements.
func chunks(n int) int { return (n + chunkLen - 1) / chunkLen }

// chunk is the i-th chunk of a row.
func chunk(row []float32, i int) []float32 {
	return row[i*chunkLen : min((i+1)*chunkLen, len(row))]
}

// eachChunk returns what f makes of each chunk of a row, in order.
func eachChunk[T any](g int, src []float32, f func(chunk []float32) T) []T {
	parts := make([]T, chunks(len(src)))
	parallel(g, len(parts), func(i int) { parts[i] = f(chunk(src, i)) })
	return parts
}

// eachPair calls f for each chunk of src and that of dst.
func eachPair(g int, dst, src []float32, f func(dst, src []float32)) {
	parallel(g, chunks(len(src)), func(i int) { f(chunk(dst, i), chunk(src, i)) })
}
