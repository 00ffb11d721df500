package server

import (
	"encoding/binary"
	"sync"
	"unsafe"

	"github.com/twopass-softmax/twopass/native"
)

// batchBytes is how much of a stream is computed at once if rows are shorter:
// enough that reading, the scheduler and writing cost little for each row. It is
// also how much of an answer is encoded or sent at once.
const batchBytes = 64 << 10

// NoIndex is the index of an element that does not exist: those of a row that
// has no probabilities.
const NoIndex = 1<<32 - 1

// batch is rows and their results. Its size is accounted for: see
// [exchange.reserve].
type batch struct {
	data  []float32 // rows, replaced by their results
	cols  []int     // of top-k, k for each row
	index []uint32  // the same, as they are sent
	top   []float32 // the probabilities for index
}

// batches has batches of batchBytes. Longer ones are left to the garbage
// collector: a pool of them would be memory that nobody accounts for.
var batches = sync.Pool{New: func() any { return &batch{data: grow[float32](nil, batchBytes/4)} }}

// done gives a batch back to the pool.
func (b *batch) done() {
	if cap(b.data) <= 2*batchBytes/4 && cap(b.index) <= batchBytes/4 {
		batches.Put(b)
	}
}

// grow returns a slice of n elements, s if it is large enough. There is room
// for 4 more elements behind it, which some of upstream's kernels read.
func grow[T any](s []T, n int) []T {
	if cap(s) < n+4 {
		s = make([]T, n, n+4)
	}
	return s[:n]
}

// compute does rows of cols elements of data.
func (b *batch) compute(e *Engine, op operation, rows, cols, k int) {
	data := b.data[:rows*cols]
	switch op {
	case softmax:
		e.Softmax(data, cols)
	case logSoftmax:
		e.LogSoftmax(data, cols)
	case topk:
		b.cols, b.index, b.top = grow(b.cols, rows*k), grow(b.index, rows*k), grow(b.top, rows*k)
		native.TopK(native.Rows(b.top, k), native.Rows(b.cols, k), native.Rows(data, cols), nil)
		if e.Name != "native" { // the probabilities are the engine's own
			e.Softmax(data, cols)
			for i, c := range b.cols {
				b.top[i] = data[i/k*cols:][c]
			}
		}
		for i, c := range b.cols {
			if b.index[i] = uint32(c); b.top[i] != b.top[i] {
				b.index[i] = NoIndex
			}
		}
	}
}

// wire is data as bytes of the same memory, in the order of this machine.
func wire[T float32 | uint32](data []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), 4*len(data))
}

// bigEndian tells whether the order of this machine's bytes is not that of the
// bodies.
var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// littleEndian brings 32-bit words from the order of this machine into that of
// the bodies, and back.
func littleEndian(words []byte) []byte {
	if bigEndian {
		swap(words)
	}
	return words
}

// swap turns the bytes of each 32-bit word around.
func swap(words []byte) {
	for i := 0; i+4 <= len(words); i += 4 {
		binary.BigEndian.PutUint32(words[i:], binary.LittleEndian.Uint32(words[i:]))
	}
}
