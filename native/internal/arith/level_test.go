package arith

import (
	"runtime"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	amd64, arm64 := []Level{Plain, AVX2, AVX512}, []Level{Plain, NEON}
	for _, c := range []struct {
		arch   string
		name   string
		levels []Level
		want   Level
		wrong  bool
	}{
		{"amd64", "", amd64, AVX512, false}, {"amd64", "scalar", amd64, Plain, false}, {"amd64", "sse2", amd64, Plain, false},
		{"amd64", "avx2", amd64, AVX2, false}, {"amd64", "avx512f", amd64, AVX2, false}, {"amd64", "avx512", amd64, AVX512, false},
		{"amd64", "avx512", amd64[:2], AVX2, false}, {"amd64", "avx2", amd64[:1], Plain, false},
		{"amd64", "neon", amd64, AVX512, true}, {"amd64", "mmx", amd64, AVX512, true}, {"amd64", "AVX2", amd64[:2], AVX2, true},
		{"arm64", "", arm64, NEON, false}, {"arm64", "neon", arm64, NEON, false}, {"arm64", "scalar", arm64, Plain, false},
		{"arm64", "neonfma", arm64, NEON, false}, {"arm64", "avx2", arm64, NEON, true},
	} {
		if c.arch != runtime.GOARCH {
			continue
		}
		got, err := choose(c.name, c.levels)
		if got != c.want || (err != nil) != c.wrong || err != nil && !strings.Contains(err.Error(), `"`+c.name+`"`) {
			t.Errorf("%q of %v: %v, %v; want %v", c.name, c.levels, got, err, c.want)
		}
	}
}

func TestOff(t *testing.T) {
	for value, want := range map[string]bool{
		"": false, "cpu.avx2=off": true, "cpu.avx2=on": false, "cpu.avx=off": false, "cpu.fma=off": true, "cpu.all=off": true,
		"gctrace=1,cpu.avx2=off": true, "cpu.all=off,cpu.avx2=on": false, "cpu.avx2=off,cpu.avx=on": true,
	} {
		t.Setenv("GODEBUG", value)
		if got := off("avx2", "fma"); got != want {
			t.Errorf("GODEBUG=%s: %v, want %v", value, got, want)
		}
	}
	t.Setenv("GODEBUG", "cpu.all=off")
	if ls := Levels(); len(ls) != 1 && runtime.GOARCH == "amd64" {
		t.Errorf("with all features off there are %v", ls)
	}
	t.Setenv("GODEBUG", "")
	all := Levels()
	t.Setenv("GODEBUG", "cpu.avx512f=off")
	for _, l := range Levels() {
		if l == AVX512 {
			t.Error("AVX512 in spite of cpu.avx512f=off")
		}
	}
	if ls := Levels(); len(all) > 2 && len(ls) != 2 {
		t.Errorf("without AVX-512 %v are left of %v", ls, all)
	}
}
