package server

import (
	"encoding/binary"
	"sync"
	"unsafe"
)

// batchBytes is how much of a raw body is computed at once if rows are shorter:
// enough that reading, the scheduler and writing cost little for each row.
const batchBytes = 64 << 10

// batch is the memory that a request needs, from a pool. The limits on bodies,
// columns and k bound it.
type batch struct {
	data  []float32 // rows, replaced by their results
	index []uint32  // of top-k, k for each row
	top   []float32 // the probabilities for index
	out   []byte    // an encoded answer, or part of one
}

var batches = sync.Pool{New: func() any { return new(batch) }}

// floats returns data with n elements, whatever they are.
func (b *batch) floats(n int) []float32 {
	b.data = grow(b.data, n)
	return b.data
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
		e.Softmax(data, data, rows, cols, cols, cols)
	case logSoftmax:
		e.LogSoftmax(data, data, rows, cols, cols, cols)
	case topk:
		b.index, b.top = grow(b.index, rows*k), grow(b.top, rows*k)
		// By logits, which differ where small probabilities may not.
		for i := range rows {
			topK(b.index[i*k:][:k], data[i*cols:][:cols])
		}
		e.Softmax(data, data, rows, cols, cols, cols)
		for i := range b.index {
			p := data[i/k*cols:][b.index[i]]
			if b.top[i] = p; p != p {
				b.index[i] = NoIndex
			}
		}
	}
}

// wire is data as bytes of the same memory, in the order of this machine.
func wire(data []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), 4*len(data))
}

// bigEndian tells whether the order of this machine's bytes is not that of the
// bodies.
var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// swap turns the bytes of each 32-bit word around.
func swap(words []byte) {
	for i := 0; i+4 <= len(words); i += 4 {
		binary.BigEndian.PutUint32(words[i:], binary.LittleEndian.Uint32(words[i:]))
	}
}
