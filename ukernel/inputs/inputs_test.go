package inputs

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
)

// sum hashes the bits of rows.
func sum(rows ...[]float32) uint64 {
	h := fnv.New64a()
	for _, row := range rows {
		for _, x := range row {
			b := math.Float32bits(x)
			h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
		}
	}
	return h.Sum64()
}

// TestStable holds the bits of every class: seeds in reports and results would
// mean something else if they changed.
func TestStable(t *testing.T) {
	want := map[Class]uint64{
		Uniform10:   0xc755af6ad033b480,
		Uniform1000: 0x7968557881fd4eb5,
		Normal:      0xbf49fc07315e2b6e,
		Masked:      0x6385b81c308b256e,
		Equal:       0x3f4fc7993519618a,
		Ascending:   0x9e508076e54fcc9e,
		Zeros:       0xcc90433aee382625,
		Denormal:    0xd70cb915a9550f99,
		Tiny:        0x858dfa517cd830c8,
		Huge:        0x3c190411ab8e1e3c,
		Magnitudes:  0xf2a40f0388520a14,
		Ties:        0x37324015d9168541,
		Edges:       0x50d737e415da080b,
		Overflow:    0x7391d8bedf937a41,
		Infinities:  0x9bc782346ceb5e8d,
		NaNs:        0x71597e0ed8cbd084,
		Bits:        0x17249a48a25e00b6,

		EqualTail: 0x1cadcac0494c71fd,
		Padding:   0x11628ed15ea60d31,
		Smoothed:  0x5e19315bf793d838,
		BF16:      0x8ef7acff6da9d8af,
		Eighths:   0x98c2c59b2b957da6,
		TwoLevels: 0xd86916d56d8b086d,
		Rising:    0xeea2cc1a5ea05c6f,
		Falling:   0xd4365b66c5b34885,
		LateTop:   0x9e2a1b3cc4aa5df1,
		Wide:      0xed56200c217d29a5,
		Offset:    0xb0dfc9022c8dbed9,
		Sure:      0x243b4c6ac239e621,
		MaskedLow: 0x2a4861a425798d20,
	}
	for _, c := range append(Classes(), Hard()...) {
		if got := sum(c.Row(1, 1000), c.Row(2, 7), c.Row(1<<40, 1)); got != want[c] {
			t.Errorf("%v: %#x, want %#x", c, got, want[c])
		}
	}
}

// TestStableArgs is TestStable for operands and tables.
func TestStableArgs(t *testing.T) {
	for f, want := range map[ukernel.Family]uint64{
		ukernel.VMulC: 0x6eba8e4ec64db052, ukernel.F16VMulC: 0xf1b970d834ad0435, ukernel.U8LUT32Norm: 0xa8159b966cc5fdef,
	} {
		h := fnv.New64a()
		write := func(words any) { binary.Write(h, binary.LittleEndian, words) }
		for _, c := range Classes() {
			for seed := range uint64(40) {
				a := Args(f, seed, c.Row(seed, 1+int(seed)%9))
				for _, x := range []float32{a.Max, a.Scale, a.ScaleExp} {
					if x != x {
						x = math.Float32frombits(0x7fc00000) // one NaN for all architectures
					}
					write(math.Float32bits(x))
				}
				write(a.Half)
				write(a.Src8)
				write(a.Table)
			}
		}
		if got := h.Sum64(); got != want {
			t.Errorf("%v: %#x, want %#x", f, got, want)
		}
	}
}

