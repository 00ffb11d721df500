package ukernel

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestFamilies holds what each family reads and writes.
func TestFamilies(t *testing.T) {
	const (
		stores = 1 << iota
		widens
		narrows
		rows
		scaled
		logs
	)
	want := map[Family]int{
		RMax: 0, RAddExtExp: 0, RAddExpMinusMax: 0, RAddMaxExpMinusMax: 0,
		VScaleExtExp: stores, VScaleExpMinusMax: stores, RAddStoreExpMinusMax: stores, VMulC: stores, VSubC2: stores, VAdd: stores, VKeep: stores,
		Softmax: stores | rows, LogSoftmax: stores | rows | logs, ScaledSoftmax: stores | rows | scaled, ScaledLogSoftmax: stores | rows | scaled | logs,
		WidenF16: stores | widens, WidenBF16: stores | widens, NarrowF16: stores | narrows, NarrowBF16: stores | narrows,
	}
	for _, f := range Families() {
		got := 0
		for i, is := range []bool{f.Stores(), f.Widens(), f.Narrows(), f.Rows(), f.Scaled(), f.Log()} {
			if is {
				got |= 1 << i
			}
		}
		if w, ok := want[f]; !ok || got != w {
			t.Errorf("%v: %06b, want %06b", f, got, w)
		}
		if got, want := f.Other(), map[Family]int{VAdd: 4, VKeep: 1}[f]; got != want {
			t.Errorf("%v: the second row's elements have %d bytes, want %d", f, got, want)
		}
	}
	for name, want := range map[string]int{
		"f32_rmax_ukernel__avx_u8":                        0,
		Softmax.String() + "_ukernel__avx2_p5_u64":        64,
		Softmax.String() + "_ukernel__avx2_p5_twosum_u64": 0,
	} {
		if got := MustParse(name).MaxLength(); got != want {
			t.Errorf("%s: at most %d elements, want %d", name, got, want)
		}
	}
}

// TestCall calls a kernel of each family, which must get the operands that are its own,
// and holds that Checked lets no call through whose slices do not fit.
func TestCall(t *testing.T) {
	const n = 4
	args := Args{
		Dst: make([]float32, n), Src: make([]float32, n), Max: 2, Scale: 3, ScaleExp: 5,
		Other: make([]float32, n), Keep: make([]bool, n), Src16: make([]uint16, n), Dst16: make([]uint16, n),
	}
	// numbers are a call's operands that are no slices.
	numbers := map[Family][]any{
		VScaleExtExp: {float32(3), float32(5)}, RAddExpMinusMax: {float32(2)}, VScaleExpMinusMax: {float32(3), float32(2)},
		RAddStoreExpMinusMax: {float32(2)}, VMulC: {float32(3)}, VSubC2: {float32(2), float32(3)}, RAddMaxExpMinusMax: {float32(2)},
		Softmax: {1, n, n, n}, LogSoftmax: {1, n, n, n}, ScaledSoftmax: {float32(3), 1, n, n, n}, ScaledLogSoftmax: {float32(3), 1, n, n, n},
	}
	fields := reflect.TypeFor[Func]()
	seen := make(map[Family]bool)
	for i := range fields.NumField() {
		kind := fields.Field(i).Type
		if kind.Kind() != reflect.Func {
			continue
		}
		var f Func
		var slicesOf []string
		var rest []any
		calls := 0
		reflect.ValueOf(&f).Elem().Field(i).Set(reflect.MakeFunc(kind, func(in []reflect.Value) (out []reflect.Value) {
			calls++
			slicesOf, rest = nil, nil
			for _, v := range in {
				if v.Kind() != reflect.Slice {
					rest = append(rest, v.Interface())
					continue
				}
				for j, a := range []any{args.Dst, args.Src, args.Other, args.Keep, args.Dst16, args.Src16} {
					if v.Pointer() == reflect.ValueOf(a).Pointer() {
						slicesOf = append(slicesOf, []string{"dst", "src", "other", "keep", "dst16", "src16"}[j])
					}
				}
			}
			for j := range kind.NumOut() {
				out = append(out, reflect.ValueOf(7+j).Convert(kind.Out(j)))
			}
			return out
		}))
		var family Family
		for _, g := range Families() {
			if f.has(g) {
				family = g
				seen[g] = true
			}
		}
		if !f.has(family) {
			t.Errorf("%s is of no family", fields.Field(i).Name)
			continue
		}
		f.Name = family.String() + "_ukernel__avx2_p5_u32"

		checked := f.Checked()
		for how, g := range map[string]*Func{"": &f, ", checked": &checked} {
			calls = 0
			r := g.Call(args)
			wantSlices := []string{"src"}
			switch {
			case family.Widens():
				wantSlices = []string{"dst", "src16"}
			case family.Narrows():
				wantSlices = []string{"dst16", "src"}
			case family.Other() == 4:
				wantSlices = []string{"dst", "src", "other"}
			case family.Other() == 1:
				wantSlices = []string{"dst", "src", "keep"}
			case family.Stores():
				wantSlices = []string{"dst", "src"}
			}
			var want Result
			if kind.NumOut() > 0 {
				want.Value = 7
			}
			if kind.NumOut() > 1 {
				want.Exponent = 8
			}
			if calls != 1 || r != want || !slices.Equal(slicesOf, wantSlices) || !slices.Equal(rest, numbers[family]) {
				t.Errorf("%v%s: %d calls with %v and %v, result %v; want %v and %v, result %v", family, how, calls, slicesOf, rest, r, wantSlices, numbers[family], want)
			}
		}

		calls = 0
		refuses := func(what string, change func(*Args), message string) {
			t.Helper()
			defer func() {
				if text, ok := recover().(string); !ok || !strings.Contains(text, f.Name) || !strings.Contains(text, message) || calls != 0 {
					t.Errorf("%v: %s: panic %q after %d calls, want one with %q", family, what, text, calls, message)
				}
			}()
			a := args
			change(&a)
			checked.Call(a)
		}
		empty := "len(src) is 0"
		if family.Rows() {
			refuses("a row too long", func(a *Args) { a.Src, a.Dst = make([]float32, 33), make([]float32, 33) }, "33 columns, the kernel takes at most 32")
		} else {
			refuses("no elements", func(a *Args) { *a = Args{} }, empty)
		}
		if family.Stores() {
			refuses("a shorter dst", func(a *Args) { a.Dst, a.Dst16 = a.Dst[1:], a.Dst16[1:] }, "")
		}
		if family.Other() > 0 {
			refuses("a shorter second row", func(a *Args) { a.Other, a.Keep = a.Other[1:], a.Keep[1:] }, "")
		}
		if family == VAdd {
			refuses("a second row that is dst", func(a *Args) { a.Other = a.Dst }, "apart from dst")
		}
	}
	if len(seen) != len(Families()) {
		t.Errorf("%d of %d families have a function", len(seen), len(Families()))
	}
}
