package xnnpack

import (
	"fmt"
	"sync"

	"github.com/twopass-softmax/twopass/ukernel"
)

// Kernels lists the kernels that are compiled in, sorted by name. k.ISA.Supported()
// reports whether this CPU can run kernel k.
func Kernels() []ukernel.Kernel {
	ks := make([]ukernel.Kernel, len(kernels))
	for i, f := range kernels {
		ks[i] = ukernel.MustParse(f.Name)
	}
	return ks
}

// Lookup returns the kernel with a name, upstream's symbol without the xnn_
// prefix. Where no kernels are linked in, it returns the error of [Available]. The
// error wraps [ukernel.ErrUnknownKernel] if the name is not in [Kernels], and a
// [*ukernel.UnsupportedError] if this CPU can't run the kernel.
//
// Each call of the returned Func's function is one cgo call and allocates nothing.
func Lookup(name string) (ukernel.Func, error) {
	if err := Available(); err != nil {
		return ukernel.Func{}, err
	}
	return ukernel.Lookup("xnnpack", kernels, name)
}

// Options choose how [SoftmaxWith] computes. With the zero value it is [Softmax].
type Options struct {
	// Algorithm is one of the three. Auto is ThreePassReload, upstream's choice.
	Algorithm ukernel.Algorithm
	// Kernels names kernels for the algorithm's passes, in any order, at most one
	// for each family. The other families take the kernel of [Preferred].
	Kernels []string
}

func (o *Options) algorithm() ukernel.Algorithm {
	if o.Algorithm == ukernel.Auto {
		return ukernel.ThreePassReload
	}
	return o.Algorithm
}

// preferred are the kernels that upstream picks: for the families of its softmax
// operators by its configuration, for the others by its softmax benchmark. The first
// of a family that this CPU can run counts. Upstream's configuration also has an
// avx256skx kernel, for builds without avx512f.
var preferred = []string{
	"f32_rmax_ukernel__avx512f_u64_acc4",
	"f32_rmax_ukernel__avx_u32_acc4",
	"f32_rmax_ukernel__sse_u16_acc4",
	"f32_rmax_ukernel__neon_u16_acc4",
	"f32_raddstoreexpminusmax_ukernel__avx512f_rr2_p5_u64_acc2",
	"f32_raddstoreexpminusmax_ukernel__avx2_rr2_p5_u32_acc2",
	"f32_raddstoreexpminusmax_ukernel__sse2_rr2_p5_u16_acc2",
	"f32_raddstoreexpminusmax_ukernel__neonfma_rr1_lut64_p2_u16_acc2",
	"f32_vmulc_ukernel__avx512f_u32",
	"f32_vmulc_ukernel__avx_u16",
	"f32_vmulc_ukernel__sse_u8",
	"f32_vmulc_ukernel__neon_u8",

	"f16_rmax_ukernel__avx512fp16_u128_acc4",
	"f16_rmax_ukernel__avx512skx_u64_acc4",
	"f16_rmax_ukernel__f16c_u32",
	"f16_rmax_ukernel__neonfp16arith_u32_acc4",
	"f16_raddstoreexpminusmax_ukernel__avx2_rr1_p2_u32",
	"f16_raddstoreexpminusmax_ukernel__neonfp16arith_rr2_p2_u32",
	"f16_vmulc_ukernel__avx512fp16_u64",
	"f16_vmulc_ukernel__f16c_u16",
	"f16_vmulc_ukernel__neonfp16arith_u16",
	"u8_rmax_ukernel__sse2_u16",
	"u8_rmax_ukernel__neon_u16",
	"u8_lut32norm_ukernel__scalar",

	"f32_raddextexp_ukernel__avx512f_p5_scalef_u144_acc3",
	"f32_raddextexp_ukernel__avx2_p5_u96",
	"f32_vscaleextexp_ukernel__avx512f_p5_scalef_u16",
	"f32_vscaleextexp_ukernel__avx2_p5_u40",
	"f32_raddexpminusmax_ukernel__avx512f_p5_scalef_u128_acc4",
	"f32_raddexpminusmax_ukernel__avx2_p5_u96",
	"f32_vscaleexpminusmax_ukernel__avx512f_p5_scalef_u16",
	"f32_vscaleexpminusmax_ukernel__avx2_p5_u24",
}

// entry is a row of the table of kernels with its name taken apart.
type entry struct {
	kernel ukernel.Kernel
	fn     ukernel.Func
	symbol symbol
}

// index returns the tables, made at first use.
var index = sync.OnceValue(func() *tables {
	t := &tables{byName: make(map[string]*entry), preferred: make(map[ukernel.Family]*entry)}
	for i, k := range Kernels() {
		t.byName[k.Name] = &entry{k, kernels[i], symbols[i]}
	}
	for _, name := range preferred {
		if e := t.byName[name]; e != nil && e.kernel.ISA.Supported() && t.preferred[e.kernel.Family] == nil {
			t.preferred[e.kernel.Family] = e
		}
	}
	t.composed = make(map[ukernel.Algorithm]*ukernel.Composition)
	for _, a := range ukernel.Algorithms() {
		if c, err := t.compose(a, nil); err == nil {
			t.composed[a] = &c
		}
	}
	return t
})

