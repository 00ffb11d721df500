// Adopt puts native into a copy of a public Go project in place of the project's own softmax, and
// says what that costs and brings:
//
//	go run ./tools/adopt [FLAGS] PROJECT...
//
// The directory projects has a directory for each, with files of this repository alone, whose names end
// with .txt here. A file of PROJECT/after goes into the copy at that path, and takes the place of the
// project's functions and methods of the same names. A file of PROJECT/both goes into the copy and
// into a second one that is else as it was: a benchmark, or what stands for a part that the module's
// archive lacks.
//
// The project comes from the module proxy, at the version in the table below. Adopt runs the
// project's tests in both copies, and then the benchmarks of both in turn, in processes with
// GOMAXPROCS=1. Times are on the CPU, and a ratio is the median of the ratios of the rounds. The flags
// are
//
//	-dir DIR      where the copies go; else a temporary directory, removed at the end
//	-notests      benchmarks alone
//	-rounds N     how often the benchmarks run
//	-benchtime T  for how long each of them runs in a round, at least
package main

import (
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twopass-softmax/twopass/tools"
)

//go:embed projects
var files embed.FS

const library = "github.com/twopass-softmax/twopass"

// project is a module and what is run of it.
type project struct {
	module, version string
	tests           []string // packages; those of benchmarks are among them
	skip            string   // tests that need what the archive lacks
	bench           string
	benchIn         []string // packages with the benchmarks
	get             []string // dependencies at versions other than its own
	clear           []string // directories in which only files of projects stay
}

var projects = map[string]project{
	"tensor": {
		module: "gorgonia.org/tensor", version: "v0.9.24",
		tests: []string{"."}, bench: "Adopt", benchIn: []string{"."},
		// The version that it names stops a program of a Go release later than itself.
		get: []string{"go4.org/unsafe/assume-no-moving-gc@v0.0.0-20231121144256-b99613f794b6"},
	},
	"spago": {
		module: "github.com/nlpodyssey/spago", version: "v1.1.0",
		tests: []string{"./mat", "./mat/gradfn", "./ag", "./losses", "./nn/attention"}, bench: "Adopt", benchIn: []string{"mat", "mat/gradfn", "losses"},
	},
	"hugot": {
		module: "github.com/knights-analytics/hugot", version: "v0.6.1",
		tests: []string{"./util/vectorutil"}, bench: "Adopt", benchIn: []string{"util/vectorutil"},
	},
	"ollama": {
		module: "github.com/ollama/ollama", version: "v0.17.4",
		tests: []string{"./sample"}, skip: "TestGrammar", clear: []string{"llama"},
		bench: "WeightedSampler/.*(1000$|TopK|TopP|Combined)", benchIn: []string{"sample"},
	},
}

func main() {
	dir := flag.String("dir", "", "where the copies go (`DIR`), and stay")
	noTests := flag.Bool("notests", false, "benchmarks alone")
	rounds := flag.Int("rounds", 11, "how often the benchmarks run")
	benchtime := flag.Duration("benchtime", 50*time.Millisecond, "for how long each of them runs in a round, at least")
	flag.Parse()
	if *noTests {
		for name, p := range projects {
			p.tests = nil
			projects[name] = p
		}
	}
	if err := run(os.Stdout, *dir, flag.Args(), *rounds, *benchtime); err != nil {
		fmt.Fprintln(os.Stderr, "adopt:", err)
		os.Exit(1)
	}
}

