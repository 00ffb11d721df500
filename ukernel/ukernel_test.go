package ukernel

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestUpstream holds the table of kernels per family and ISA.
func TestUpstream(t *testing.T) {
	want := map[Family]map[ISA]int{
		RMax:                 {Scalar: 5, SSE: 5, AVX: 5, AVX512F: 5, NEON: 5},
		RAddExtExp:           {AVX2: 15, AVX512F: 15},
		VScaleExtExp:         {AVX2: 12, AVX512F: 12},
		RAddExpMinusMax:      {AVX2: 15, AVX512F: 15},
		VScaleExpMinusMax:    {AVX2: 12, AVX512F: 12},
		RAddStoreExpMinusMax: {Scalar: 8, SSE2: 4, AVX2: 8, AVX256SKX: 4, AVX512F: 8, NEON: 8, NEONFMA: 8},
		VMulC:                {Scalar: 4, SSE: 2, AVX: 2, AVX512F: 2, NEON: 2},

		F16RMax:                 {Scalar: 5, F16C: 1, AVX512SKX: 5, AVX512FP16: 5, NEONFP16ARITH: 5},
		F16RAddStoreExpMinusMax: {AVX2: 23, NEONFP16ARITH: 21},
		F16VMulC:                {F16C: 2, AVX512FP16: 2, FP16ARITH: 3, NEONFP16ARITH: 2},
		U8RMax:                  {Scalar: 1, SSE2: 1, NEON: 1},
		U8LUT32Norm:             {Scalar: 1},
	}
	got := make(map[Family]map[ISA]int)
	var names []string
	for _, k := range Upstream() {
		if got[k.Family] == nil {
			got[k.Family] = make(map[ISA]int)
		}
		got[k.Family][k.ISA]++
		names = append(names, k.Name)
		if k.Ours {
			t.Errorf("%s is marked as ours", k)
		}
	}
	if len(names) != 193+74+4 {
		t.Errorf("%d kernels, want 193 of float32, 74 of float16 and 4 of bytes", len(names))
	}
	if !slices.IsSorted(names) {
		t.Error("names are not sorted")
	}
	for _, f := range Families() {
		for _, isa := range ISAs() {
			if got[f][isa] != want[f][isa] {
				t.Errorf("%v %v: %d kernels, want %d", f, isa, got[f][isa], want[f][isa])
			}
		}
	}
}

func TestParse(t *testing.T) {
	for _, k := range []Kernel{
		{"f32_rmax_ukernel__avx_u8", RMax, AVX, "", Exponential{}, 8, 1, false},
		{"f32_raddextexp_ukernel__avx2_p5_u96_acc3", RAddExtExp, AVX2, "p5", Exponential{Degree: 5}, 96, 3, false},
		{"f32_raddstoreexpminusmax_ukernel__neon_rr2_lut64_p2_u16_acc4", RAddStoreExpMinusMax, NEON, "rr2_lut64_p2", Exponential{Terms: 2, Table: true, Degree: 2}, 16, 4, false},
		{"f32_raddextexp_ukernel__neonfma_p5_u16_acc2", RAddExtExp, NEONFMA, "p5", Exponential{Degree: 5}, 16, 2, true},
		{"f32_raddstoreexpminusmax_ukernel__avx512f_rr1_p5_scalef_u16", RAddStoreExpMinusMax, AVX512F, "rr1_p5_scalef", Exponential{Terms: 1, Degree: 5, Scalef: true}, 16, 1, false},
		{"f32_raddextexp_ukernel__scalar_fma_p5_u1", RAddExtExp, Scalar, "fma_p5", Exponential{Degree: 5, FMA: true}, 1, 1, true},
		{"f16_rmax_ukernel__f16c_u32", F16RMax, F16C, "", Exponential{}, 32, 1, false},
		{"u8_rmax_ukernel__sse2_u16", U8RMax, SSE2, "", Exponential{}, 16, 1, false},
		{"u8_lut32norm_ukernel__scalar", U8LUT32Norm, Scalar, "", Exponential{}, 1, 1, false},
	} {
		if got, err := Parse(k.Name); err != nil || got != k {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", k.Name, got, err, k)
		}
	}
	for _, name := range []string{
		"", "f32_rmax", "f32_rmin_ukernel__avx_u8", "f32_rmax_ukernel__mmx_u8", "f32_rmax_ukernel__avx",
		"f32_rmax_ukernel__avx_u", "f32_rmax_ukernel__avx_u12", "f32_rmax_ukernel__avx_u0", "f32_rmax_ukernel__avx_u+8", "f32_rmax_ukernel__avx_u08",
		"f32_rmax_ukernel__avx_u8_acc2", "f32_rmax_ukernel__avx_u16_acc1", "f32_rmax_ukernel__avx_u16_accx", "f32_rmax_ukernel__avx_u16_acc02",
		"xnn_f32_rmax_ukernel__avx_u8", "u8_rmax_ukernel__sse2_u4", "u8_rmax_ukernel__scalar", "f32_raddextexp_ukernel__avx2_rr3_p5_u8",
	} {
		if k, err := Parse(name); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", name, k)
		} else if !strings.Contains(err.Error(), `"`+name+`"`) {
			t.Errorf("Parse(%q): error %q does not name it", name, err)
		}
	}
}

