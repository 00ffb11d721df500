// Package calls tests that no call of assembly in native takes more than 2^18 elements: Go can't
// interrupt assembly, so that a collection of garbage would wait for a longer one.
package calls

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/tools"
)

// most is how many elements a call may take.
const most = 1 << 18

// TestCalls builds the program in forms, which calls every function of native, with a count before every
// kernel: the go command replaces files of the packages, and each kernel has a wrapper in its place.
func TestCalls(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skipf("the kernels of amd64 are counted, not those of %s", runtime.GOARCH)
	}
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	if err := tools.Watch("native", "native/internal/arith", "native/internal/shape", "native/f64", "native/f64/internal/arith64", "tools/calls/forms"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replace := make(map[string]string)
	for _, p := range []string{"native/internal/arith", "native/f64/internal/arith64"} {
		count(t, filepath.Join(root, filepath.FromSlash(p)), dir, replace)
	}
	overlay := filepath.Join(dir, "overlay.json")
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	write(t, overlay, string(text))
	program := filepath.Join(dir, "forms")
	build := exec.Command("go", "build", "-overlay", overlay, "-o", program, "./tools/calls/forms")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, level := range []string{"", "avx2"} {
		cmd := exec.Command(program)
		cmd.Env = append(os.Environ(), "TWOPASS_ISA="+level, fmt.Sprintf("CALLS_MOST=%d", most))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("level %q: %v\n%s", level, err, out)
		}
		lines := 0
		for line := range strings.Lines(string(out)) {
			var n int
			if _, err := fmt.Sscan(line, &n); err != nil || n > most {
				t.Errorf("level %q: %s", level, line)
			}
			lines++
		}
		if lines < 10 {
			t.Errorf("level %q: few kernels take many elements, so they are not counted:\n%s", level, out)
		}
	}
}

// counted is the part of a package that counts.
const counted = `package %s

import (
	"fmt"
	"os"
	"strconv"
	"sync"
)

var (
	most, _ = strconv.Atoi(os.Getenv("CALLS_MOST"))
	said    sync.Map
)

// counted prints the first call of each kernel that takes too many, and the first that takes many.
func counted(name string, n int) {
	for _, limit := range []int{most, most / 8} {
		if n > limit {
			if _, again := said.LoadOrStore(name+fmt.Sprint(limit), n); !again {
				fmt.Println(n, "elements in a call of", name)
			}
			return
		}
	}
}
`

// count writes copies to dir of a package's files whose functions have no body, and of its assembly, where
// those have other names, and adds them to replace.
func count(t *testing.T, pkg, dir string, replace map[string]string) {
	t.Helper()
	name := filepath.Base(pkg)
	add := func(file, text string) {
		to := filepath.Join(dir, name+"-"+file)
		write(t, to, text)
		replace[filepath.Join(pkg, file)] = to
	}
	add("counted.go", fmt.Sprintf(counted, name))
	kernels := make(map[string]bool)
	for _, file := range glob(t, filepath.Join(pkg, "*_"+runtime.GOARCH+".go")) {
		text := read(t, file)
		f, err := parser.ParseFile(token.NewFileSet(), file, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		var wrappers strings.Builder
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body != nil || strings.HasPrefix(fn.Name.Name, "cpu") {
				continue
			}
			kernels[fn.Name.Name] = true
			from, to := fn.Pos()-f.FileStart, fn.End()-f.FileStart
			own := text[from:to]
			names := make(map[string]string) // parameters and their types
			var args []string
			for _, field := range fn.Type.Params.List {
				for _, n := range field.Names {
					names[n.Name] = text[field.Type.Pos()-f.FileStart : field.Type.End()-f.FileStart]
					args = append(args, n.Name)
				}
			}
			n := elements(names)
			if n == "" {
				t.Fatalf("%s: how many elements does %s take?", file, own)
			}
			call := fmt.Sprintf("counted_%s(%s)", fn.Name.Name, strings.Join(args, ", "))
			if fn.Type.Results != nil {
				call = "return " + call
			}
			fmt.Fprintf(&wrappers, "\n%s {\n\tcounted(%q, %s)\n\t%s\n}\n", own, fn.Name.Name, n, call)
		}
		if wrappers.Len() > 0 {
			add(filepath.Base(file), bodiless.ReplaceAllString(text, "func counted_$1")+wrappers.String())
		}
	}
	for _, file := range glob(t, filepath.Join(pkg, "*_"+runtime.GOARCH+".s")) {
		add(filepath.Base(file), symbol.ReplaceAllStringFunc(read(t, file), func(s string) string {
			if name := strings.TrimSuffix(strings.TrimPrefix(s, "·"), "(SB)"); kernels[name] {
				return "·counted_" + name + "(SB)"
			}
			return s // of a variable
		}))
	}
	if len(kernels) < 10 {
		t.Errorf("%s has %d kernels", pkg, len(kernels))
	}
}

var (
	bodiless = regexp.MustCompile(`(?m)^func (\w+\(.*[^{\n])$`)
	symbol   = regexp.MustCompile(`·\w+\(SB\)`)
)

// elements is an expression for how many elements a kernel with these parameters takes; empty if there
// is none.
func elements(p map[string]string) string {
	has := func(names ...string) bool {
		for _, n := range names {
			if p[n] == "" {
				return false
			}
		}
		return true
	}
	switch {
	case has("rows", "cols"):
		return "rows * cols"
	case p["st"] == "*Columns" && has("rows"):
		return "rows * st.width / 4"
	case p["st"] == "*Columns":
		return "st.width / 4"
	case has("n"):
		return "n"
	case has("cols"): // a row
		return "cols"
	case has("lanes", "src"): // some lanes of turns
		return "8 * len(lanes)"
	case has("tops", "src"), has("src") && strings.HasPrefix(p["src"], "[]"):
		return "len(src)"
	case has("y"):
		return "len(y)"
	case has("dy"):
		return "len(dy)"
	case has("tops"):
		return "len(tops)"
	case has("x"):
		return "len(x)"
	case has("keep"):
		return "len(keep)"
	}
	return ""
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	all, err := filepath.Glob(pattern)
	if err != nil || len(all) == 0 {
		t.Fatalf("%s: %v, %v", pattern, all, err)
	}
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
