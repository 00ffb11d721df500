package main

import (
	"bytes"
	"fmt"
	"go/format"
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/tools/kernelgen/amd64"
	"github.com/twopass-softmax/twopass/tools/kernelgen/arm64"
	"github.com/twopass-softmax/twopass/ukernel"
)

// backend is what generates the kernels of an architecture.
type backend struct {
	arch string // GOARCH
	pkg  string // in native/twins/internal
	file func(kernels []ukernel.Kernel, signature func(ukernel.Kernel) string, header string) ([]byte, error)
}

var backends = []backend{
	{"amd64", "x86", amd64.File},
	{"arm64", "neon", arm64.File},
}

// ours names the kernels that upstream does not have.
var ours = func() (ks []ukernel.Kernel) {
	for _, shape := range []string{"u4", "u8", "u8_acc2", "u12", "u12_acc3", "u16", "u16_acc2", "u16_acc4",
		"u24", "u24_acc2", "u24_acc3", "u32", "u32_acc2", "u32_acc4"} {
		ks = append(ks, ukernel.MustParse("f32_raddextexp_ukernel__neonfma_p5_"+shape))
	}
	for _, shape := range []string{"u16", "u24", "u32"} {
		ks = append(ks, ukernel.MustParse("f32_vscaleextexp_ukernel__neonfma_p5_"+shape))
	}
	// For the functions of package native: a more exact exponential, sums that
	// don't drift, a floor that lets -Inf pass, and the three-pass families where
	// upstream lacks them.
	for _, name := range []string{"sse2_rr2_p6", "avx512f_rr2_p6", "neon_rr2_p6", "neonfma_rr2_p6"} {
		lanes := ukernel.MustParse("f32_raddexpminusmax_ukernel__" + name + "_u16").Lanes()
		for _, vectors := range []int{4, 8} {
			tile := fmt.Sprintf("_u%d", vectors*lanes)
			ks = append(ks,
				ukernel.MustParse("f32_raddexpminusmax_ukernel__"+name+"_twosum"+tile),
				ukernel.MustParse("f32_raddstoreexpminusmax_ukernel__"+name+"_twosum"+tile))
		}
		ks = append(ks, ukernel.MustParse(fmt.Sprintf("f32_vscaleexpminusmax_ukernel__%s_u%d", name, 4*lanes)))
	}
	for _, name := range []string{"avx2_p6", "avx512f_p6_scalef", "neonfma_p6"} {
		lanes := ukernel.MustParse("f32_raddextexp_ukernel__" + name + "_u16").Lanes()
		for _, vectors := range []int{4, 8} {
			ks = append(ks, ukernel.MustParse(fmt.Sprintf("f32_raddextexp_ukernel__%s_floor_twosum_u%d", name, vectors*lanes)))
		}
		ks = append(ks, ukernel.MustParse(fmt.Sprintf("f32_vscaleextexp_ukernel__%s_floor_u%d", name, 4*lanes)))
	}
	// The same with the fastest exponentials that are as exact as upstream's.
	for _, name := range []string{"avx2_exp2_lut8_p3", "avx512skx_exp2_p5_scalef"} {
		lanes := ukernel.MustParse("f32_raddexpminusmax_ukernel__" + name + "_u16").Lanes()
		ks = append(ks,
			ukernel.MustParse(fmt.Sprintf("f32_raddexpminusmax_ukernel__%s_twosum_u%d", name, 12*lanes)),
			ukernel.MustParse(fmt.Sprintf("f32_raddstoreexpminusmax_ukernel__%s_twosum_u%d", name, 12*lanes)),
			ukernel.MustParse(fmt.Sprintf("f32_raddmaxexpminusmax_ukernel__%s_twosum_u%d", name, 12*lanes)),
			ukernel.MustParse(fmt.Sprintf("f32_vscaleexpminusmax_ukernel__%s_u%d", name, 4*lanes)),
			ukernel.MustParse(fmt.Sprintf("f32_vscaleexpminusmax_ukernel__%s_nt_u%d", name, 4*lanes)))
	}
	for _, name := range []string{"f32_raddexpminusmax_ukernel__neonfma_exp2_p5_twosum_u32", "f32_raddstoreexpminusmax_ukernel__neonfma_exp2_p5_twosum_u32",
		"f32_raddmaxexpminusmax_ukernel__neonfma_exp2_p5_twosum_u32", "f32_vscaleexpminusmax_ukernel__neonfma_exp2_p5_u16",
		"f32_vscaleextexp_ukernel__avx2_p6_floor_nt_u32", "f32_vscaleextexp_ukernel__avx512f_p6_scalef_floor_nt_u64",
		"f32_vsubc2_ukernel__avx_nt_u32", "f32_vsubc2_ukernel__avx512f_nt_u64"} {
		ks = append(ks, ukernel.MustParse(name))
	}
	for _, family := range []string{"f32_softmax", "f32_logsoftmax", "f32_scaledsoftmax", "f32_scaledlogsoftmax"} {
		for _, name := range []string{"avx2_exp2_lut8_p3_u64", "avx512skx_exp2_p5_scalef_u128",
			"avx2_exp2_lut8_p3_twosum_u96", "avx512skx_exp2_p5_scalef_twosum_u192", "neonfma_exp2_p5_u32", "neonfma_exp2_p5_twosum_u32"} {
			ks = append(ks, ukernel.MustParse(family+"_ukernel__"+name))
		}
	}
	for _, name := range []string{"f32_vadd_ukernel__avx_u32", "f32_vadd_ukernel__avx512f_u64", "f32_vkeep_ukernel__avx2_u32", "f32_vkeep_ukernel__avx512f_u64"} {
		ks = append(ks, ukernel.MustParse(name))
	}
	for _, family := range []ukernel.Family{ukernel.WidenF16, ukernel.NarrowF16, ukernel.WidenBF16, ukernel.NarrowBF16} {
		for _, shape := range []string{"avx2_u32", "avx512f_u64"} {
			ks = append(ks, ukernel.MustParse(family.String()+"_ukernel__"+shape))
		}
	}
	for _, shape := range []string{"sse_u16", "avx_u32", "avx512f_u64", "neon_u16"} {
		ks = append(ks, ukernel.MustParse("f32_vsubc2_ukernel__"+shape))
	}
	return ks
}()

