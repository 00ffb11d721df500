package scalar

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// TestSameBitsEverywhere holds the bits of all kernels by a hash for each family
// and variant, so that they can't depend on GOARCH, GOAMD64 or the compiler.
// Only rmax does, as upstream's does.
func TestSameBitsEverywhere(t *testing.T) {
	want := map[string]uint64{
		"f32_rmax ":                             0xed746e12a8598d81,
		"f32_raddextexp p5":                     0xda10f6a605ff1df6,
		"f32_raddextexp fma_p5":                 0xde7e886e3515ed7a,
		"f32_vscaleextexp p5":                   0xb7aaedd5d20d0f47,
		"f32_vscaleextexp fma_p5":               0x2cc6aa4f7593f55a,
		"f32_raddstoreexpminusmax rr2_p5":       0x596034f166b34ef2,
		"f32_raddstoreexpminusmax rr2_lut64_p2": 0xa3efb3e82216e2b2,
		"f32_vmulc ":                            0xa33ae687c7f32ff8,
		"f16_rmax ":                             0x5bfcfc1bd46b0d65,
		"u8_rmax ":                              0x72fb677130c01ee3,
		"u8_lut32norm ":                         0x3f2fb22f8c80f7b7,
	}
	if runtime.GOARCH == "arm64" {
		want["f32_rmax "] = 0x5c2ea08c34a6218b
	}
	got := make(map[string]uint64)
	for _, f := range Kernels {
		k := ukernel.MustParse(f.Name)
		h := fnv.New64a()
		write := func(x float32) {
			bits := math.Float32bits(x)
			if x != x {
				bits = 0x7fc00000 // one NaN for all, whatever an architecture's own is
			}
			binary.Write(h, binary.LittleEndian, bits)
		}
		for _, c := range inputs.Classes() {
			for n := 1; n <= 40; n++ {
				a := inputs.Args(k.Family, uint64(n), c.Row(uint64(n), n))
				r := f.Call(a)
				if k.Family.Bytes() {
					h.Write(a.Dst8)
				} else {
					for _, y := range a.Dst {
						write(y)
					}
				}
				write(r.Value)
				write(r.Exponent)
			}
		}
		got[k.Family.String()+" "+k.Variant] += h.Sum64()
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: hash %#x, want %#x", name, got[name], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d families and variants, want %d", len(got), len(want))
	}
}

// TestExtExp compares the two-pass kernels with math.Exp: sums of any size come
// out as a pair, and the reciprocal of the pair makes softmax.
func TestExtExp(t *testing.T) {
	for _, add := range Kernels {
		if add.RAddExtExp == nil {
			continue
		}
		k := ukernel.MustParse(add.Name)
		for _, scale := range Kernels {
			if s := ukernel.MustParse(scale.Name); s.Family != ukernel.VScaleExtExp || s.Variant != k.Variant {
				continue
			}
			check := func(c string, src []float32) {
				n := len(src)
				m, e := add.RAddExtExp(src)
				top := math.Inf(-1)
				for _, x := range src {
					top = max(top, float64(x))
				}
				sum := 0.0
				for _, x := range src {
					sum += math.Exp(float64(x) - top)
				}
				if got, want := math.Log(float64(m))+float64(e)*math.Ln2, top+math.Log(sum); !(math.Abs(got-want) <= 1e-6) {
					t.Errorf("%s: %v row of %d: log of the sum is %v, want %v", add.Name, c, n, got, want)
				}
				dst := make([]float32, n)
				scale.VScaleExtExp(dst, src, 1/m, -e)
				for i, x := range src {
					want := math.Exp(float64(x)-top) / sum
					if want >= 0x1p-126 && !(math.Abs(float64(dst[i])-want) <= 1e-6*want) {
						t.Errorf("%s and %s: %v row of %d: softmax[%d] = %v, want %v", add.Name, scale.Name, c, n, i, dst[i], want)
					}
				}
			}
			for n := 1; n <= 40; n++ {
				for _, c := range []inputs.Class{inputs.Uniform10, inputs.Uniform1000, inputs.Normal, inputs.Ascending} {
					check(c.String(), c.Row(uint64(n), n))
				}
			}
			for exponent := -300; exponent <= 300; exponent++ {
				check("equal", slices.Repeat([]float32{float32(exponent) * math.Ln2}, 8))
			}
		}
	}
}

// TestCutoff holds where exp(x - max) becomes 0, and what it is next to that.
func TestCutoff(t *testing.T) {
	const cutoff = -0x1.5D589Ep6
	below, above := math.Nextafter32(cutoff, -100), math.Nextafter32(cutoff, 0)
	for _, f := range Kernels {
		if f.RAddStoreExpMinusMax == nil {
			continue
		}
		for _, x := range []float32{below, cutoff, above} {
			dst := make([]float32, 9)
			f.RAddStoreExpMinusMax(dst, slices.Repeat([]float32{x}, 9), 0)
			want := math.Exp(float64(x))
			for i, y := range dst {
				if x == below && y != 0 || x != below && !(math.Abs(float64(y)-want) <= 1e-6*want) {
					t.Errorf("%s: element %d is exp(%v) = %g, want %g, or 0 below %v", f.Name, i, x, y, want, float32(cutoff))
				}
			}
		}
	}
}