// TestParseErrors holds what the error says is wrong, where a later check would refuse the name, too.
func TestParseErrors(t *testing.T) {
	for name, want := range map[string]string{
		"f32_rmax_ukernel__avx_u0":       `"u0" is no tile, u and a multiple of 8 lanes`,
		"f32_rmax_ukernel__avx_u16_acc1": `"acc1" is no number of accumulators`,
		"f32_rmax_ukernel__avx_u8_acc2":  "2 accumulators for 1 vectors",
		"f32_rmax_ukernel__avx_p0_u8":    `unknown part "p0"`,
	} {
		if _, err := Parse(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want an error with %s", name, err, want)
		}
	}
}

// TestStrings holds the names of constants, and the text of other numbers.
func TestStrings(t *testing.T) {
	for _, c := range []struct {
		got  fmt.Stringer
		want string
	}{
		{RMax, "f32_rmax"}, {U8LUT32Norm, "u8_lut32norm"}, {U8LUT32Norm + 1, "Family(12)"}, {Family(200), "Family(200)"},
		{Scalar, "scalar"}, {NEONFP16ARITH, "neonfp16arith"}, {NEONFP16ARITH + 1, "ISA(14)"},
		{TwoPass, "two-pass"}, {ThreePassReload, "three-pass-reload"}, {ThreePassReload + 1, "Algorithm(4)"},
	} {
		if got := c.got.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if f := (ThreePassReload + 1).Families(); f != nil {
		t.Errorf("an algorithm that does not exist has families %v", f)
	}
}

func TestISAs(t *testing.T) {
	for _, isa := range ISAs() {
		if got, ok := ParseISA(isa.String()); !ok || got != isa {
			t.Errorf("ParseISA(%q) = %v, %v", isa, got, ok)
		}
		if isa.Arch() != "" && isa.Arch() != runtime.GOARCH && isa.Supported() {
			t.Errorf("%v supported on %s", isa, runtime.GOARCH)
		}
	}
	if !Scalar.Supported() {
		t.Error("scalar is not supported")
	}
}

// TestDebugOff runs itself with features switched off. Switching one level off
// may not take away those below it.
func TestDebugOff(t *testing.T) {
	if os.Getenv("UKERNEL_PRINT") != "" {
		for _, isa := range ISAs() {
			if isa.Supported() {
				os.Stdout.WriteString("+" + isa.String() + "+")
			}
		}
		return
	}
	if off := debugOff("madvdontneed=1,avx=off,cpu.avx512f=off,cpu.fma=off,cpu.fma=on,cpu.avx2=off,cpu.avx2=other,cpu.sse41=1"); len(off) != 2 || !off["avx512f"] || !off["avx2"] {
		t.Errorf("%v are off, want avx512f and avx2", off)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		godebug string
		off     []ISA
	}{
		{"", nil},
		{"cpu.avx512f=off", []ISA{AVX512F, AVX256SKX, AVX512SKX, AVX512FP16}},
		{"cpu.avx2=off", []ISA{AVX2, AVX512F, AVX256SKX, AVX512SKX, AVX512FP16}},
		{"madvdontneed=1,cpu.avx=off", []ISA{AVX, F16C, AVX2, AVX512F, AVX256SKX, AVX512SKX, AVX512FP16}},
		{"cpu.all=off", []ISA{AVX, F16C, AVX2, AVX512F, AVX256SKX, AVX512SKX, AVX512FP16}},
		{"cpu.all=off,cpu.all=on", nil},
	} {
		cmd := exec.Command(exe, "-test.run=^TestDebugOff$")
		cmd.Env = append(os.Environ(), "UKERNEL_PRINT=1", "GODEBUG="+c.godebug)
		out, err := cmd.Output()
		if errors.Is(err, syscall.ENOEXEC) {
			t.Skip("the test runs under an emulator, which does not run what it starts: ", err)
		}
		if err != nil {
			t.Fatalf("GODEBUG=%s: %v", c.godebug, err)
		}
		for _, isa := range ISAs() {
			want := isa.Supported() && !slices.Contains(c.off, isa)
			if got := strings.Contains(string(out), "+"+isa.String()+"+"); got != want {
				t.Errorf("GODEBUG=%s: %v supported: %v, want %v", c.godebug, isa, got, want)
			}
		}
	}
}

func TestLookup(t *testing.T) {
	foreign := "f32_rmax_ukernel__neon_u4"
	if runtime.GOARCH == "arm64" {
		foreign = "f32_rmax_ukernel__avx_u8"
	}
	max := func(src []float32) float32 { return 7 }
	mul := func(dst, src []float32, c float32) { copy(dst, src) }
	table := []Func{
		{Name: "f32_rmax_ukernel__scalar_u1", RMax: max},
		{Name: "f32_vmulc_ukernel__scalar_u1", VMulC: mul},
		{Name: foreign, RMax: max},
	}
	f, err := Lookup("test", table, "f32_rmax_ukernel__scalar_u1")
	if err != nil {
		t.Fatal(err)
	}
	if r := f.Call(Args{Src: []float32{1}}); r.Value != 7 {
		t.Errorf("Call = %v", r)
	}
	wantPanic(t, "f32_rmax_ukernel__scalar_u1: len(src) is 0", func() { f.Call(Args{}) })
	if f, err = Lookup("test", table, "f32_vmulc_ukernel__scalar_u1"); err != nil {
		t.Fatal(err)
	}
	wantPanic(t, "len(dst) is 2, len(src) is 3", func() { f.VMulC(make([]float32, 2), make([]float32, 3), 1) })
	table = append(table,
		Func{Name: "f16_rmax_ukernel__scalar_u1", F16RMax: func(src []uint16) uint16 { return 0xc000 }},
		Func{Name: "u8_lut32norm_ukernel__scalar", U8LUT32Norm: func(dst, src []uint8, table []uint32) { dst[0] = 7 }})
	if f, err = Lookup("test", table, "f16_rmax_ukernel__scalar_u1"); err != nil {
		t.Fatal(err)
	}
	if r := f.Call(Args{Half: []uint16{1}}); r.Value != -2 {
		t.Errorf("Call = %v", r)
	}
	wantPanic(t, "f16_rmax_ukernel__scalar_u1: len(src) is 0", func() { f.F16RMax(nil) })
	if f, err = Lookup("test", table, "u8_lut32norm_ukernel__scalar"); err != nil {
		t.Fatal(err)
	}
	bytes := []uint8{0, 2}
	if f.Call(Args{Src8: bytes, Dst8: bytes, Table: []uint32{1, 2, 3}}); bytes[0] != 7 {
		t.Errorf("Call wrote %d, want 7", bytes[0])
	}
	wantPanic(t, "src[1] is 2, but the table has 2 elements", func() { f.U8LUT32Norm([]uint8{0, 0}, []uint8{1, 2}, []uint32{1, 1}) })
	wantPanic(t, "is 0 modulo 2^32", func() { f.U8LUT32Norm([]uint8{0, 0}, []uint8{0, 1}, []uint32{1 << 31, 1 << 31}) })
	wantPanic(t, "dst of 2 elements overlaps src of 2", func() { b := make([]uint8, 3); f.U8LUT32Norm(b[1:], b[:2], []uint32{1}) })

	if _, err := Lookup("test", table, "f32_rmax_ukernel__scalar_u2_acc2"); !errors.Is(err, ErrUnknownKernel) {
		t.Errorf("error %v, want ErrUnknownKernel", err)
	}
	var unsupported *UnsupportedError
	if _, err := Lookup("test", table, foreign); !errors.As(err, &unsupported) || unsupported.Name != foreign {
		t.Errorf("error %v, want an UnsupportedError for %s", err, foreign)
	}
}

func wantPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if s, _ := recover().(string); !strings.Contains(s, text) {
			t.Errorf("panic %q, want one with %q", s, text)
		}
	}()
	f()
}
