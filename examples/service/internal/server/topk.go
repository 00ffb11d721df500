package server

// NoIndex is the index of an element that does not exist: those of a row that
// has no probabilities.
const NoIndex = 1<<32 - 1

// topK writes the indices of the len(top) greatest elements of row to top, the
// greatest first, of equal ones the smaller index first. Top is not longer than
// row, nor empty. Where row has a NaN, the indices are some or other.
//
// Top is a heap whose root is the element to be replaced next, so that no row is
// slower than len(row) * log(len(top)) steps.
func topK(top []uint32, row []float32) {
	k := len(top)
	for i := range top {
		top[i] = uint32(i)
	}
	for i := k/2 - 1; i >= 0; i-- {
		sift(top, row, i)
	}
	least := row[top[0]]
	for i := k; i < len(row); i++ {
		if row[i] > least { // an equal one comes later and so after
			top[0] = uint32(i)
			sift(top, row, 0)
			least = row[top[0]]
		}
	}
	for n := k - 1; n > 0; n-- {
		top[0], top[n] = top[n], top[0]
		sift(top[:n], row, 0)
	}
}

// sift moves element i down to where no element below it comes after it.
func sift(top []uint32, row []float32, i int) {
	for {
		child := 2*i + 1
		if child >= len(top) {
			return
		}
		if other := child + 1; other < len(top) && after(row, top[other], top[child]) {
			child = other
		}
		if !after(row, top[child], top[i]) {
			return
		}
		top[i], top[child] = top[child], top[i]
		i = child
	}
}

// after reports whether element a comes after element b.
func after(row []float32, a, b uint32) bool {
	return row[a] < row[b] || row[a] == row[b] && a > b
}
