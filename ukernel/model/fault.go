package model

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/twopass-softmax/twopass/internal/f32"
	"github.com/twopass-softmax/twopass/ukernel"
)

// FaultKind is a mistake that a kernel may make.
type FaultKind uint8

// The mistakes. NoFault is the zero value.
const (
	NoFault FaultKind = iota
	// SwappedMax has the operands of a maximum in the wrong order.
	SwappedMax
	// UnfusedFMA rounds the product before the addition where it should not.
	UnfusedFMA
	// FusedMulAdd does not round the product where it should, as a compiler may do.
	FusedMulAdd
	// MergedInLine merges four or more accumulators one after the other, not as
	// a tree.
	MergedInLine
	// OtherSum adds up the lanes of the last vector as neighbours instead of
	// halves, or the other way around.
	OtherSum
	// ShortTail leaves out the last element of a partial vector.
	ShortTail
	// InOutMax starts a maximum from -Inf instead of the first element, and in float32
	// takes the rest of a wide vector into every lane. Upstream does so since commit
	// cb888be51f (2025); at the pinned commit it is a mistake.
	InOutMax

	numFaults
)

var faultTexts = [numFaults]string{
	NoFault: "no fault", SwappedMax: "operands of max swapped", UnfusedFMA: "product rounded before the addition",
	FusedMulAdd: "product fused with the addition", MergedInLine: "accumulators merged in line",
	OtherSum: "lanes added up in another order", ShortTail: "last element left out",
	InOutMax: "begun with -Inf, as upstream does since cb888be51f",
}

// String describes the mistake in a few words.
func (f FaultKind) String() string {
	if f < numFaults {
		return faultTexts[f]
	}
	return fmt.Sprintf("FaultKind(%d)", uint8(f))
}

// Fault is a mistake at one place of a kernel. It tests what should find mistakes, and
// explains those of a kernel.
type Fault struct {
	Kind FaultKind
	// Name is the [Op.Name] of the wrong operations; empty for all. Only the first three
	// kinds, mistakes in single operations, have one.
	Name string
}

func (f Fault) String() string {
	if f.Name == "" {
		return f.Kind.String()
	}
	return f.Name + ": " + f.Kind.String()
}

// has reports whether the machine makes the mistake in operations of the name.
func (m *machine) has(kind FaultKind, name string) bool {
	return m.fault.Kind == kind && (m.fault.Name == "" || m.fault.Name == name)
}

// mistake computes the wrong thing, and notes the first lane where that shows.
func (m *machine) mistake(name, op string, wrong, right func(args []float32) float32, operands ...vector) vector {
	z := m.make(len(operands[0]))
	for i := range z {
		args := make([]float32, len(operands))
		for j, x := range operands {
			args[j] = x[i]
		}
		z[i] = wrong(args)
		if r := right(args); m.slip == nil && !ukernel.Same(z[i], r) {
			m.slip = &Slip{m.op(name, op, i, r, args...), z[i]}
		}
	}
	return z
}

// Slip is the first operation whose result a mistake changed.
type Slip struct {
	// Op is the operation as it should be.
	Op Op
	// Wrong is the result with the mistake.
	Wrong float32
}

func (s Slip) String() string { return fmt.Sprintf("%v, but with the mistake %x", s.Op, s.Wrong) }

