package results

import (
	"reflect"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/internal/machine"
)

// TestJoin fills every list of two results and expects both parts' entries.
func TestJoin(t *testing.T) {
	fill := func(name string) *Results {
		r := &Results{Machine: machine.Machine{CPU: "X"}, Build: Build{Go: "go"}, Reference: "upstream", Seconds: 2, Frequency: 3, Arithmetic: 0.25, Seeds: []uint64{1}}
		v := reflect.ValueOf(r).Elem()
		for i := range v.NumField() {
			f := v.Field(i)
			if f.Kind() != reflect.Slice || f.Type().Elem().Kind() != reflect.Struct {
				continue
			}
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			for _, key := range []string{"Name", "Kernel", "Family"} {
				if k := f.Index(0).FieldByName(key); k.IsValid() {
					k.SetString(name)
				}
			}
		}
		return r
	}
	joined, err := Join([]*Results{fill("a"), fill("b")})
	if err != nil {
		t.Fatal(err)
	}
	v, a, b := reflect.ValueOf(*joined), reflect.ValueOf(*fill("a")), reflect.ValueOf(*fill("b"))
	lists := 0
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.Struct {
			lists++
			want := reflect.AppendSlice(a.Field(i), b.Field(i))
			if !reflect.DeepEqual(f.Interface(), want.Interface()) {
				t.Errorf("%s is %+v, want %+v", v.Type().Field(i).Name, f, want)
			}
		}
	}
	if lists < 6 || joined.Seconds != 4 || joined.Frequency != 3 || joined.Arithmetic != 0.25 {
		t.Errorf("%d lists, %v seconds, %v GHz, %v ns", lists, joined.Seconds, joined.Frequency, joined.Arithmetic)
	}

	other := fill("c")
	other.Machine.CPU = "Y"
	if _, err := Join([]*Results{fill("a"), other}); err == nil || !strings.Contains(err.Error(), "another machine") {
		t.Errorf("two machines: error %v", err)
	}
	other = fill("c")
	other.Build.Compiler = "cc"
	if _, err := Join([]*Results{fill("a"), other}); err == nil || !strings.Contains(err.Error(), "another build") {
		t.Errorf("two builds: error %v", err)
	}
	other = fill("c")
	other.Reference = "model"
	if _, err := Join([]*Results{fill("a"), other}); err == nil || !strings.Contains(err.Error(), "against model, not") || !strings.Contains(err.Error(), "against upstream") {
		t.Errorf("two references: error %v", err)
	}
	if _, err := Join(nil); err == nil {
		t.Error("nothing was joined without an error")
	}
}