func run(w io.Writer, dir string, names []string, rounds int, benchtime time.Duration) error {
	known := strings.Join(slices.Sorted(maps.Keys(projects)), ", ")
	if len(names) == 0 {
		return fmt.Errorf("no project given, there are %s", known)
	}
	if rounds < 1 {
		return fmt.Errorf("%d rounds, there must be at least 1", rounds)
	}
	for _, name := range names {
		if _, ok := projects[name]; !ok {
			return fmt.Errorf("project %q is unknown, there are %s", name, known)
		}
	}
	out, err := goCommand(".", "list", "-m", "-f", "{{.Dir}}", library)
	if err != nil {
		return err
	}
	root := strings.TrimSpace(out)
	if dir == "" {
		if dir, err = os.MkdirTemp("", "adopt"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	for _, name := range names {
		p := projects[name]
		if err := adopt(w, filepath.Join(dir, name), root, name, &p, rounds, benchtime); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func adopt(w io.Writer, dir, root, name string, p *project, rounds int, benchtime time.Duration) error {
	source, err := download(p)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s %s\n", p.module, p.version)
	for _, side := range []string{"before", "after"} {
		tree := filepath.Join(dir, side)
		if err := os.RemoveAll(tree); err != nil {
			return err
		}
		if err := os.CopyFS(tree, os.DirFS(source)); err != nil {
			return err
		}
		for _, c := range p.clear {
			if err := os.RemoveAll(filepath.Join(tree, c)); err != nil {
				return err
			}
		}
		if err := each(name, "both", func(file string, text []byte) error {
			to := filepath.Join(tree, file)
			return errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, text, 0o644))
		}); err != nil {
			return err
		}
		for _, g := range p.get {
			if _, err := goCommand(tree, "get", g); err != nil {
				return err
			}
		}
		if side == "after" {
			if err := change(w, tree, root, name); err != nil {
				return err
			}
		}
		if p.tests != nil {
			if err := test(w, tree, side, p); err != nil {
				return err
			}
		}
	}
	for _, pkg := range p.benchIn {
		if err := measure(w, dir, pkg, p.bench, rounds, benchtime); err != nil {
			return err
		}
	}
	return nil
}

func download(p *project) (dir string, err error) {
	out, err := goCommand(os.TempDir(), "mod", "download", "-json", p.module+"@"+p.version)
	if err != nil {
		return "", err
	}
	var m struct{ Dir string }
	if err := json.Unmarshal([]byte(out), &m); err != nil {
		return "", err
	}
	return m.Dir, nil
}

// change puts the files of projects/NAME/after into a tree.
func change(w io.Writer, tree, root, name string) error {
	added, removed := 0, 0
	err := each(name, "after", func(file string, text []byte) error {
		to := filepath.Join(tree, file)
		n, err := replace(to, text)
		if err != nil {
			return err
		}
		removed += n
		added += codeLines(text)
		return os.WriteFile(to, text, 0o644)
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "  lines of code: %d go, %d come\n", removed, added)
	if _, err := goCommand(tree, "mod", "edit", "-replace", library+"="+root, "-require", library+"@v0.0.0"); err != nil {
		return err
	}
	_, err = goCommand(tree, "mod", "tidy", "-e")
	return err
}

// test runs a project's tests and prints how many passed.
func test(w io.Writer, tree, side string, p *project) error {
	args := []string{"test", "-vet=off", "-v"}
	if p.skip != "" {
		args = append(args, "-skip", p.skip)
	}
	out, err := goCommand(tree, append(args, p.tests...)...)
	passed := len(regexp.MustCompile(`(?m)^\s*--- PASS`).FindAllString(out, -1))
	failed := regexp.MustCompile(`(?m)^\s*--- FAIL.*`).FindAllString(out, -1)
	if err != nil && len(failed) == 0 {
		return fmt.Errorf("tests %s: %w", side, err)
	}
	fmt.Fprintf(w, "  tests %s: %d passed, %d failed\n", side, passed, len(failed))
	for _, f := range failed {
		fmt.Fprintln(w, "   ", f)
	}
	return nil
}

// measure runs the benchmarks of a package before and after, in turn.
func measure(w io.Writer, dir, pkg, bench string, rounds int, least time.Duration) error {
	var sides [2]program
	for i, side := range []string{"before", "after"} {
		p := &sides[i]
		p.dir = filepath.Join(dir, side, pkg)
		p.path = filepath.Join(dir, side, strings.ReplaceAll(pkg, "/", "_")+".test")
		if _, err := goCommand(p.dir, "test", "-vet=off", "-c", "-o", p.path, "."); err != nil {
			return err
		}
	}
	out, _, err := sides[0].bench(bench, 1)
	if err != nil {
		return err
	}
	names := result.FindAllStringSubmatch(out, -1)
	if len(names) == 0 {
		return fmt.Errorf("%s has no benchmark %q", pkg, bench)
	}
	for _, m := range names {
		exact := "^Benchmark" + strings.ReplaceAll(m[1], "/", "$/^") + "$"
		for i := range sides {
			if err := sides[i].calibrate(exact, least); err != nil {
				return err
			}
		}
		var ns [2][]float64
		var ratios []float64
		for r := range rounds {
			for k := range 2 {
				i := (k + r) % 2
				t, err := sides[i].perOp(exact)
				if err != nil {
					return err
				}
				ns[i] = append(ns[i], t)
			}
			ratios = append(ratios, ns[1][r]/ns[0][r])
		}
		fmt.Fprintf(w, "  %-40s %12.0f ns %12.0f ns  ratio %.3g\n", m[1], median(ns[0]), median(ns[1]), median(ratios))
	}
	return nil
}

// program is a test's. Its benchmarks are timed by the time that its process has on a CPU, which other
// processes disturb little, less that of a process that runs a benchmark once.
type program struct {
	dir, path string
	n         int
	once      time.Duration
}

var result = regexp.MustCompile(`(?m)^Benchmark(\S+)\s+\d+\s+[\d.]+ ns/op`)

// bench runs a benchmark n times.
func (p *program) bench(name string, n int) (out string, used time.Duration, err error) {
	cmd := exec.Command(p.path, "-test.run", "^$", "-test.cpu", "1", "-test.bench", name, "-test.benchtime", fmt.Sprint(n, "x"))
	cmd.Dir = p.dir
	b, err := cmd.CombinedOutput()
	if err != nil {
		return "", 0, fmt.Errorf("%v: %w\n%s", cmd, err, b)
	}
	if !result.Match(b) {
		return "", 0, fmt.Errorf("%v ran no benchmark\n%s", cmd, b)
	}
	return string(b), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// calibrate sets n so that running a benchmark n times takes at least so long.
func (p *program) calibrate(name string, least time.Duration) error {
	var once []float64
	for range 5 {
		_, used, err := p.bench(name, 1)
		if err != nil {
			return err
		}
		once = append(once, float64(used))
	}
	p.once = time.Duration(median(once))
	for p.n = 4; p.n < 1<<30; p.n *= 4 {
		if _, used, err := p.bench(name, p.n); err != nil || used-p.once >= least {
			return err
		}
	}
	return nil
}

func (p *program) perOp(name string) (ns float64, err error) {
	_, used, err := p.bench(name, p.n)
	return float64(used-p.once) / float64(p.n-1), err
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// each calls f for the files of a part of projects/NAME, if there is one, with their names in the project.
func each(name, part string, f func(file string, text []byte) error) error {
	at := path.Join("projects", name, part)
	return fs.WalkDir(files, at, func(file string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && file == at {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		text, err := files.ReadFile(file)
		if err != nil {
			return err
		}
		return f(filepath.FromSlash(strings.TrimSuffix(file[len(at)+1:], ".txt")), text)
	})
}

// goCommand runs the go command in a directory, outside of this repository's workspace unless that is
// where it is.
func goCommand(dir string, args ...string) (string, error) {
	var env []string
	if dir != "." {
		env = []string{"GOWORK=off", "GOFLAGS=-mod=mod"}
	}
	return tools.Output(dir, env, "go", args...)
}
