package native

import (
	"sync"
	"sync/atomic"

	"github.com/twopass-softmax/twopass/ukernel"
)

// vectorLeast and scalarLeast are the numbers of elements, done by vector kernels
// and one by one, below which more than one goroutine may cost more than it gains:
// a goroutine on a core that sleeps begins after 50 to 200 µs where the core is a
// virtual one. They are variables for the sake of tests.
var vectorLeast, scalarLeast = 1 << 22, 1 << 18

// share is how many of g goroutines n elements are worth, which are worth none below
// least.
func share(g, n, least int) int {
	if n < least {
		return 1
	}
	return max(1, min(g, n/(least/8)))
}

// least is the number of elements from which the engine shares them out.
func (e *engine) least() int {
	if e.isa.Lanes() == 1 {
		return scalarLeast
	}
	return vectorLeast
}

// leastHalf is least for rows of 16-bit numbers: without kernels to convert them, most of
// the time goes there.
func (e *engine) leastHalf() int {
	if e.kernels[ukernel.WidenF16].Name == "" {
		return scalarLeast
	}
	return e.least()
}

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
