package scalar

// Kernels of binary16 numbers, as their bits, and of bytes.

// order maps binary16 numbers to integers of the same order: -0 below +0, NaNs beyond
// the infinities of their sign. It is its own inverse.
func order(h uint16) int16 { return int16(h) ^ int16(uint16(int16(h)>>15)>>1) }

// f16rmax returns the largest number, by its bits. Tiles and accumulators are not
// visible in the result.
func f16rmax(src []uint16) uint16 {
	m := order(src[0])
	for _, h := range src {
		m = max(m, order(h))
	}
	return uint16(order(uint16(m)))
}

func u8rmax(src []uint8) uint8 {
	m := uint8(0)
	for _, x := range src {
		m = max(m, x)
	}
	return m
}

// u8lut32norm writes the rounded share of 256 that table[x] has in their sum.
func u8lut32norm(dst, src []uint8, table []uint32) {
	dst = dst[:len(src)]
	var sum uint32
	for _, x := range src {
		sum += table[x]
	}
	for i, x := range src {
		dst[i] = uint8(min(255, (table[x]<<8+sum>>1)/sum))
	}
}
