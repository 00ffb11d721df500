package main

import (
	"archive/tar"
	"bytes"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/tools"
	"github.com/twopass-softmax/twopass/ukernel"
)

// write writes files below dir: name, text, name, text.
func write(t *testing.T, dir string, files ...string) {
	t.Helper()
	for i := 0; i < len(files); i += 2 {
		name := filepath.Join(dir, filepath.FromSlash(files[i]))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want one with %q", err, text)
	}
}

func TestParse(t *testing.T) {
	const commit = "4ea82e595b36106653175dcb04b2aa532660d0d8"
	o, err := parse([]string{"-on", "host,arm64", "-dry-run", commit})
	if err != nil || o.commit != commit || !o.dryRun || o.noBits || !slices.Equal(o.on, []string{"host", "arm64"}) {
		t.Errorf("%+v, %v", o, err)
	}
	for want, args := range map[string][]string{
		"0 arguments":                    nil,
		"2 arguments":                    {commit, commit},
		`"4ea82e5" is not 40`:            {"4ea82e5"},
		`"s390x" is not host, arm64 or`:  {"-on", "host,s390x", commit},
		"flag provided but not defined:": {"-unknown", commit},
	} {
		_, err := parse(args)
		wantError(t, err, want)
	}
}

// A kernel as upstream writes it, and one with an attribute and an array.
const (
	raddextexp = `#include "xnnpack/raddextexp.h"

void xnn_f32_raddextexp_ukernel__avx2_p5_u64(
    size_t batch,
    const float* input,
    float* sum)
{
  body(batch);
}
`
	vmulc = `
void xnn_f32_vmulc_ukernel__neon_u4(
    size_t batch,
    const float* input_a,
    const float* input_b,
    float* output,
    const struct xnn_f32_default_params params[restrict XNN_MIN_ELEMENTS(1)]) XNN_OOB_READS
{
}
`
)

