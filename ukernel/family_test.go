package ukernel

import (
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/internal/f32"
)

// TestDescriptors holds the table of families to the fields of Func.
func TestDescriptors(t *testing.T) {
	for _, f := range Families() {
		d := f.Describe()
		field, ok := reflect.TypeFor[Func]().FieldByName(d.Field)
		if !ok {
			t.Fatalf("%v: Func has no field %q", f, d.Field)
		}
		parsed, err := parser.ParseExpr(d.Signature)
		if err != nil {
			t.Fatalf("%v: %v", f, err)
		}
		in, out := types(parsed.(*ast.FuncType).Params), types(parsed.(*ast.FuncType).Results)
		var wantIn, wantOut []string
		for i := range field.Type.NumIn() {
			wantIn = append(wantIn, field.Type.In(i).String())
		}
		for i := range field.Type.NumOut() {
			wantOut = append(wantOut, field.Type.Out(i).String())
		}
		if !slices.Equal(in, wantIn) || !slices.Equal(out, wantOut) {
			t.Errorf("%v: the signature is %s, the field's type %v", f, d.Signature, field.Type)
		}
		element := map[int]string{32: "[]float32", 16: "[]uint16", 8: "[]uint8"}[d.Bits]
		if stores := strings.HasPrefix(d.Signature, "func(dst,"); in[0] != element || f.Stores() != stores || f.Half() != (d.Bits == 16) || f.Bytes() != (d.Bits == 8) {
			t.Errorf("%v: stores %v, %d bits, with the signature %s", f, f.Stores(), d.Bits, d.Signature)
		}
		if d.Name != f.String() || !strings.HasSuffix(d.About, ".") {
			t.Errorf("%v: %+v", f, d)
		}
	}
}

// types are those of a list of parameters, one for each.
func types(list *ast.FieldList) (all []string) {
	if list == nil {
		return nil
	}
	for _, f := range list.List {
		var b strings.Builder
		format.Node(&b, token.NewFileSet(), f.Type)
		for range f.Names {
			all = append(all, b.String())
		}
	}
	return all
}

// TestCall calls a kernel of each family, which must get the operands that are its own,
// and holds that Checked lets no call through whose slices do not fit.
func TestCall(t *testing.T) {
	const n = 4
	args := Args{
		Dst: make([]float32, n), Src: make([]float32, n), Max: 2, Scale: 3, ScaleExp: 5,
		Half: make([]uint16, n), Dst16: make([]uint16, n), Src8: make([]uint8, n), Dst8: make([]uint8, n), Table: []uint32{1},
	}
	// numbers are a call's operands that are no slices.
	numbers := map[Family][]any{
		VScaleExtExp: {float32(3), float32(5)}, RAddExpMinusMax: {float32(2)}, VScaleExpMinusMax: {float32(3), float32(2)},
		RAddStoreExpMinusMax: {float32(2)}, VMulC: {float32(3)},
		F16RAddStoreExpMinusMax: {f32.ToHalf(2)}, F16VMulC: {f32.ToHalf(3)},
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
				for j, a := range []any{args.Dst, args.Src, args.Dst16, args.Half, args.Dst8, args.Src8, args.Table} {
					if v.Pointer() == reflect.ValueOf(a).Pointer() {
						slicesOf = append(slicesOf, []string{"dst", "src", "dst16", "half", "dst8", "src8", "table"}[j])
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
			case family == F16RMax:
				wantSlices = []string{"half"}
			case family.Half():
				wantSlices = []string{"dst16", "half"}
			case family == U8RMax:
				wantSlices = []string{"src8"}
			case family == U8LUT32Norm:
				wantSlices = []string{"dst8", "src8", "table"}
			case family.Stores():
				wantSlices = []string{"dst", "src"}
			}
			var want Result
			if kind.NumOut() > 0 {
				want.Value = 7
			}
			if family.Half() && kind.NumOut() > 0 {
				want.Value = f32.FromHalf(7)
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
		refuses("no elements", func(a *Args) { *a = Args{} }, "len(src) is 0")
		if family.Stores() {
			refuses("a shorter dst", func(a *Args) { a.Dst, a.Dst16, a.Dst8 = a.Dst[1:], a.Dst16[1:], a.Dst8[1:] }, "")
		}
	}
	if len(seen) != len(Families()) {
		t.Errorf("%d of %d families have a function", len(seen), len(Families()))
	}
}
