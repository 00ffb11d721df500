package modeltest

import (
	"errors"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/model"
)

func TestCheck(t *testing.T) {
	for _, name := range []string{
		"f32_rmax_ukernel__avx_u8", "f32_raddextexp_ukernel__avx2_p5_u32_acc2", "f32_vscaleextexp_ukernel__scalar_p5_u1",
		"f32_raddexpminusmax_ukernel__avx2_p5_u32", "f32_vscaleexpminusmax_ukernel__avx2_p5_u16",
		"f32_raddstoreexpminusmax_ukernel__sse2_rr2_p5_u8_acc2", "f32_vmulc_ukernel__neon_u4",
	} {
		n, err := Check(model.Func(ukernel.MustParse(name), model.Fault{}), Options{})
		if err != nil || n < 150 {
			t.Errorf("%s: %d inputs, error %v", name, n, err)
		}
	}
	n, err := Check(ukernel.Func{Name: "f32_vmulc_ukernel__scalar_u1", VMulC: func(dst, src []float32, c float32) {
		for i, x := range src {
			dst[i] = x * c
		}
	}}, Options{Full: true})
	if err != nil || n < 17_000 {
		t.Errorf("full: %d inputs, error %v", n, err)
	}
}

// TestFaults requires that every kind of mistake is found, in every family that
// can make it.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		kind  model.FaultKind
		names string
	}{
		{model.SwappedMax, `f32_rmax_ukernel__scalar_u1 f32_rmax_ukernel__sse_u4 f32_rmax_ukernel__avx_u32_acc4 f32_rmax_ukernel__avx512f_u16`},
		{model.UnfusedFMA, `f32_raddextexp_ukernel__avx2_p5_u96_acc3 f32_raddextexp_ukernel__avx512f_p5_scalef_u64
			f32_vscaleextexp_ukernel__avx2_p5_u8 f32_raddexpminusmax_ukernel__avx2_p5_u32 f32_vscaleexpminusmax_ukernel__avx512f_p5_scalef_u16
			f32_raddstoreexpminusmax_ukernel__avx256skx_rr2_p5_u8 f32_raddstoreexpminusmax_ukernel__neonfma_rr1_lut64_p2_u4`},
		{model.FusedMulAdd, `f32_raddextexp_ukernel__scalar_p5_u1 f32_raddstoreexpminusmax_ukernel__scalar_rr2_lut64_p2_u1
			f32_raddstoreexpminusmax_ukernel__sse2_rr2_p5_u4 f32_raddstoreexpminusmax_ukernel__neon_rr2_p5_u4`},
		{model.MergedInLine, `f32_raddexpminusmax_ukernel__avx512f_p5_scalef_u160_acc5
			f32_raddstoreexpminusmax_ukernel__scalar_rr2_p5_u4_acc4`},
		{model.OtherSum, `f32_raddextexp_ukernel__avx2_p5_u32 f32_raddexpminusmax_ukernel__avx512f_p5_scalef_u64
			f32_raddstoreexpminusmax_ukernel__sse2_rr2_p5_u4 f32_raddstoreexpminusmax_ukernel__neonfma_rr1_p5_u4`},
		{model.ShortTail, `f32_rmax_ukernel__avx_u8 f32_rmax_ukernel__sse_u4 f32_rmax_ukernel__neon_u4 f32_raddextexp_ukernel__avx2_p5_u32 f32_raddextexp_ukernel__avx512f_p5_scalef_u64
			f32_vscaleextexp_ukernel__avx2_p5_u8 f32_raddexpminusmax_ukernel__avx2_p5_u32 f32_vscaleexpminusmax_ukernel__avx512f_p5_scalef_u16
			f32_raddstoreexpminusmax_ukernel__sse2_rr2_p5_u4 f32_vmulc_ukernel__avx_u16`},
	} {
		for _, name := range strings.Fields(c.names) {
			k := ukernel.MustParse(name)
			if c.kind == model.SwappedMax && k.ISA == ukernel.Scalar && runtime.GOARCH == "arm64" {
				continue // FMAXNM there, whose operands may be swapped
			}
			var d *Difference
			_, err := Check(model.Func(k, model.Fault{Kind: c.kind}), Options{})
			switch {
			case !errors.As(err, &d):
				t.Errorf("%v in %s is not found: %v", c.kind, name, err)
			case d.Kernel != name || len(d.Trace) == 0 || ukernel.Same(d.Got, d.Want):
				t.Errorf("%v in %s: report lacks something: %v", c.kind, name, err)
			default:
				t.Logf("%v: %v", c.kind, err)
			}
		}
	}
}

