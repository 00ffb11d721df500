package modeltest

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"github.com/twopass-softmax/twopass/internal/guarded"
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
	floats, free, err := guarded.Map[float32](n + 3*margin)
	if err != nil {
		return nil, err
	}
	return &memory{name: name, floats: floats, size: 4, free: free}, nil
}

// number is an element of a row: the bits of a float32, or fewer.
type number interface{ uint8 | uint16 | uint32 }

// as is the memory as such elements.
func as[T number](m *memory) []T {
	var x T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(m.floats))), 4/int(unsafe.Sizeof(x))*len(m.floats))
}

// rowOf makes n elements the current row and fills them and their margins: those from an
// index on or, if floats from there on would end the memory, its last.
func rowOf[T number](m *memory, from, n int) []T {
	all := as[T](m)
	if from+n == len(m.floats) {
		from = len(all) - n
	}
	m.from, m.to, m.size = from, from+n, 4*len(m.floats)/len(all)
	for i := max(0, from-margin); i < min(len(all), m.to+margin); i++ {
		all[i] = canaryOf[T]()
	}
	return all[from:m.to:m.to]
}

func canaryOf[T number]() T {
	bits := uint32(canary)
	return T(bits)
}

// touchedOf returns the index, relative to the row of such elements, of one of the margins that was written, if
// any was.
func touchedOf[T number](m *memory) (index int, ok bool) {
	all := as[T](m)
	for i := max(0, m.from-margin); i < min(len(all), m.to+margin); i++ {
		if (i < m.from || i >= m.to) && all[i] != canaryOf[T]() {
			return i - m.from, true
		}
	}
	return 0, false
}

// narrow is a pair of rows of fewer bits: what a kernel reads, or nil, and what it
// writes, or nil.
type narrow[T number] struct{ in, out []T }

// place copies the row that is read to where the place has it, and returns it and the
// row to be written.
func (r narrow[T]) place(c *checker, p place, n int) (at narrow[T]) {
	if r.in != nil {
		at.in = rowOf[T](c.other, p.src(c.other, n), n)
		copy(at.in, r.in)
	}
	switch {
	case r.out == nil:
	case r.in != nil && p.inPlace:
		at.out = at.in
	default:
		at.out = rowOf[T](c.narrow, p.dst(c.narrow, n), n)
	}
	return at
}

// check returns an error if the call that had these rows wrote where it may not.
func (r narrow[T]) check(c *checker, p place, at narrow[T]) error {
	if r.in != nil {
		if !p.inPlace || at.out == nil {
			if !slices.Equal(at.in, r.in) {
				return errors.New("wrote to the row that it reads")
			}
		}
		if i, ok := touchedOf[T](c.other); ok {
			return fmt.Errorf("wrote to element %d of the row that it reads", i)
		}
	}
	if at.out != nil && !(r.in != nil && p.inPlace) {
		if i, ok := touchedOf[T](c.narrow); ok {
			return fmt.Errorf("wrote to element %d of the row of narrow numbers", i)
		}
	}
	return nil
}

// row is rowOf of float32.
func (m *memory) row(from, n int) []float32 {
	row := rowOf[uint32](m, from, n)
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(row))), n)
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
