package main

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/results"
)

func write(t *testing.T, name, emulator string, differing int64) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	r := results.Results{Machine: machine.Machine{CPU: "Some CPU", Emulator: emulator}, Build: results.Build{Compiler: "cc 1"}}
	for _, k := range []string{"f32_rmax_ukernel__avx_u8", "f32_rmax_ukernel__avx_u16_acc2", "f32_vmulc_ukernel__avx512f_u16", "two-pass"} {
		r.Bits = append(r.Bits, bits.Agreement{Kernel: k, Inputs: 10, Bits: differing})
	}
	if err := r.WriteFile(name); err != nil {
		t.Fatal(err)
	}
}

func TestTable(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a/agreement-x.json"), "", 0)
	write(t, filepath.Join(dir, "b/agreement-x.json"), "Bochs", 0)
	write(t, filepath.Join(dir, "b/agreement-y.json"), "Bochs", 0)
	if err := os.WriteFile(filepath.Join(dir, "b/other.json"), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	results, err := read([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if table(&out, results) {
		t.Error("bits are said to differ")
	}
	for _, want := range []string{
		"avx      2        40      0               emulated: Bochs  cc 1",
		"avx512f  1        10      0               real: Some CPU   cc 1",
		"3 of upstream's 271 kernels were compared",
		"not compared: 16 of neon; tools/bazel test --config=arm64 //compare",
		"not covered: 7 of avx512fp16; Go's assembler can't",
		"not compared: 5 of avx; tools/bazel test //compare",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	write(t, filepath.Join(dir, "c/agreement-x.json"), "", 7)
	if results, err = read([]string{filepath.Join(dir, "c/agreement-x.json")}); err != nil {
		t.Fatal(err)
	}
	if out.Reset(); !table(&out, results) || !strings.Contains(out.String(), " 14 ") {
		t.Errorf("differing bits are not in\n%s", out.String())
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	if _, err := read([]string{dir}); err == nil || !strings.Contains(err.Error(), "agreement_test") {
		t.Errorf("an empty folder: error %v", err)
	}
	if _, err := read([]string{filepath.Join(dir, "none")}); err == nil {
		t.Error("no error for a folder that is not there")
	}
	plain := filepath.Join(t.TempDir(), "agreement-x.json")
	write(t, plain, "", 0)
	b, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, name := range []string{"agreement-x.json", "unrelated.txt"} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(b)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "outputs.zip"), archive.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if results, err := read([]string{dir}); err != nil || len(results) != 1 {
		t.Errorf("%d results in the archive, %v, want 1", len(results), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "agreement-broken.json"), b[:len(b)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := read([]string{dir}); err == nil || !strings.Contains(err.Error(), "agreement-broken.json") {
		t.Errorf("half a file: error %v", err)
	}
}
