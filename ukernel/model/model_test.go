package model

import (
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

var update = flag.Bool("update", false, "write testdata/golden.txt anew")

//go:generate go test -run ^TestGolden$ . -update

//go:embed testdata/golden.txt
var golden string

// modelled lists upstream's kernels, and some of ours for each variant.
func modelled() []ukernel.Kernel {
	ks := ukernel.Upstream()
	for _, name := range []string{"scalar_p5_u1", "scalar_p5_u4_acc2", "scalar_fma_p5_u1", "scalar_fma_p5_u4_acc4", "neonfma_p5_u4", "neonfma_p5_u16_acc2", "neonfma_p5_u24_acc3"} {
		ks = append(ks, ukernel.MustParse("f32_raddextexp_ukernel__"+name))
		if ks[len(ks)-1].Accumulators == 1 {
			ks = append(ks, ukernel.MustParse("f32_vscaleextexp_ukernel__"+name))
		}
	}
	return ks
}

// digest hashes the outputs of one kernel for every class and lengths on both
// sides of every step that the kernel takes. All NaNs count as one.
func digest(t *testing.T, k ukernel.Kernel, arch string) uint64 {
	h := fnv.New64a()
	put := func(x float32) {
		b := math.Float32bits(x)
		if x != x {
			b = 0x7fc00000
		}
		h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
	}
	for _, c := range inputs.Classes() {
		for _, n := range []int{1, 2, 3, k.Lanes() + 1, k.Tile, 2*k.Tile - 1, 2*k.Tile + 2*k.Lanes() + 3} {
			for seed := range uint64(2) {
				a := inputs.Args(k.Family, seed, c.Row(seed, n))
				_, r, err := execute(k, a, arch, Fault{}, nil)
				if err != nil {
					t.Fatal(err)
				}
				put(r.Value)
				put(r.Exponent)
				for _, x := range a.Dst {
					put(x)
				}
			}
		}
	}
	return h.Sum64()
}

// TestGolden holds the bits of every kernel: a change of the model shows here
// even where upstream is not at hand.
func TestGolden(t *testing.T) {
	var b strings.Builder
	for _, k := range modelled() {
		for _, arch := range []string{"amd64", "arm64"} {
			if arch == k.ISA.Arch() || k.ISA == ukernel.Scalar {
				fmt.Fprintf(&b, "%s %s %016x\n", k, arch, digest(t, k, arch))
			}
		}
	}
	if *update {
		if err := os.WriteFile("testdata/golden.txt", []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, want := strings.Split(b.String(), "\n"), strings.Split(golden, "\n")
	if len(got) != len(want) {
		t.Fatalf("%d lines, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%s\nwant %s", got[i], want[i])
		}
	}
}

func TestErrors(t *testing.T) {
	one := []float32{1}
	for _, name := range []string{
		"f32_raddextexp_ukernel__sse2_p5_u4", "f32_raddextexp_ukernel__avx2_p4_u8", "f32_rmax_ukernel__avx_p5_u8",
		"f32_vmulc_ukernel__avx2_u8", "f32_raddstoreexpminusmax_ukernel__avx2_rr2_lut64_p2_u8",
	} {
		var unknown *UnknownError
		if _, err := Run(ukernel.MustParse(name), ukernel.Args{Src: one, Dst: one}); !errors.As(err, &unknown) || unknown.Kernel.Name != name {
			t.Errorf("%s: error %v, want an UnknownError", name, err)
		}
	}
	k := ukernel.MustParse("f32_vmulc_ukernel__avx_u8")
	if _, err := Run(k, ukernel.Args{}); err == nil || !strings.Contains(err.Error(), "len(Src) is 0") {
		t.Errorf("no source: error %v", err)
	}
	if _, err := Run(k, ukernel.Args{Src: one}); err == nil || !strings.Contains(err.Error(), "len(Dst) is 0, len(Src) is 1") {
		t.Errorf("no destination: error %v", err)
	}
	if _, err := Run(ukernel.Kernel{}, ukernel.Args{Src: one}); err == nil {
		t.Error("zero kernel: no error")
	}
}

// TestInPlace requires the same bits when the destination is the source.
func TestInPlace(t *testing.T) {
	for _, k := range modelled() {
		if !k.Family.Stores() {
			continue
		}
		src := inputs.Uniform10.Row(1, 2*k.Tile+k.Lanes()+1)
		a := inputs.Args(k.Family, 0, src)
		want, err := Run(k, a)
		if err != nil {
			t.Fatal(err)
		}
		out := a.Dst
		a.Src = append([]float32(nil), src...)
		a.Dst = a.Src
		got, err := Run(k, a)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", k, got, err, want)
		}
		for i := range out {
			if !ukernel.Same(out[i], a.Dst[i]) {
				t.Fatalf("%s: element %d is %v in place, %v otherwise", k, i, a.Dst[i], out[i])
			}
		}
	}
}

// TestTrace requires that a trace is complete: the last operation on the values
// gives the result, each element takes part, and each operand is a number of the
// input, a constant, or the result of an earlier operation.
func TestTrace(t *testing.T) {
	for _, k := range modelled() {
		src := inputs.Uniform10.Row(3, 2*k.Tile+2*k.Lanes()-1)
		a := inputs.Args(k.Family, 2, src)
		known := make(map[uint32]bool)
		for _, x := range append([]float32{
			log2e, magic127, magic64, cutoff, minExponent, -inf, 0, 1, a.Max, a.Scale, a.ScaleExp, ln2Nearest[0], ln2Nearest[1],
			ln2Short[0], ln2Short[1], ln2Shorter[0], ln2Shorter[1], degree2[0],
		}, slices.Concat(degree5, src, halfMinusLn2[:])...) {
			known[math.Float32bits(x)] = true
		}
		for _, x := range []float32{halfC1, halfC2, halfLog2e, halfMagic, halfShortC1, halfShortC2, -0x1.62E43p-1, float16.round(a.Max), float16.round(a.Scale)} {
			known[math.Float32bits(x)] = true
		}
		for i := range src {
			if k.Family.Half() {
				known[math.Float32bits(float16.number(a.Half[i]))] = true
			}
			if k.Family.Bytes() {
				known[math.Float32bits(float32(a.Src8[i]))] = true
			}
		}
		elements := make(map[int]bool)
		r, err := Trace(k, a, func(op Op) {
			elements[op.Element] = true
			for _, x := range op.Args {
				if !known[math.Float32bits(x)] {
					t.Fatalf("%s: %v: operand %x comes from nowhere", k, op, x)
				}
			}
			known[math.Float32bits(op.Result)] = true
		})
		if err != nil {
			t.Fatal(err)
		}
		for i := range src {
			if !elements[i] {
				t.Errorf("%s: no operation on element %d", k, i)
			}
		}
		for _, x := range append([]float32{r.Value, r.Exponent}, a.Dst...) {
			if !known[math.Float32bits(x)] {
				t.Errorf("%s: result %x comes from nowhere", k, x)
			}
		}
		if again, _ := Run(k, a); again != r {
			t.Errorf("%s: %v traced, %v otherwise", k, r, again)
		}
	}
}

func TestOpString(t *testing.T) {
	var got []string
	_, err := Trace(ukernel.MustParse("f32_vscaleextexp_ukernel__scalar_fma_p5_u1"), ukernel.Args{Src: []float32{1}, Dst: []float32{0}, Scale: 0.5, ScaleExp: 3},
		func(op Op) { got = append(got, op.String()) })
	if err != nil {
		t.Fatal(err)
	}
	want := "element 0, lane 0: vt = fma(0x1p+00, -0x1.62e43p-01, 0x1p+00) = 0x1.3a37ap-02"
	if len(got) < 3 || got[2] != want {
		t.Errorf("trace\n%s\nwant %s as its third line", strings.Join(got, "\n"), want)
	}
}

// TestScalarMax holds the one difference between architectures.
func TestScalarMax(t *testing.T) {
	k := ukernel.MustParse("f32_rmax_ukernel__scalar_u1")
	for arch, want := range map[string]float32{"amd64": 1, "arm64": 2, runtime.GOARCH + "x": 1} {
		_, r, err := execute(k, ukernel.Args{Src: []float32{2, nan, 1}}, arch, Fault{}, nil)
		if err != nil || r.Value != want {
			t.Errorf("%s: %v, %v, want %v", arch, r, err, want)
		}
	}
}

// TestExplain plants each kind of mistake, and requires that it is found and told
// from the others, with its first wrong result.
func TestExplain(t *testing.T) {
	for _, c := range []struct {
		kernel string
		class  inputs.Class
		fault  Fault
		slip   string
	}{
		{"f32_rmax_ukernel__avx_u8", inputs.Zeros, Fault{SwappedMax, "vmax0"}, "max"},
		{"f32_vscaleextexp_ukernel__avx2_p5_u16", inputs.Uniform10, Fault{UnfusedFMA, "vt"}, "fma"},
		{"f32_raddextexp_ukernel__avx512f_p5_scalef_u128", inputs.Normal, Fault{UnfusedFMA, "vp"}, "fma"},
		{"f32_raddexpminusmax_ukernel__avx2_p5_u32", inputs.Normal, Fault{UnfusedFMA, "vf"}, "fma"},
		{"f32_raddstoreexpminusmax_ukernel__scalar_rr2_p5_u1", inputs.Normal, Fault{FusedMulAdd, "vp"}, "mul and add"},
		{"f32_raddstoreexpminusmax_ukernel__neon_rr2_lut64_p2_u16_acc4", inputs.Normal, Fault{FusedMulAdd, "vf"}, "mul and add"},
		{"f32_raddexpminusmax_ukernel__avx512f_p5_scalef_u64_acc4", inputs.Normal, Fault{Kind: MergedInLine}, ""},
		{"f32_raddexpminusmax_ukernel__avx2_p5_u64", inputs.Normal, Fault{Kind: OtherSum}, ""},
		{"f32_vmulc_ukernel__avx512f_u16", inputs.Normal, Fault{Kind: ShortTail}, ""},
		{"f32_rmax_ukernel__avx_u16_acc2", inputs.Zeros, Fault{Kind: InOutMax}, ""},
	} {
		k := ukernel.MustParse(c.kernel)
		found := false
		for seed := uint64(0); seed < 100 && !found; seed += 2 {
			src := c.class.Row(seed, k.Tile+5*k.Lanes()+11)
			a := inputs.Args(k.Family, seed, src)
			f := Func(k, c.fault)
			got := f.Call(a)
			out := a.Dst
			a.Dst = nil
			fault, slip, ok := Explain(k, a, got, out)
			if ok && fault == c.fault {
				found = slip == nil && c.slip == "" || slip != nil && slip.Op.Func == c.slip && !ukernel.Same(slip.Op.Result, slip.Wrong)
				t.Logf("%s: %v: %v", k, fault, slip)
			}
		}
		if !found {
			t.Errorf("%s: %v was not found", k, c.fault)
		}
	}
	// The right outputs, outputs with no such explanation, and those without a model.
	k := ukernel.MustParse("f32_rmax_ukernel__avx_u8")
	if fault, _, ok := Explain(k, ukernel.Args{Src: []float32{1, 2}}, ukernel.Result{Value: 3}, nil); ok {
		t.Errorf("max(1, 2) = 3 explained by %v", fault)
	}
	if fault, _, ok := Explain(k, ukernel.Args{Src: []float32{1, 2}}, ukernel.Result{Value: 2}, nil); ok {
		t.Errorf("max(1, 2) = 2 explained by %v", fault)
	}
	if fault, _, ok := Explain(ukernel.Kernel{}, ukernel.Args{Src: []float32{1, 2}}, ukernel.Result{Value: 3}, nil); ok {
		t.Errorf("unknown kernel explained by %v", fault)
	}
}