// Explain looks for a single mistake that gives the result got and, if the family stores, the
// outputs out. A.Src is the row before the call; a.Dst is not used.
//
// Ok is false if there is none. The slip is nil if the mistake is in the order of operations,
// and not in one of them.
func Explain(k ukernel.Kernel, a ukernel.Args, got ukernel.Result, out []float32) (fault Fault, slip *Slip, ok bool) {
	if k.Family.Stores() {
		a.Dst = make([]float32, len(a.Src))
		a.Dst16, a.Dst8 = make([]uint16, len(a.Src)), make([]uint8, len(a.Src))
	}
	explains := func(f Fault) bool {
		m, r, err := execute(k, a, runtime.GOARCH, f, nil)
		n := len(out)
		if f.Kind == ShortTail && n%k.Lanes() != 0 {
			n-- // what is not written may be anything
		}
		if err != nil || !r.Same(k.Family, got) || !slices.EqualFunc(a.Dst[:n], out[:n], ukernel.Same) {
			return false
		}
		fault, slip = f, m.slip
		return true
	}
	var names []string
	if _, err := Trace(k, a, func(op Op) {
		if !slices.Contains(names, op.Name) {
			names = append(names, op.Name)
		}
	}); err != nil || explains(Fault{}) {
		return Fault{}, nil, false
	}
	if max := k.Family == ukernel.RMax || k.Family == ukernel.F16RMax; max && explains(Fault{Kind: InOutMax}) {
		return fault, slip, true
	}
	// At one place first, then at all places.
	for _, name := range append(names, "") {
		for _, kind := range []FaultKind{SwappedMax, UnfusedFMA, FusedMulAdd} {
			if explains(Fault{kind, name}) {
				return fault, slip, true
			}
		}
	}
	for kind := MergedInLine; kind < numFaults; kind++ {
		if explains(Fault{Kind: kind}) {
			return fault, slip, true
		}
	}
	return Fault{}, nil, false
}

// Func returns the model of k as a Func, with a mistake unless fault is zero. It panics where
// [Run] returns an error.
func Func(k ukernel.Kernel, fault Fault) ukernel.Func {
	call := func(a ukernel.Args) ukernel.Result {
		_, r, err := execute(k, a, runtime.GOARCH, fault, nil)
		if err != nil {
			panic(err)
		}
		return r
	}
	f := ukernel.Func{Name: k.Name}
	switch k.Family {
	case ukernel.RMax:
		f.RMax = func(src []float32) float32 { return call(ukernel.Args{Src: src}).Value }
	case ukernel.RAddExtExp:
		f.RAddExtExp = func(src []float32) (float32, float32) {
			r := call(ukernel.Args{Src: src})
			return r.Value, r.Exponent
		}
	case ukernel.VScaleExtExp:
		f.VScaleExtExp = func(dst, src []float32, mantissa, exponent float32) {
			call(ukernel.Args{Dst: dst, Src: src, Scale: mantissa, ScaleExp: exponent})
		}
	case ukernel.RAddExpMinusMax:
		f.RAddExpMinusMax = func(src []float32, max float32) float32 {
			return call(ukernel.Args{Src: src, Max: max}).Value
		}
	case ukernel.VScaleExpMinusMax:
		f.VScaleExpMinusMax = func(dst, src []float32, scale, max float32) {
			call(ukernel.Args{Dst: dst, Src: src, Scale: scale, Max: max})
		}
	case ukernel.RAddStoreExpMinusMax:
		f.RAddStoreExpMinusMax = func(dst, src []float32, max float32) float32 {
			return call(ukernel.Args{Dst: dst, Src: src, Max: max}).Value
		}
	case ukernel.VMulC:
		f.VMulC = func(dst, src []float32, c float32) { call(ukernel.Args{Dst: dst, Src: src, Scale: c}) }
	case ukernel.F16RMax:
		f.F16RMax = func(src []uint16) uint16 {
			return f32.ToHalf(call(ukernel.Args{Src: make([]float32, len(src)), Half: src}).Value)
		}
	case ukernel.F16RAddStoreExpMinusMax:
		f.F16RAddStoreExpMinusMax = func(dst, src []uint16, max uint16) uint16 {
			floats := make([]float32, len(src))
			return f32.ToHalf(call(ukernel.Args{Dst: floats, Src: floats, Dst16: dst, Half: src, Max: f32.FromHalf(max)}).Value)
		}
	case ukernel.F16VMulC:
		f.F16VMulC = func(dst, src []uint16, c uint16) {
			floats := make([]float32, len(src))
			call(ukernel.Args{Dst: floats, Src: floats, Dst16: dst, Half: src, Scale: f32.FromHalf(c)})
		}
	case ukernel.U8RMax:
		f.U8RMax = func(src []uint8) uint8 {
			return uint8(call(ukernel.Args{Src: make([]float32, len(src)), Src8: src}).Value)
		}
	case ukernel.U8LUT32Norm:
		f.U8LUT32Norm = func(dst, src []uint8, table []uint32) {
			floats := make([]float32, len(src))
			call(ukernel.Args{Dst: floats, Src: floats, Dst8: dst, Src8: src, Table: table})
		}
	}
	return f
}
