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

	"github.com/twopass-softmax/twopass/internal/f32"
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
func digest(t *testing.T, k ukernel.Kernel, arch string, fault Fault) uint64 {
	h := fnv.New64a()
	put := func(x float32) {
		b := math.Float32bits(x)
		if x != x {
			b = 0x7fc00000
		}
		h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
	}
	for _, c := range inputs.Classes() {
		for _, n := range []int{1, 2, 3, k.Lanes() + 1, k.Tile, k.Tile + k.Lanes(), 2*k.Tile - 1, 2*k.Tile + 2*k.Lanes() + 3} {
			for seed := range uint64(2) {
				a := inputs.Args(k.Family, seed, c.Row(seed, n))
				_, r, err := execute(k, a, arch, fault, nil)
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
// even where upstream is not at hand. Maxima have those of upstream's newer kernels, too.
func TestGolden(t *testing.T) {
	var b strings.Builder
	for _, k := range modelled() {
		for _, arch := range []string{"amd64", "arm64"} {
			if arch == k.ISA.Arch() || k.ISA == ukernel.Scalar {
				fmt.Fprintf(&b, "%s %s %016x\n", k, arch, digest(t, k, arch, Fault{}))
				if k.Family == ukernel.RMax || k.Family == ukernel.F16RMax {
					fmt.Fprintf(&b, "%s %s InOutMax %016x\n", k, arch, digest(t, k, arch, Fault{Kind: InOutMax}))
				}
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
	two, words, bytes := []float32{1, 2}, make([]uint16, 2), make([]uint8, 2)
	for _, c := range []struct {
		kernel string
		args   ukernel.Args
	}{
		{"f16_rmax_ukernel__f16c_u32", ukernel.Args{Src: two, Half: words[:1]}},
		{"f16_vmulc_ukernel__f16c_u8", ukernel.Args{Src: two, Dst: two, Half: words[:1], Dst16: words}},
		{"f16_vmulc_ukernel__f16c_u8", ukernel.Args{Src: two, Dst: two, Half: words, Dst16: words[:1]}},
		{"u8_rmax_ukernel__scalar_u2", ukernel.Args{Src: two, Src8: bytes[:1]}},
		{"u8_lut32norm_ukernel__scalar", ukernel.Args{Src: two, Dst: two, Src8: bytes[:1], Dst8: bytes, Table: []uint32{1}}},
		{"u8_lut32norm_ukernel__scalar", ukernel.Args{Src: two, Dst: two, Src8: bytes, Dst8: bytes[:1], Table: []uint32{1}}},
	} {
		if _, err := Run(ukernel.MustParse(c.kernel), c.args); err == nil || !strings.Contains(err.Error(), "the second row has 1 elements, len(Src) is 2") {
			t.Errorf("%s: error %v of a row that is too short", c.kernel, err)
		}
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
// gives the result, each element takes part, each operand is a number of the
// input, a constant, or the result of an earlier operation, and one operand at least is
// made of the element that the operation is said to be on, or 0 in place of it.
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
		for _, x := range []float32{halfC1, halfC2, halfLog2e, halfMagic, halfShortC1, halfShortC2, -0x1.62E43p-1, roundHalf(a.Max), roundHalf(a.Scale)} {
			known[math.Float32bits(x)] = true
		}
		for i := range src {
			if k.Family.Half() {
				known[math.Float32bits(f32.FromHalf(a.Half[i]))] = true
			}
			if k.Family.Bytes() {
				known[math.Float32bits(float32(a.Src8[i]))] = true
			}
		}
		elements := make(map[int]bool)
		lastAdded := false
		made := make([]map[uint32]bool, len(src)) // of each element
		for i, x := range src {
			switch {
			case k.Family.Half():
				x = f32.FromHalf(a.Half[i])
			case k.Family.Bytes():
				x = float32(a.Src8[i])
			}
			made[i] = map[uint32]bool{math.Float32bits(x): true}
		}
		r, err := Trace(k, a, func(op Op) {
			elements[op.Element] = true
			if op.Element < -1 || op.Element >= len(src) {
				t.Fatalf("%s: %v: there is no such element", k, op)
			}
			if op.Element >= 0 {
				of := made[op.Element]
				if !slices.ContainsFunc(op.Args, func(x float32) bool { return of[math.Float32bits(x)] || math.Float32bits(x) == 0 }) {
					t.Fatalf("%s: %v: no operand is made of the element", k, op)
				}
				if op.Element == len(src)-1 && op.Func == "add" && strings.HasPrefix(op.Name, "vacc") {
					lastAdded = lastAdded || slices.ContainsFunc(op.Args, func(x float32) bool { return of[math.Float32bits(x)] })
				}
				of[math.Float32bits(op.Result)] = true
			}
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
		if f := k.Family; (f == ukernel.RAddExpMinusMax || f == ukernel.RAddStoreExpMinusMax || f == ukernel.F16RAddStoreExpMinusMax) && !lastAdded {
			t.Errorf("%s: the last element is not added", k)
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
		{"f32_raddexpminusmax_ukernel__avx2_p5_u64", inputs.Normal, Fault{Kind: ShortTail}, ""},
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
	// A maximum that InOutMax explains is not said to have its operands swapped.
	for _, name := range []string{"f32_rmax_ukernel__avx_u8", "f32_rmax_ukernel__avx512f_u16", "f16_rmax_ukernel__f16c_u32", "f16_rmax_ukernel__avx512skx_u32", "f16_rmax_ukernel__avx512skx_u64_acc2"} {
		k, explained := ukernel.MustParse(name), 0
		for seed := range uint64(100) {
			a := inputs.Args(k.Family, seed, inputs.Zeros.Row(seed, 1+int(seed)%(k.Tile+3)))
			f := Func(k, Fault{Kind: InOutMax})
			if fault, _, ok := Explain(k, a, f.Call(a), nil); ok && fault.Kind != InOutMax {
				t.Errorf("%s: a maximum that begins with -Inf is explained by %v", k, fault)
			} else if ok {
				explained++
			}
		}
		if explained == 0 {
			t.Errorf("%s: no maximum that begins with -Inf is explained", k)
		}
	}
	// A short tail leaves out one element.
	for _, name := range []string{"f32_raddexpminusmax_ukernel__avx2_p5_u32", "f32_raddextexp_ukernel__avx512f_p5_scalef_u128"} {
		k := ukernel.MustParse(name)
		a := inputs.Args(k.Family, 0, inputs.Normal.Row(1, k.Tile+k.Lanes()+3))
		f := Func(k, Fault{Kind: ShortTail})
		got := f.Call(a)
		a.Src = a.Src[:len(a.Src)-1]
		if want, err := Run(k, a); err != nil || got != want {
			t.Errorf("%s: the sum without the last element is %v, want %v, %v", k, got, want, err)
		}
	}
	// No mistake in the tail explains the last element of a whole vector, and without a tail
	// there is none.
	for _, name := range []string{"f32_vmulc_ukernel__avx_u8", "f32_raddexpminusmax_ukernel__avx2_p5_u32"} {
		k := ukernel.MustParse(name)
		a := inputs.Args(k.Family, 0, inputs.Normal.Row(1, 2*k.Tile))
		right, err := Run(k, a)
		if err != nil {
			t.Fatal(err)
		}
		dst := slices.Clone(a.Dst)
		if f := Func(k, Fault{Kind: ShortTail}); f.Call(a) != right || !slices.Equal(a.Dst, dst) {
			t.Errorf("%s: a short tail changes what has none", k)
		}
		if k.Family.Stores() {
			dst[len(dst)-1]++
			if fault, _, ok := Explain(k, a, right, dst); ok {
				t.Errorf("%s: another last element is explained by %v", k, fault)
			}
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

// TestMistake holds that the slip is the first operation that a mistake changed.
func TestMistake(t *testing.T) {
	m := &machine{src: make([]float32, 4)}
	right := func(a []float32) float32 { return a[0] }
	wrong := func(a []float32) float32 {
		if a[0] < 3 {
			return a[0]
		}
		return a[0] + 10
	}
	for range 2 {
		z := m.mistake("vx", "plus", wrong, right, vector{1, 2, 3, 4})
		if s := m.slip; !slices.Equal(z, vector{1, 2, 13, 14}) || s == nil || s.Op.Element != 2 || s.Op.Args[0] != 3 || s.Op.Result != 3 || s.Wrong != 13 {
			t.Errorf("%v, slip %v", z, m.slip)
		}
	}
}

func TestFaultString(t *testing.T) {
	for _, c := range []struct {
		got  fmt.Stringer
		want string
	}{
		{NoFault, "no fault"}, {ShortTail, "last element left out"}, {InOutMax + 1, "FaultKind(8)"}, {FaultKind(200), "FaultKind(200)"},
		{Fault{Kind: SwappedMax, Name: "vmax"}, "vmax: operands of max swapped"}, {Fault{Kind: OtherSum}, "lanes added up in another order"},
	} {
		if got := c.got.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
