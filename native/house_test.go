package native_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// TestLibrary holds the line between the library and the laboratory: what native imports of this
// module, and of others.
func TestLibrary(t *testing.T) {
	out := goList(t, "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	const module = "github.com/twopass-softmax/twopass/"
	allowed := map[string]bool{module + "native": true, module + "native/internal/arith": true, module + "native/internal/parallel": true, module + "native/internal/shape": true, "github.com/klauspost/cpuid/v2": true, "github.com/klauspost/cpuid/v2/topology": true}
	for _, path := range strings.Fields(out) {
		if !allowed[path] && !strings.HasPrefix(path, "golang.org/x/sys/") {
			t.Errorf("native imports %s", path)
		}
	}
}

// TestGrowth holds what a call of Softmax or SoftmaxRows adds to a program, and what the first call allocates.
func TestGrowth(t *testing.T) {
	if testing.Short() {
		t.Skip("links three programs: not with -short")
	}
	goList(t, ".")
	dir := t.TempDir()
	build := func(name, text string) int64 {
		src := filepath.Join(dir, name+".go")
		if err := os.WriteFile(src, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		exe := filepath.Join(dir, name)
		if out, err := exec.Command("go", "build", "-o", exe, src).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		info, err := os.Stat(exe)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	without := build("hello", "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\") }\n")
	with := build("softmax", `package main

import (
	"fmt"
	"os"
	"runtime"

	"github.com/twopass-softmax/twopass/native"
)

func main() {
	x := []float32{1, 2, 3}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	native.Softmax(x, x)
	runtime.ReadMemStats(&after)
	fmt.Println(x, after.TotalAlloc-before.TotalAlloc)
	if after.TotalAlloc-before.TotalAlloc > 64<<10 {
		os.Exit(1)
	}
}
`)
	rows := build("rows", `package main

import (
	"fmt"

	"github.com/twopass-softmax/twopass/native"
)

func main() {
	x := []float32{1, 2, 3}
	native.SoftmaxRows(native.Row(x), native.Row(x), &native.Options{Scale: 2})
	fmt.Println(x)
}
`)
	for _, c := range []struct {
		what        string
		bytes, most int64
	}{{"native.Softmax", with - without, 830_000}, {"native.SoftmaxRows", rows - without, 1_440_000}} {
		t.Logf("hello world: %d bytes, with %s %d more", without, c.what, c.bytes)
		if c.bytes > c.most {
			t.Errorf("%s adds %d bytes to a program, more than %d", c.what, c.bytes, c.most)
		}
	}
	if out, err := exec.Command(filepath.Join(dir, "softmax")).CombinedOutput(); err != nil && runtime.GOARCH == "amd64" {
		t.Errorf("%v: the first call allocates more than 64 KiB: %s", err, out)
	}
}

// TestFused holds that no compiler fuses a product and a sum of native's Go code, which would round
// once where the definition rounds twice.
func TestFused(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for four architectures: not with -short")
	}
	goList(t, ".")
	dir := t.TempDir()
	src := filepath.Join(dir, "main.go")
	text := "package main\n\nimport \"github.com/twopass-softmax/twopass/native\"\n\nfunc main() {\n"
	for _, f := range []string{"SoftmaxRows[float32, native.Float16]", "LogSoftmaxRows[native.BFloat16, float32]", "LogSumExpRows[float32]",
		"Softmax", "LogSoftmax", "LogSumExp", "SoftmaxGradRows", "LogSoftmaxGradRows", "SoftmaxGrad", "LogSoftmaxGrad", "NewAccumulator",
		"SoftmaxAxis[float32, float32]", "ExpRows[float32, float32]", "DivideRows", "(*native.Accumulator).Factor", "(*native.Accumulator).Reciprocal",
		"(*native.Accumulator).Add", "(*native.Accumulator).Merge", "(*native.Accumulator).LogSumExp", "(*native.Accumulator).Softmax",
		"(*native.Accumulator).LogSoftmax", "(*native.Accumulator).UnmarshalText"} {
		if !strings.HasPrefix(f, "(") {
			f = "native." + f
		}
		text += "\tprintln(" + f + ")\n"
	}
	if err := os.WriteFile(src, []byte(text+"}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	fused := regexp.MustCompile(`(?m)^.*\s(FN?M(ADD|SUB)[SD]?|VFN?M(ADD|SUB)\d+[SP][SD]|FN?M(ADD|SUB)[SD]|WFM[AS]DB?)\s.*$`)
	for _, target := range []string{"arm64", "s390x", "riscv64", "amd64"} {
		exe := filepath.Join(dir, target)
		cmd := exec.Command("go", "build", "-tags", "purego", "-o", exe, src)
		cmd.Env = append(os.Environ(), "GOARCH="+target, "GOOS=linux", "CGO_ENABLED=0", "GOAMD64=v3")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		out, err := exec.Command("go", "tool", "objdump", "-s", "twopass/native", exe).CombinedOutput()
		if err != nil || len(out) < 10000 {
			t.Fatalf("%s: %v, %d bytes of disassembly", target, err, len(out))
		}
		for _, line := range fused.FindAllString(string(out), 5) {
			t.Errorf("%s: %s", target, line)
		}
	}
}

// goList runs go list, or skips where there is no go command or source, as under Bazel or an emulator.
func goList(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).CombinedOutput()
	if err != nil {
		t.Skipf("no go command or no source here: %v %s", err, out)
	}
	return string(out)
}