// about says what each family's file is about.
var about = map[ukernel.Family]string{
	ukernel.RMax:                 "The largest element.",
	ukernel.RAddExtExp:           "The first pass of the two-pass softmax (arXiv 2001.04438, Algorithm 3): the sum\n// of exp(x) as mantissa * 2^exponent.",
	ukernel.VScaleExtExp:         "The second pass of the two-pass softmax (arXiv 2001.04438, Algorithm 3):\n// exp(x) * mantissa * 2^exponent.",
	ukernel.RAddExpMinusMax:      "The sum of exp(x - max), the second of three passes.",
	ukernel.VScaleExpMinusMax:    "exp(x - max) * scale, the last of three passes with recomputation.",
	ukernel.RAddStoreExpMinusMax: "exp(x - max) and the sum of it, the second of three passes with reloading.",
	ukernel.VMulC:                "x * c, the last of three passes with reloading.",
	ukernel.VSubC2:               "(x - a) - b, the last pass of log-softmax.",
	ukernel.ScaledSoftmax:        "The softmax of rows times a scale.",
	ukernel.ScaledLogSoftmax:     "The logarithm of the softmax of rows times a scale.",
	ukernel.VAdd:                 "x + y, the elements of two rows.",
	ukernel.VKeep:                "x where the second row is true, -Inf elsewhere.",
	ukernel.WidenF16:             "IEEE 754 binary16 as float32.",
	ukernel.NarrowF16:            "float32 rounded to IEEE 754 binary16.",
	ukernel.WidenBF16:            "bfloat16 as float32.",
	ukernel.NarrowBF16:           "float32 rounded to bfloat16.",
	ukernel.Softmax:              "The softmax of rows.",
	ukernel.RAddMaxExpMinusMax:   "The sum of exp(x - max) for a max that need only be near the largest element, and\n// that element: two of three passes in one.",
	ukernel.LogSoftmax:           "The logarithm of the softmax of rows.",

	ukernel.F16RMax:                 "The largest element of a row of binary16 numbers.",
	ukernel.F16RAddStoreExpMinusMax: "exp(x - max) and the sum of it, for binary16 numbers.",
	ukernel.F16VMulC:                "x * c, for binary16 numbers.",
	ukernel.U8RMax:                  "The largest of a row of bytes.",
}

