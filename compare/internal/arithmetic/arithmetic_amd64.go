package arithmetic

import "github.com/twopass-softmax/twopass/ukernel"

// turn is the number of multiply-adds in each turn of the assembly's loops.
const turn = 24

//go:noescape
func multiplyAdds512(turns int)

//go:noescape
func multiplyAdds256(turns int)

// Softmax does about n multiply-adds of vectors, which don't wait for each other, with the longest vectors
// that native.Softmax uses here. It returns how many elements of a long row have as many vector
// operations that go where multiply-adds go: 0 if this is not known for the CPU.
//
// With AVX-512 these are all: 13 for 16 elements in the first pass, and 2 in the second. With AVX2
// they are 10.25 and 2 for 8 elements; 4 more are shifts, look-ups and the like, which have a port of their own.
func Softmax(n int) (elements float64) {
	turns := max(n/turn, 1)
	switch n := float64(turns * turn); {
	case ukernel.AVX512SKX.Supported():
		multiplyAdds512(turns)
		return n / 15 * 16
	case ukernel.AVX2.Supported():
		multiplyAdds256(turns)
		return n / 12.25 * 8
	}
	return 0
}