func TestClasses(t *testing.T) {
	if n, m := len(Classes()), len(Hard()); n != 17 || m != 13 || Classes()[1] != Uniform1000 || Hard()[0] != EqualTail || Hard()[m-1] != MaskedLow {
		t.Errorf("%d classes, %v, and %d hard ones, %v", n, Classes(), m, Hard())
	}
	abs := func(x float32) float64 { return math.Abs(float64(x)) }
	holds := map[Class]func(x float32) bool{
		Uniform10:   func(x float32) bool { return -10 <= x && x < 10 },
		Uniform1000: func(x float32) bool { return -1000 <= x && x < 1000 },
		Normal:      func(x float32) bool { return abs(x) <= 6 },
		Masked:      func(x float32) bool { return abs(x) <= 6 || math.IsInf(float64(x), -1) },
		Equal:       func(x float32) bool { return abs(x) <= 10 },
		Ascending:   func(x float32) bool { return abs(x) <= 50 },
		Zeros:       func(x float32) bool { return x == 0 },
		Denormal:    func(x float32) bool { return abs(x) < 0x1p-126 },
		Tiny:        func(x float32) bool { return 0x1p-126 <= abs(x) && abs(x) < 0x1p-100 },
		Huge:        func(x float32) bool { return 0x1p100 <= abs(x) && abs(x) < 0x1p128 },
		Magnitudes:  func(x float32) bool { return 0x1p-126 <= abs(x) && abs(x) < 0x1p128 },
		Ties:        func(x float32) bool { return abs(x) <= 10 },
		Edges:       func(x float32) bool { return abs(x) < 1<<16 },
		Overflow:    func(x float32) bool { return 0x1p20 <= abs(x) && abs(x) < 0x1p127 },
		Infinities:  func(x float32) bool { return abs(x) <= 10 || math.IsInf(float64(x), 0) },
		NaNs:        func(x float32) bool { return abs(x) <= 10 || x != x },
		Bits:        func(x float32) bool { return true },

		EqualTail: func(x float32) bool { return abs(x) <= 8 },
		Padding:   func(x float32) bool { return -24 <= x && x < 24 },
		Smoothed:  func(x float32) bool { return abs(x+0.1053605) < 1e-5 || -7 < x && x < -6.8 }, // ln(0.1/99) = -6.898
		BF16:      func(x float32) bool { return abs(x) <= 24 && math.Float32bits(x)&0xffff == 0 },
		Eighths:   func(x float32) bool { return abs(x) <= 18 && 8*x == float32(int(8*x)) },
		TwoLevels: func(x float32) bool { return abs(x) <= 16 },
		Rising:    func(x float32) bool { return abs(x) <= 528 },
		Falling:   func(x float32) bool { return abs(x) <= 528 },
		LateTop:   func(x float32) bool { return abs(x) <= 6 || 16 <= x && x <= 1<<14+1 },
		Wide:      func(x float32) bool { return abs(x) <= 30 },
		Offset:    func(x float32) bool { return 990 < abs(x) && abs(x) < 1<<30+64 },
		Sure:      func(x float32) bool { return abs(x) <= 1 || -105 < x && x < -19 },
		MaskedLow: func(x float32) bool { return abs(x) <= 18 || -3e9 < x && x <= -1e9 },
	}
	for _, c := range append(Classes(), Hard()...) {
		if got, ok := Parse(c.String()); !ok || got != c {
			t.Errorf("Parse(%q) = %v, %v", c, got, ok)
		}
		seen := make(map[uint32]bool)
		for seed := range uint64(40) {
			for i, x := range c.Row(seed, 100) {
				seen[math.Float32bits(x)] = true
				if !holds[c](x) {
					t.Errorf("%v, seed %d: element %d is %v", c, seed, i, x)
				}
			}
		}
		if len(seen) < 2 {
			t.Errorf("%v: only %d different values", c, len(seen))
		}
	}
	// The tail weighs about as much as the maximum.
	for seed := range uint64(40) {
		for _, n := range []int{2, 3, 100, 5000} {
			row := EqualTail.Row(seed, n)
			slices.Sort(row)
			tail := float64(n-1) * math.Exp(float64(row[0]-row[n-1]))
			if row[0] != row[n-2] || row[n-1]-row[0] < 0.125 || !(0.06 < tail && tail < 8) {
				t.Errorf("EqualTail, seed %d: %d others of %v and the maximum %v weigh %v times as much", seed, n-1, row[0], row[n-1], tail)
			}
		}
	}
	for c, sign := range map[Class]float32{Rising: 1, Falling: -1} {
		for i, row := 1, c.Row(1, 100); i < len(row); i++ {
			if d := sign * (row[i] - row[i-1]); !(d > 0) {
				t.Errorf("%v: %v after %v", c, row[i], row[i-1])
			}
		}
	}
	// What is sprinkled is in every row, however short.
	for seed := range uint64(100) {
		if x := Infinities.Row(seed, 1)[0]; !math.IsInf(float64(x), 0) {
			t.Errorf("Infinities, seed %d: %v", seed, x)
		}
		if x := NaNs.Row(seed, 1)[0]; x == x {
			t.Errorf("NaNs, seed %d: %v", seed, x)
		}
	}
	for i, x := range Equal.Row(1, 9) {
		if x != Equal.Row(1, 9)[0] {
			t.Errorf("Equal: element %d is %v", i, x)
		}
	}
	row := Ascending.Row(1, 101)
	for i, x := range row {
		if x != float32(i)-50 {
			t.Errorf("Ascending: element %d is %v", i, x)
		}
	}
	if _, ok := Parse("uniform"); ok {
		t.Error(`Parse("uniform") succeeded`)
	}
	defer func() {
		if r := fmt.Sprint(recover()); r != "inputs: Class(30) is not a class" {
			t.Errorf("panic %q", r)
		}
	}()
	numClasses.Row(1, 1)
}