// fields names the field of ukernel.Func and the parameters for each family.
var fields = map[ukernel.Family]struct{ name, signature string }{
	ukernel.RMax:                 {"RMax", "func(src []float32) (max float32)"},
	ukernel.RAddExtExp:           {"RAddExtExp", "func(src []float32) (mantissa, exponent float32)"},
	ukernel.VScaleExtExp:         {"VScaleExtExp", "func(dst, src []float32, mantissa, exponent float32)"},
	ukernel.RAddExpMinusMax:      {"RAddExpMinusMax", "func(src []float32, max float32) (sum float32)"},
	ukernel.VScaleExpMinusMax:    {"VScaleExpMinusMax", "func(dst, src []float32, scale, max float32)"},
	ukernel.RAddStoreExpMinusMax: {"RAddStoreExpMinusMax", "func(dst, src []float32, max float32) (sum float32)"},
	ukernel.VMulC:                {"VMulC", "func(dst, src []float32, c float32)"},
	ukernel.VSubC2:               {"VSubC2", "func(dst, src []float32, a, b float32)"},
	ukernel.ScaledSoftmax:        {"ScaledSoftmax", "func(dst, src []float32, scale float32, rows, cols, dstStride, srcStride int) (done int)"},
	ukernel.ScaledLogSoftmax:     {"ScaledLogSoftmax", "func(dst, src []float32, scale float32, rows, cols, dstStride, srcStride int) (done int)"},
	ukernel.VAdd:                 {"VAdd", "func(dst, src, other []float32)"},
	ukernel.VKeep:                {"VKeep", "func(dst, src []float32, keep []bool)"},
	ukernel.WidenF16:             {"WidenF16", "func(dst []float32, src []uint16)"},
	ukernel.NarrowF16:            {"NarrowF16", "func(dst []uint16, src []float32)"},
	ukernel.WidenBF16:            {"WidenBF16", "func(dst []float32, src []uint16)"},
	ukernel.NarrowBF16:           {"NarrowBF16", "func(dst []uint16, src []float32)"},
	ukernel.Softmax:              {"Softmax", "func(dst, src []float32, rows, cols, dstStride, srcStride int) (done int)"},
	ukernel.RAddMaxExpMinusMax:   {"RAddMaxExpMinusMax", "func(src []float32, max float32) (sum, top float32)"},
	ukernel.LogSoftmax:           {"LogSoftmax", "func(dst, src []float32, rows, cols, dstStride, srcStride int) (done int)"},

	ukernel.F16RMax:                 {"F16RMax", "func(src []uint16) (max uint16)"},
	ukernel.F16RAddStoreExpMinusMax: {"F16RAddStoreExpMinusMax", "func(dst, src []uint16, max uint16) (sum uint16)"},
	ukernel.F16VMulC:                {"F16VMulC", "func(dst, src []uint16, c uint16)"},
	ukernel.U8RMax:                  {"U8RMax", "func(src []uint8) (max uint8)"},
}

const generated = "// Code generated by tools/kernelgen. DO NOT EDIT.\n"

// generate returns the text of every generated file by its path in the tree.
func generate() (map[string][]byte, error) {
	files := make(map[string][]byte)
	for _, b := range backends {
		if err := b.generate(files); err != nil {
			return nil, err
		}
	}
	if err := generateLibrary(files); err != nil {
		return nil, err
	}
	return files, nil
}

// writes reports whether there is assembly for the kernel.
func (b backend) writes(k ukernel.Kernel) bool {
	return k.ISA != ukernel.AVX512FP16 // which Go's assembler lacks
}

func (b backend) generate(files map[string][]byte) error {
	dir := "native/twins/internal/" + b.pkg + "/"
	var all []ukernel.Kernel
	for _, family := range ukernel.Families() {
		for _, isa := range ukernel.ISAs() {
			var kernels []ukernel.Kernel
			for _, k := range slices.Concat(ukernel.Upstream(), ours) {
				if k.Family == family && k.ISA == isa && isa.Arch() == b.arch && b.writes(k) {
					kernels = append(kernels, k)
				}
			}
			if len(kernels) == 0 {
				continue
			}
			all = append(all, kernels...)
			whose := fmt.Sprintf("Twins of upstream's xnn_%v_ukernel__%v_*.", family, isa)
			switch last := kernels[len(kernels)-1]; {
			case family.Other() > 0 || family.Widens() || family.Narrows():
				whose = "Ours."
			case kernels[0].Ours:
				whose = fmt.Sprintf("Ours: upstream has none for %v.", isa)
			case last.Ours:
				whose += "\n// The last of them are ours, as " + last.Name + "."
			}
			header := fmt.Sprintf("%s\n// %s\n//\n// %s\n", generated, about[family], whose)
			text, err := b.file(kernels, func(k ukernel.Kernel) string { return fields[k.Family].signature }, header)
			if err != nil {
				return fmt.Errorf("%v %v: %w", family, isa, err)
			}
			name := family.String()
			if !family.Narrows() {
				name = strings.TrimPrefix(name, "f32_")
			}
			files[fmt.Sprintf("%s%s_%v_%s.s", dir, name, isa, b.arch)] = text
		}
	}
	text, err := table(b.pkg, b.arch+" && !purego", all)
	if err != nil {
		return err
	}
	files[dir+"kernels_"+b.arch+".go"] = text
	return nil
}

// table is the Go file that declares the assembly's functions and lists them.
func table(pkg, constraint string, kernels []ukernel.Kernel) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n//go:build %s\n\npackage %s\n\n", generated, constraint, pkg)
	b.WriteString("import \"github.com/twopass-softmax/twopass/ukernel\"\n\n")
	b.WriteString("// Kernels lists the kernels of this package, without checks of any kind.\n")
	b.WriteString("var Kernels = []ukernel.Func{\n")
	for _, k := range kernels {
		fmt.Fprintf(&b, "\t{Name: %q, %s: %s},\n", k.Name, fields[k.Family].name, k.Name)
	}
	b.WriteString("}\n")
	for _, k := range kernels {
		fmt.Fprintf(&b, "\n//go:noescape\nfunc %s%s\n", k.Name, strings.TrimPrefix(fields[k.Family].signature, "func"))
	}
	return format.Source(b.Bytes())
}