// sourceTree is the source tree, in a folder of which the test reads.
func sourceTree(t *testing.T, folder string) string {
	t.Helper()
	root, err := tools.Root()
	if err == nil {
		err = tools.Watch(folder)
	}
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestScan(t *testing.T) {
	// The families of the tree's own header.
	root := sourceTree(t, "xnnpack")
	families, err := readSignatures(filepath.Join(root, "xnnpack", "kernels.h"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := families[ukernel.VMulC], "size_t, const float*, const float*, float*, const struct xnn_f32_default_params*"; got != want {
		t.Errorf("the parameters of f32_vmulc are %s, want %s", got, want)
	}
	for _, k := range ukernel.Upstream() {
		if families[k.Family] == "" {
			t.Fatalf("no parameters of %v", k.Family)
		}
	}

	dir := t.TempDir()
	write(t, dir,
		"src/f32-raddextexp/gen/f32-raddextexp-avx2-p5-u64.c", raddextexp,
		"src/f32-raddextexp/gen/f32-raddextexp-rvv-u1v.c", strings.Replace(raddextexp, "avx2_p5_u64", "rvv_u1v", 1),
		"src/f32-vbinary/gen/f32-vmulc-neon-u4.c", vmulc,
		"src/f32-vbinary/gen/f32-vadd-neon-u4.c", strings.Replace(vmulc, "vmulc", "vadd", 1),
		"src/f32-vbinary/gen/f32-vmulc-neon-u4.h", strings.Replace(vmulc, "neon", "sse", 1))
	ks, err := scan(dir, families)
	if err != nil {
		t.Fatal(err)
	}
	want := []ukernel.Kernel{ukernel.MustParse("f32_raddextexp_ukernel__avx2_p5_u64"), ukernel.MustParse("f32_vmulc_ukernel__neon_u4")}
	if !slices.Equal(ks.kernels, want) || len(ks.foreign) != 1 || ks.foreign["rvv"] != 1 {
		t.Errorf("%+v", ks)
	}

	for want, text := range map[string]string{
		"f32_raddextexp_ukernel__avx2_p5_u64 has the parameters (size_t, const float*, double*)": strings.Replace(raddextexp, "float* sum", "double* sum", 1),
		"has the parameters (size_t, const float*, float*, const void*)":                         strings.Replace(raddextexp, "float* sum", "float* sum, const void* params", 1),
		`"u60" is no tile`: strings.Replace(raddextexp, "u64", "u60", 1),
	} {
		dir := t.TempDir()
		write(t, dir, "src/a.c", text, "src/b.c", vmulc)
		ks, err := scan(dir, families)
		if err != nil || len(ks.kernels) != 1 || len(ks.wrong) != 1 || !strings.Contains(ks.wrong[0], want) {
			t.Errorf("%+v, %v, want one kernel left out: %s", ks, err, want)
		}
	}
	for want, text := range map[string]string{
		"defined twice": raddextexp + raddextexp,
		"no kernel in":  "",
	} {
		dir := t.TempDir()
		write(t, dir, "src/a.c", text)
		_, err := scan(dir, families)
		wantError(t, err, want)
	}
	dir = t.TempDir()
	write(t, dir, "kernels.h", "// nothing")
	_, err = readSignatures(filepath.Join(dir, "kernels.h"))
	wantError(t, err, "no typedef")
}

// TestParameters holds what of a declaration does not matter to a call.
func TestParameters(t *testing.T) {
	const want = "size_t, const uint16_t*, float*, const struct xnn_f16_default_params*"
	for _, list := range []string{
		"size_t batch, const xnn_float16* input, float* sum, const struct xnn_f16_default_params* params",
		"size_t batch, const xnn_float16* restrict input, float* restrict sum,\n  const struct xnn_f16_default_params params[restrict XNN_MIN_ELEMENTS(1)]",
		"size_t batch, const uint16_t* input, float sum[1], const struct xnn_f16_default_params* restrict params",
	} {
		if got := parameters(list); got != want {
			t.Errorf("%s: %s, want %s", list, got, want)
		}
	}
}

// TestClosed requires that a file that is included and not in the manifest is named.
func TestClosed(t *testing.T) {
	source, tree := t.TempDir(), t.TempDir()
	write(t, source, "src/a/gen/k.c", "#include <assert.h>\n#include \"src/xnnpack/h.h\"\n  # include \"xnnpack/g.h\"\n",
		"src/xnnpack/h.h", "#include \"table.inc\"\n#include \"nowhere.h\"\n", "src/xnnpack/table.inc", "1", "src/xnnpack/g.h", "", "LICENSE", "#include \"src/xnnpack/z.h\"")
	const sums = "third_party/xnnpack/SHA256SUMS"
	files := "1  src/a/gen/k.c\n2  src/xnnpack/h.h\n3  LICENSE\n"
	write(t, tree, sums, files+"4  src/xnnpack/table.inc\n5  src/xnnpack/g.h\n")
	if err := checkClosed(tree, source); err != nil {
		t.Error(err)
	}
	write(t, tree, sums, files)
	err := checkClosed(tree, source)
	wantError(t, err, "src/a/gen/k.c includes src/xnnpack/g.h")
	wantError(t, err, "src/xnnpack/h.h includes src/xnnpack/table.inc")
	if err != nil && strings.Contains(err.Error(), "nowhere.h") {
		t.Error(err)
	}
}

func TestPreferred(t *testing.T) {
	root := t.TempDir()
	write(t, root, "xnnpack/xnnpack.go", `"f32_rmax_ukernel__avx_u8", "f32_rmax_ukernel__sse_u4"`)
	got, err := stillPreferred(root, []string{"f32_rmax_ukernel__avx_u8", "f32_rmax_ukernel__avx_u16_acc2"})
	if want := []string{"f32_rmax_ukernel__avx_u8  in xnnpack/xnnpack.go"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestPin(t *testing.T) {
	root := sourceTree(t, path.Dir(pinFile))
	p, err := readPin(root)
	if err != nil || !fullHash.MatchString(p.commit) || p.version == "" {
		t.Errorf("%+v, %v", p, err)
	}
	dir := t.TempDir()
	write(t, dir, pinFile, `COMMIT = "x"`)
	_, err = readPin(dir)
	wantError(t, err, "does not assign COMMIT, VERSION and SUITE")
}

func TestSource(t *testing.T) {
	// An archive with its files in a folder, as GitHub's are.
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"XNNPACK-1/src/xnnpack/common.h", "XNNPACK-1/LICENSE"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	write(t, tmp, "a.tar", b.String(), "b.tar", "no archive", "empty/src/none", "")
	commit := strings.Repeat("1", 40)
	for _, name := range []string{"a.tar", "source"} { // the second is what was unpacked of the first
		s, err := obtain("", tmp, pin{commit: strings.Repeat("2", 40), suite: "trixie"}, options{commit: commit, source: filepath.Join(tmp, name)})
		if err != nil || filepath.Base(s.dir) != "XNNPACK-1" || s.version != "0.0~git.1111111" || s.suite != "" {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	now := pin{commit, "version", "trixie"}
	if s, err := obtain("", tmp, now, options{commit: commit, source: filepath.Join(tmp, "source")}); err != nil || s.version != now.version || s.suite != now.suite {
		t.Errorf("the present commit: %+v, %v", s, err)
	}
	for name, want := range map[string]string{"none": "no such file", "b.tar": "tar -xf", "empty": "is no XNNPACK"} {
		_, err := obtain("", tmp, now, options{commit: commit, source: filepath.Join(tmp, name)})
		wantError(t, err, want)
	}
}

// TestReplace requires that a failure leaves every file as it was.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", "old a", "b", "old b")
	file := func(name string) string { return filepath.Join(dir, name) }
	for range 20 { // files are taken in no fixed order
		err := replace(map[string][]byte{file("a"): []byte("new a"), file("b"): []byte("new b"), file("c"): []byte("new c")})
		wantError(t, err, "no such file")
		if read(t, file("a")) != "old a" || read(t, file("b")) != "old b" {
			t.Fatal("a file was written although another could not be")
		}
	}
	if err := replace(map[string][]byte{file("a"): []byte("new a"), file("b"): []byte("new b")}); err != nil {
		t.Fatal(err)
	}
	if read(t, file("a")) != "new a" || read(t, file("b")) != "new b" {
		t.Error("the files were not written")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestChangedSources(t *testing.T) {
	before, after := t.TempDir(), t.TempDir()
	const sums = "third_party/xnnpack/SHA256SUMS"
	write(t, before, sums, "01  src/f32-raddextexp/gen/f32-raddextexp-avx2-p5-u64.c\n02  src/f32-vbinary/gen/f32-vmulc-neon-u4.c\n03  src/xnnpack/a.h\n04  src/xnnpack/b.h\n")
	// One changed, one moved.
	write(t, after, sums, "11  src/f32-raddextexp/gen/f32-raddextexp-avx2-p5-u64.c\n02  src/f32-vmulc/gen/f32-vmulc-neon-u4.c\n03  src/xnnpack/a.h\n14  src/xnnpack/b.h\n05  src/xnnpack/c.h\n")
	ks := []ukernel.Kernel{ukernel.MustParse("f32_raddextexp_ukernel__avx2_p5_u64"), ukernel.MustParse("f32_vmulc_ukernel__neon_u4")}
	c, err := changedSources(before, after, ks)
	if err != nil {
		t.Fatal(err)
	}
	if !c.kernels[ks[0].Name] || c.kernels[ks[1].Name] || !slices.Equal(c.shared, []string{"src/xnnpack/b.h", "src/xnnpack/c.h"}) {
		t.Errorf("%+v", c)
	}
}

func TestReport(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "1.json", `{"bits": [
		{"kernel": "f32_rmax_ukernel__sse_u4", "inputs": 10, "differing_bits": 0},
		{"kernel": "f32_rmax_ukernel__sse_u8_acc2", "inputs": 10, "differing_bits": 3, "differences": [{"row": "length 3", "place": "value", "operation": "max"}]},
		{"kernel": "f32_rmax_ukernel__avx_u8", "inputs": 10, "differing_bits": 0}],
		"not_run": [{"kernel": "f32_rmax_ukernel__avx512f_u16", "why": "no avx512f"}, {"kernel": "f32_rmax_ukernel__avx_u16_acc2", "why": "no model"}]}`,
		"2.json", `{"bits": [{"kernel": "f32_rmax_ukernel__sse_u8_acc2", "inputs": 5, "differing_bits": 1}], "not_run": [{"kernel": "f32_rmax_ukernel__sse_u4", "why": "other CPU"}]}`)
	o := outcomes{make(map[string]outcome), make(map[string]string)}
	for _, name := range []string{"1.json", "2.json"} {
		if err := o.read(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var ks []ukernel.Kernel
	for _, name := range []string{"avx512f_u16", "avx_u16_acc2", "avx_u8", "neon_u4", "neon_u8_acc2", "sse_u4", "sse_u8_acc2"} {
		ks = append(ks, ukernel.MustParse("f32_rmax_ukernel__"+name))
	}
	r := report{
		added: []string{"f32_rmax_ukernel__avx_u16_acc2", "f32_rmax_ukernel__avx_u8"}, removed: []string{"f32_rmax_ukernel__sse_u12_acc3"},
		changed:  changed{kernels: map[string]bool{"f32_rmax_ukernel__sse_u4": true, "f32_rmax_ukernel__sse_u8_acc2": true, "f32_rmax_ukernel__avx512f_u16": true, "f32_rmax_ukernel__neon_u4": true}},
		outcomes: o, foreign: map[string]int{"rvv": 8, "hvx": 7},
	}
	const want = `
added: 2
  f32_rmax_ukernel__avx_u16_acc2  not compared: no model
  f32_rmax_ukernel__avx_u8  has a model, with the same bits

removed: 1
  f32_rmax_ukernel__sse_u12_acc3

bits changed: 1
  f32_rmax_ukernel__sse_u8_acc2  4 bits on 15 rows; length 3: value; max

source changed, same bits: 1
  f32_rmax_ukernel__sse_u4

source changed, not compared: 2
  f32_rmax_ukernel__avx512f_u16  no avx512f
  f32_rmax_ukernel__neon_u4  for arm64

3 of 7 kernels compared with the model
passed over, as this project has not these instruction sets: 7 hvx, 8 rvv
`
	var b strings.Builder
	r.write(&b, ks)
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}

	// A shared file that changed makes every kernel one to be compared.
	r.changed.shared = []string{"src/xnnpack/math.h"}
	b.Reset()
	r.write(&b, ks)
	for _, text := range []string{"source changed, not compared: 3\n", "f32_rmax_ukernel__neon_u8_acc2  for arm64\n", "every kernel counts as changed: 1\n"} {
		if !strings.Contains(b.String(), text) {
			t.Errorf("no %q in\n%s", text, b.String())
		}
	}
	wantError(t, o.read(filepath.Join(dir, "none.json")), "no such file")
}

func TestCopyTree(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "tree")
	write(t, from, "a/run", "x", ".git/config", "x", "a/.bazelrc", "y")
	if err := os.Chmod(filepath.Join(from, "a/run"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/", filepath.Join(from, "bazel-out")); err != nil {
		t.Fatal(err)
	}
	if err := copyTree(to, from); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := filepath.WalkDir(to, func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(to, name)
			got = append(got, rel)
		}
		return err
	})
	if err != nil || !slices.Equal(got, []string{"a/.bazelrc", "a/run"}) {
		t.Errorf("%v, %v", got, err)
	}
	if info, err := os.Stat(filepath.Join(to, "a/run")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
}