// TestMemory requires that accesses outside of the operands are found.
func TestMemory(t *testing.T) {
	k := ukernel.MustParse("f32_vmulc_ukernel__scalar_u1")
	good := model.Func(k, model.Fault{}).VMulC
	at := func(s []float32, i int) *float32 {
		return (*float32)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), 4*i))
	}
	wordAt := func(s []uint16, i int) *uint16 {
		return (*uint16)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), 2*i))
	}
	var sink float32
	for _, c := range []struct {
		what, want string
		f          func(dst, src []float32, c float32)
	}{
		{"reads before", "touched element -1 of src", func(dst, src []float32, c float32) { sink += *at(src, -1) }},
		{"reads after", " of src", func(dst, src []float32, c float32) { sink += *at(src, len(src)) }},
		{"writes before", "touched element -1 of dst", func(dst, src []float32, c float32) { *at(dst, -1) = 0 }},
		{"writes after", "element 1 of dst", func(dst, src []float32, c float32) { *at(dst, len(dst)) = 0 }},
		{"writes further", "wrote to element 9 of dst", func(dst, src []float32, c float32) {
			if uintptr(unsafe.Pointer(&dst[0]))%4096 == 4*margin {
				*at(dst, 9) = 0
			}
		}},
		{"writes src", "to element 0 of src", func(dst, src []float32, c float32) {
			if &dst[0] != &src[0] {
				src[0] = 77
			}
		}},
	} {
		f := ukernel.Func{Name: k.Name, VMulC: func(dst, src []float32, x float32) { good(dst, src, x); c.f(dst, src, x) }}
		if _, err := Check(f, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.what, err, c.want)
		}
	}
	f := ukernel.Func{Name: k.Name, VMulC: func(dst, src []float32, x float32) { good(dst, src, x); sink += *at(src, len(src)) }}
	if _, err := Check(f, Options{ReadsBeyond: true}); err != nil {
		t.Errorf("reads beyond, which is permitted: %v", err)
	}
	const halves = "f16_vmulc_ukernel__f16c_u8"
	vmulc := model.Func(ukernel.MustParse(halves), model.Fault{}).F16VMulC
	for _, c := range []struct {
		what, want string
		f          func(dst, src []uint16)
	}{
		{"reads before", "touched element -1 of other", func(dst, src []uint16) { sink += float32(*wordAt(src, -1)) }},
		{"reads after", " of other", func(dst, src []uint16) { sink += float32(*wordAt(src, len(src))) }},
		{"writes before", "touched element -1 of narrow", func(dst, src []uint16) { *wordAt(dst, -1) = 0 }},
		{"writes after", "element 1 of the row of narrow numbers", func(dst, src []uint16) {
			if i := len(dst); uintptr(unsafe.Pointer(wordAt(dst, i)))%4096 != 0 {
				*wordAt(dst, i) = 0
			}
		}},
		{"writes src", "wrote to the row that it reads", func(dst, src []uint16) {
			if &dst[0] != &src[0] {
				src[0]++
			}
		}},
		{"leaves one out", "is 0x", func(dst, src []uint16) { dst[len(dst)-1] = canary & 0xffff }},
		{"is wrong in place", "in place: element 0", func(dst, src []uint16) {
			if &dst[0] == &src[0] {
				dst[0] ^= 1
			}
		}},
	} {
		f := ukernel.Func{Name: halves, F16VMulC: func(dst, src []uint16, x uint16) { vmulc(dst, src, x); c.f(dst, src) }}
		if _, err := Check(f, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("binary16, %s: error %v, want one with %q", c.what, err, c.want)
		}
	}
	const bytes = "u8_rmax_ukernel__sse2_u16"
	rmax := model.Func(ukernel.MustParse(bytes), model.Fault{}).U8RMax
	for _, c := range []struct {
		what, want string
		f          func(src []uint8)
	}{
		{"reads after", " of other", func(src []uint8) {
			sink += float32(*(*uint8)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(src)), len(src))))
		}},
		{"writes src", "wrote to the row that it reads", func(src []uint8) { src[0]++ }},
	} {
		f := ukernel.Func{Name: bytes, U8RMax: func(src []uint8) uint8 { r := rmax(src); c.f(src); return r }}
		if _, err := Check(f, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("bytes, %s: error %v, want one with %q", c.what, err, c.want)
		}
	}
	f.VMulC = func(dst, src []float32, x float32) { panic("mine") }
	defer func() {
		if r := recover(); r != "mine" {
			t.Errorf("panic %v, want the function's own", r)
		}
	}()
	Check(f, Options{})
}