func TestArgs(t *testing.T) {
	src := []float32{1, float32(math.NaN()), 3, float32(math.Inf(-1))}
	for _, f := range ukernel.Families() {
		odd := make(map[uint32]bool)
		for seed := range uint64(100) {
			a := Args(f, seed, src)
			if &a.Src[0] != &src[0] || (a.Dst != nil) != f.Stores() || a.Dst != nil && len(a.Dst) != len(src) {
				t.Fatalf("%v: slices %v", f, a)
			}
			if seed%2 == 0 && (a.Max != 3 || a.Scale < 0.5 || a.Scale >= 1 || a.ScaleExp > -4 || a.ScaleExp < -11) {
				t.Errorf("%v, seed %d: %+v", f, seed, a)
			}
			if e := float64(a.ScaleExp); e == e && e != math.Trunc(e) {
				t.Errorf("%v, seed %d: exponent %v is no integer", f, seed, e)
			}
			if seed%2 == 1 {
				odd[math.Float32bits(a.Max)] = true
			}
		}
		if len(odd) < 20 {
			t.Errorf("%v: only %d different maxima", f, len(odd))
		}
	}
}

// TestHalves holds which numbers become others than the nearest of binary16.
func TestHalves(t *testing.T) {
	inf := float32(math.Inf(1))
	for x, want := range map[float32]uint16{
		0: 0, 1: 0x3c00, -2: 0xc000, 0x1p-24: 1, 65504: 0x7bff, inf: 0x7c00, -inf: 0xfc00,
		0x1p-40: 0x2b80, -0x1p-40: 0xab80, 0x1p20: 0x4980, -0x1p20: 0xc980,
	} {
		if h := Halves([]float32{x})[0]; h != want {
			t.Errorf("%v becomes %#04x, want %#04x", x, h, want)
		}
	}
	if h := Halves([]float32{math.Float32frombits(1 << 31)})[0]; h != 0x8000 {
		t.Errorf("-0 becomes %#04x", h)
	}
}

// TestNarrow holds what rows of binary16 numbers, of bytes, and tables are like.
func TestNarrow(t *testing.T) {
	for _, c := range Classes() {
		seen := make(map[uint16]bool)
		for seed := range uint64(20) {
			row := c.Row(seed, 1000) // so long that the sum of equal bytes could be beyond 2^32
			for i, h := range Halves(row[:500]) {
				seen[h] = true
				if x := row[i]; (h&0x7fff > 0x7c00) != (x != x) && c != Huge && c != Magnitudes && c != Overflow && c != Bits {
					t.Fatalf("%v: %v becomes %#04x", c, x, h)
				}
			}
			bytes := Bytes(row)
			table := Table(seed, bytes)
			var sum, top uint64
			for _, x := range bytes {
				sum += uint64(table[x])
				top = max(top, uint64(table[x]))
			}
			if uint32(sum) == 0 || seed%2 == 0 && sum>>32 != 0 || len(table) != 256 {
				t.Errorf("%v, seed %d: the sum is %d", c, seed, sum)
			}
		}
		if len(seen) < 2 {
			t.Errorf("%v: only %d different halves", c, len(seen))
		}
	}
	// The one element of that table is 0 without help.
	for seed := range uint64(200) {
		if row := []uint8{uint8(seed)}; Table(seed, row)[row[0]] == 0 {
			t.Errorf("seed %d: a sum of 0", seed)
		}
	}
}
