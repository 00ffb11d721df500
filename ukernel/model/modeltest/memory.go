package modeltest

import (
	"math"
	"runtime"
	"unsafe"
)

// margin is the number of float32 on either side of a row that are watched for
// writes, a multiple of 64 bytes.
const margin = 32

// canary fills what nobody may write.
const canary = 0x7fb5a5a5

// memory is where an operand lies. If the system allows it, pages that can't be
// touched adjoin it on both sides.
type memory struct {
	name   string
	floats []float32
	// from and to bound the current row, whose elements have so many bytes.
	from, to, size int
	free           func()
}

// newMemory returns memory for rows of up to n elements at any place.
func newMemory(name string, n int) (*memory, error) {
	floats, free, err := Guarded(n + 3*margin)
	if err != nil {
		return nil, err
	}
	return &memory{name: name, floats: floats, size: 4, free: free}, nil
}

// bools is the memory as bytes of bools.
func (m *memory) bools() []bool {
	return unsafe.Slice((*bool)(unsafe.Pointer(unsafe.SliceData(m.floats))), 4*len(m.floats))
}

// words is the memory as 16-bit words.
func (m *memory) words() []uint16 {
	return unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(m.floats))), 2*len(m.floats))
}

// wordsAt makes n words the current row and fills them and their margins: those from an
// index on or, if floats from there on would end the memory, its last.
func (m *memory) wordsAt(from, n int) []uint16 {
	words := m.words()
	if from+n == len(m.floats) {
		from = len(words) - n
	}
	m.from, m.to, m.size = from, from+n, 2
	for i := max(0, from-margin); i < min(len(words), m.to+margin); i++ {
		words[i] = canary & 0xffff
	}
	return words[from:m.to:m.to]
}

// wordTouched is touched for a row of words.
func (m *memory) wordTouched() (index int, ok bool) {
	words := m.words()
	for i := max(0, m.from-margin); i < min(len(words), m.to+margin); i++ {
		if (i < m.from || i >= m.to) && words[i] != canary&0xffff {
			return i - m.from, true
		}
	}
	return 0, false
}

// around returns what is watched: as much of the margins as there is memory.
func (m *memory) around() (before, after []float32) {
	return m.floats[max(0, m.from-margin):m.from], m.floats[m.to:min(len(m.floats), m.to+margin)]
}

// row makes the n elements from an index on the current row, and fills it and
// its margins.
func (m *memory) row(from, n int) []float32 {
	m.from, m.to = from, from+n
	before, after := m.around()
	for _, s := range [][]float32{before, m.floats[m.from:m.to], after} {
		for i := range s {
			s[i] = math.Float32frombits(canary)
		}
	}
	return m.floats[m.from:m.to:m.to]
}

// touched returns the index, relative to the row, of an element of the margins
// that was written, if any was.
func (m *memory) touched() (index int, ok bool) {
	before, after := m.around()
	for i, x := range before {
		if math.Float32bits(x) != canary {
			return i - len(before), true
		}
	}
	for i, x := range after {
		if math.Float32bits(x) != canary {
			return m.to - m.from + i, true
		}
	}
	return 0, false
}

// index returns the index, relative to the row, of what lies at an address, if
// that is in the memory or near it.
func (m *memory) index(address uintptr) (index int, ok bool) {
	bytes := int(address) - int(uintptr(unsafe.Pointer(unsafe.SliceData(m.floats))))
	if runtime.GOARCH == "s390x" && bytes == -pageBytes {
		bytes = -m.size // it tells only the page: the nearest element there
	}
	return bytes/m.size - m.from, -pageBytes <= bytes && bytes < 4*len(m.floats)+pageBytes
}

// pageBytes is more than an access by a wrong index goes beyond memory.
const pageBytes = 4096