type tables struct {
	byName map[string]*entry
	// composed has the algorithms with the preferred kernels.
	composed  map[ukernel.Algorithm]*ukernel.Composition
	preferred map[ukernel.Family]*entry
}

// Preferred returns the name of the kernel that upstream prefers for a family on
// this CPU; ok is false if upstream has none.
//
// Upstream's configuration chooses for the three families of [ukernel.ThreePassReload]
// and for those of binary16 numbers and bytes, its softmax benchmark for the others.
func Preferred(f ukernel.Family) (name string, ok bool) {
	if e := index().preferred[f]; e != nil {
		return e.kernel.Name, true
	}
	return "", false
}

// Softmax writes exp(x) / sum(exp(x)) for the row src to dst with the kernels of
// upstream's softmax operator: [ukernel.ThreePassReload] with the kernels of
// [Preferred]. Denormals are on, as always in Go. The operator itself,
// [SoftmaxNCF32], turns them off, so that its bits differ where a result or an
// exponential is below 2^-126.
//
// Dst is as long as src, and is src itself or does not overlap it; otherwise, and
// where [Available] returns an error, Softmax panics. It does nothing with an empty
// row. The package comment says what infinities and NaNs give.
func Softmax(dst, src []float32) {
	if err := softmax("xnnpack.Softmax", dst, src, &Options{}); err != nil {
		panic(err.Error())
	}
}

// SoftmaxWith is [Softmax] with an algorithm and kernels of the caller's choice. It
// returns an error, and writes nothing, if a kernel is unknown, belongs to no pass of
// the algorithm or to the same pass as another, or can't run on this CPU; if upstream
// has no kernel for a pass on this CPU; and where [Available] returns one.
func SoftmaxWith(dst, src []float32, opts Options) error {
	return softmax("xnnpack.SoftmaxWith", dst, src, &opts)
}

func softmax(who string, dst, src []float32, opts *Options) error {
	ukernel.CheckSlices(who, dst, src)
	c, err := index().composition(opts)
	if err != nil {
		return err
	}
	if len(src) > 0 {
		c.Softmax(dst, src)
	}
	return nil
}

// SoftmaxRows writes the [Softmax] of each row of src to the same row of dst. Both
// are row-major: element j of row i is at i*stride + j. A stride is at least cols,
// and a slice has at least (rows-1)*stride + cols elements, or none if there are no
// rows or columns. Nothing is written between the rows.
//
// Dst may be src with the same stride, and does not overlap it otherwise. SoftmaxRows
// panics if it does, if a size does not fit, and where [Available] returns an error.
func SoftmaxRows(dst, src []float32, rows, cols, dstStride, srcStride int) {
	some := ukernel.CheckMatrices("xnnpack.SoftmaxRows", "src", dst, src, rows, cols, dstStride, srcStride)
	c, err := index().composition(&Options{})
	if err != nil {
		panic(err.Error())
	}
	if !some {
		return
	}
	for i := range rows {
		c.Softmax(dst[i*dstStride:][:cols], src[i*srcStride:][:cols])
	}
}

// composition returns what the options ask for.
func (t *tables) composition(opts *Options) (ukernel.Composition, error) {
	a := opts.algorithm()
	if c := t.composed[a]; c != nil && len(opts.Kernels) == 0 {
		return *c, nil
	}
	return t.compose(a, opts.Kernels)
}

// compose joins the named kernels, and the preferred ones of the other families, for
// an algorithm. It takes the functions without checks, since softmax has checked the
// slices, and allocates nothing.
func (t *tables) compose(a ukernel.Algorithm, names []string) (ukernel.Composition, error) {
	var none ukernel.Composition
	if err := Available(); err != nil {
		return none, err
	}
	chosen, err := t.choose(a, names)
	if err != nil {
		return none, err
	}
	families := a.Families()
	var passes [3]ukernel.Func
	for i := range families {
		passes[i] = chosen[i].fn
	}
	return ukernel.Compose(a, passes[:len(families)]...)
}

// choose finds the kernels of an algorithm's passes.
func (t *tables) choose(a ukernel.Algorithm, names []string) (chosen [3]*entry, err error) {
	families := a.Families()
	for _, name := range names {
		e := t.byName[name]
		if e == nil {
			return chosen, fmt.Errorf("xnnpack: %q: %w", name, ukernel.ErrUnknownKernel)
		}
		if !e.kernel.ISA.Supported() {
			return chosen, fmt.Errorf("xnnpack: %w", &ukernel.UnsupportedError{Name: e.kernel.Name, ISA: e.kernel.ISA})
		}
		pass := -1
		for i, f := range families {
			if f == e.kernel.Family {
				pass = i
			}
		}
		if pass < 0 {
			return chosen, fmt.Errorf("xnnpack: %v has no pass for kernel %q", a, e.kernel.Name)
		}
		if chosen[pass] != nil {
			return chosen, fmt.Errorf("xnnpack: kernels %q and %q are for the same pass", chosen[pass].kernel.Name, e.kernel.Name)
		}
		chosen[pass] = e
	}
	for i, f := range families {
		if chosen[i] == nil {
			chosen[i] = t.preferred[f]
		}
		if chosen[i] == nil {
			return chosen, fmt.Errorf("xnnpack: upstream has no %v kernel for this CPU, which %v needs", f, a)
		}
	}
	return chosen, nil
}
