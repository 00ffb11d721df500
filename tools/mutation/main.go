// Mutation changes one operator of the hand-written code at a time and runs the
// package's short tests, which should fail:
//
//	go run ./tools/mutation [-tags xnnpack] [-timeout N] [-again FILE] [FOLDER...]
//
// Without folders it takes those of the library and the examples; folders below a folder
// are folders of their own. The changes are made by gremlins (github.com/go-gremlins/gremlins), in copies of the source. A mutant that
// no test fails for has to stand in survivors.txt, with the reason why it changes
// nothing that a test could hold; if one does not, or one that stands there does not
// survive, the status is 1. Mutants that run out of time count as killed and are listed,
// since a loaded machine makes some, too: they are then to be run again. The few that
// do not compile count as killed as well.
//
// With -tags xnnpack, PKG_CONFIG_PATH has to name the installed library; without it the
// folder xnnpack is mostly not built, and not tested.
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// gremlins is run at this version, and is in no module's dependencies.
const gremlins = "github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0"

var folders = []string{
	"native", "native/internal/arith", "native/twins/internal/scalar", "ukernel", "ukernel/inputs", "ukernel/model", "xnnpack",
	"examples/sampler", "examples/service/internal/server",
}

//go:embed survivors.txt
var survivors string

func main() {
	tags := flag.String("tags", "", "build `tags`")
	timeout := flag.Int("timeout", 10, "end a mutant's tests after `N` times what all tests below the folder took, building included")
	again := flag.String("again", "", "run only the mutants that `FILE` lists, the output of an earlier run or survivors.txt")
	flag.Parse()
	if args := flag.Args(); len(args) > 0 {
		folders = args
	}
	ok := true
	for _, folder := range folders {
		good, err := run(filepath.ToSlash(filepath.Clean(folder)), *tags, *again, *timeout)
		if err != nil {
			fmt.Fprintf(os.Stderr, "mutation: %s: %v\n", folder, err)
		}
		ok = ok && good && err == nil
	}
	if !ok {
		os.Exit(1)
	}
}

// run tests a folder's mutants, and reports whether the survivors are those known.
func run(folder, tags, again string, timeout int) (bool, error) {
	expected, err := known(survivors)
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "twopass-mutation-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	tree := filepath.Join(dir, "tree")
	if err := copyTree(tree); err != nil {
		return false, err
	}
	absolute := filepath.Join(tree, folder) // gremlins looks for go.mod above it
	if again != "" {
		list, err := os.ReadFile(again)
		if err != nil {
			return false, err
		}
		r, err := listed(string(list), tree, folder, expected)
		if err != nil {
			return false, err
		}
		if err := r.runUncovered(absolute, tags); err != nil {
			return false, err
		}
		return r.judge(tree, folder, tags, expected)
	}
	if err := wrapCases(absolute); err != nil {
		return false, err
	}
	output := filepath.Join(dir, "report.json")
	cmd := goCommand(absolute, "run", gremlins, "unleash", "--output", output, "--tags", tags, "--exclude-files", "/",
		"--workers", "2", "--timeout-coefficient", strconv.Itoa(timeout),
		"--invert-assignments", "--invert-bitwise", "--invert-bwassign", "--invert-logical", "--invert-loopctrl", absolute)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return false, fmt.Errorf("gremlins: %w", err)
	}
	text, err := os.ReadFile(output)
	if err != nil {
		return false, err
	}
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		return false, err
	}
	if err := r.runUncovered(absolute, tags); err != nil {
		return false, err
	}
	return r.judge(tree, folder, tags, expected)
}

// goCommand is the go command in a folder, with the flags that tests of mutants take.
func goCommand(folder string, args ...string) *exec.Cmd { return limited(folder, "unlimited", args...) }

// limited is goCommand with a limit of the CPU's time for each process, in seconds.
func limited(folder, seconds string, args ...string) *exec.Cmd {
	cmd := exec.Command("sh", append([]string{"-c", `ulimit -v 8388608 && ulimit -t "$0" && exec go "$@"`, seconds}, args...)...)
	cmd.Dir = folder
	// A cached coverage would make the time limit too short, and vet fail mutants in place
	// of the tests.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-short -count=1 -vet=off")
	return cmd
}

// copyTree copies the working directory, with absolute paths in go.mod: gremlins moves
// modules away from what their replace directives name.
func copyTree(to string) error {
	entries, err := os.ReadDir(".")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() && e.Name()[0] != '.' {
			if err := os.CopyFS(filepath.Join(to, e.Name()), os.DirFS(e.Name())); err != nil {
				return err
			}
		}
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			return err
		}
	}
	return filepath.WalkDir(to, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() != "go.mod" {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		above := filepath.Dir(filepath.Dir(name)) + "/"
		text = bytes.ReplaceAll(text, []byte("=> ../"), []byte("=> "+above))
		return os.WriteFile(name, text, 0o644)
	})
}

// What wrapCases puts around a condition.
const before, after = "/**/func() bool { return ", " }()/**/"

// wrapCases wraps the conditions after "case" in a folder's files into functions: the
// coverage of Go's tests, by which gremlins chooses, does not contain them otherwise.
func wrapCases(folder string) error {
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, text, 0)
		if err != nil {
			return err
		}
		insert := make(map[int]string)
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SwitchStmt); ok && s.Tag == nil {
				for _, clause := range s.Body.List {
					for _, condition := range clause.(*ast.CaseClause).List {
						insert[files.Position(condition.Pos()).Offset] += before
						insert[files.Position(condition.End()).Offset] += after
					}
				}
			}
			return true
		})
		var b bytes.Buffer
		for i, c := range text {
			b.WriteString(insert[i])
			b.WriteByte(c)
		}
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// report is what gremlins writes.
type report struct {
	Files []file `json:"files"`
}

type file struct {
	Name      string     `json:"file_name"`
	Mutations []mutation `json:"mutations"`
}

type mutation struct {
	Type   string `json:"type"`
	Status string `json:"status"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// listed are the folder's mutants in a list of lines as judge prints them, or as survivors.txt
// has them. Those that it does not have are deleted from expected.
func listed(list, tree, folder string, expected map[string]string) (*report, error) {
	files := make(map[string]*file)
	seen := make(map[string]bool)
	for line := range strings.Lines(list) {
		line, _, _ = strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if before, rest, ok := strings.Cut(line, ": "); ok && !strings.Contains(before, "/") {
			line = rest
		}
		words := strings.SplitN(line, " ", 3)
		if len(words) < 3 || path.Dir(words[0]) != folder || swaps[words[1]] == nil || seen[line] {
			continue
		}
		seen[line] = true
		name := path.Base(words[0])
		if files[name] == nil {
			files[name] = &file{Name: name}
		}
		text, err := os.ReadFile(filepath.Join(tree, words[0]))
		if err != nil {
			return nil, err
		}
		found := places(string(text), words[1], words[2])
		files[name].Mutations = append(files[name].Mutations, found...)
		if len(found) == 0 {
			fmt.Printf("no longer there: %s\n", line)
		}
	}
	for mutant := range expected {
		if !seen[mutant] {
			delete(expected, mutant)
		}
	}
	r := new(report)
	for _, f := range files {
		r.Files = append(r.Files, *f)
	}
	slices.SortFunc(r.Files, func(a, b file) int { return strings.Compare(a.Name, b.Name) })
	return r, nil
}

// places are where a mutant of a type is in a file's text: in the lines that are as marked, but for
// the "@" before the operator.
func places(text, kind, marked string) (found []mutation) {
	for i, l := range strings.Split(text, "\n") {
		indent := len(l) - len(strings.TrimLeft(l, "\t "))
		for at, c := range marked {
			if c == '@' && strings.TrimSpace(l) == marked[:at]+marked[at+1:] {
				found = append(found, mutation{kind, "NOT COVERED", i + 1, indent + at + 1})
			}
		}
	}
	return found
}

// swaps are the mutations of operators, as gremlins makes them, longer operators first.
var swaps = map[string][][2]string{
	"ARITHMETIC_BASE":       {{"+", "-"}, {"-", "+"}, {"*", "/"}, {"/", "*"}, {"%", "*"}},
	"CONDITIONALS_BOUNDARY": {{">=", ">"}, {"<=", "<"}, {">", ">="}, {"<", "<="}},
	"CONDITIONALS_NEGATION": {{"==", "!="}, {"!=", "=="}, {">=", "<"}, {"<=", ">"}, {">", "<="}, {"<", ">="}},
	"INVERT_BITWISE":        {{"<<", ">>"}, {">>", "<<"}, {"&^", "&"}, {"&", "|"}, {"|", "&"}, {"^", "&"}},
	"INVERT_LOGICAL":        {{"&&", "||"}, {"||", "&&"}},
	"INVERT_NEGATIVES":      {{"-", "+"}},
	"INCREMENT_DECREMENT":   {{"++", "--"}, {"--", "++"}},
	"INVERT_ASSIGNMENTS":    {{"+=", "-="}, {"-=", "+="}, {"*=", "/="}, {"/=", "*="}},
	"INVERT_BWASSIGN":       {{"&=", "|="}, {"|=", "&="}, {"^=", "&="}, {"&^=", "&="}, {"<<=", ">>="}, {">>=", "<<="}},
	"INVERT_LOOPCTRL":       {{"break", "continue"}, {"continue", "break"}},
}

var spare = 5 // seconds; a variable for tests

// runUncovered runs the tests of a folder for the mutants that gremlins did not. They may take
// three times as much of the CPU's time as without a mutant, building included, and some to spare,
// and, since those of a server may wait forever, five times as long, and a minute.
func (r *report) runUncovered(folder, tags string) error {
	args := []string{"test", "-tags", tags, "-failfast", "-timeout", "1h", "."}
	start := time.Now()
	base := goCommand(folder, args...)
	if out, err := base.CombinedOutput(); err != nil {
		return fmt.Errorf("the tests fail without a mutant: %w\n%s", err, out)
	}
	used := base.ProcessState.UserTime() + base.ProcessState.SystemTime()
	seconds := strconv.Itoa(spare + 3*int(used.Seconds()))
	args[slices.Index(args, "1h")] = (time.Minute + 5*time.Since(start)).String()
	for _, f := range r.Files {
		name := filepath.Join(folder, f.Name)
		lines, skip, err := source(name, tags)
		if err != nil {
			return err
		}
		for i := range f.Mutations {
			m := &f.Mutations[i]
			if skip || m.Status != "NOT COVERED" {
				continue
			}
			line := lines[m.Line-1]
			for _, swap := range swaps[m.Type] {
				if rest, ok := strings.CutPrefix(line[m.Column-1:], swap[0]); ok {
					lines[m.Line-1] = line[:m.Column-1] + swap[1] + rest
					break
				}
			}
			if lines[m.Line-1] == line {
				continue
			}
			if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
				return err
			}
			out, err := limited(folder, seconds, args...).CombinedOutput()
			switch {
			case err == nil:
				m.Status = "LIVED"
			case bytes.Contains(out, []byte("signal: killed")), bytes.Contains(out, []byte("panic: test timed out")):
				m.Status = "TIMED OUT"
			default:
				m.Status = "KILLED"
			}
			fmt.Fprintf(os.Stderr, "%s %s at %s:%d:%d, which gremlins did not run\n", m.Status, m.Type, f.Name, m.Line, m.Column)
			lines[m.Line-1] = line
		}
		if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// known reads survivors.txt: lines of mutant, tab, reason.
func known(text string) (map[string]string, error) {
	reasons := make(map[string]string)
	for i, line := range strings.Split(text, "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		mutant, reason, _ := strings.Cut(line, "\t")
		if strings.TrimSpace(reason) == "" {
			return nil, fmt.Errorf("survivors.txt:%d: no reason after a tab", i+1)
		}
		reasons[mutant] = reason
	}
	return reasons, nil
}

// judge compares the survivors with those known, and prints what differs. Tree is where
// the folder's mutated source is.
func (r *report) judge(tree, folder, tags string, expected map[string]string) (bool, error) {
	var killed, late, lived, named int
	survived := make(map[string]bool)
	for _, f := range r.Files {
		name := folder + "/" + f.Name
		lines, skip, err := source(filepath.Join(tree, name), tags)
		if err != nil {
			return false, err
		}
		if skip {
			continue
		}
		for _, m := range f.Mutations {
			// The place in the line is marked, so that the name of a mutant does not change
			// with the lines before it.
			line := lines[m.Line-1]
			line = strings.NewReplacer(before, "", after, "").Replace(line[:m.Column-1] + "@" + line[m.Column-1:])
			mutant := fmt.Sprintf("%s %s %s", name, m.Type, strings.TrimSpace(line))
			switch m.Status {
			case "KILLED":
				killed++
			case "TIMED OUT":
				late++
				fmt.Printf("out of time: %s\n", mutant)
			case "LIVED", "NOT COVERED":
				survived[mutant] = true
				if expected[mutant] != "" {
					named++
					continue
				}
				lived++
				fmt.Printf("%s: %s\n", strings.ToLower(m.Status), mutant)
			}
		}
	}
	stale := 0
	for mutant := range expected {
		if path.Dir(strings.Fields(mutant)[0]) == folder && !survived[mutant] {
			stale++
			fmt.Printf("in survivors.txt, but did not survive: %s\n", mutant)
		}
	}
	caught := killed + late
	fmt.Printf("%s: %d mutants: %d killed (%.1f %%), %d of them by running out of time; %d survive for a reason, %d without\n",
		folder, caught+named+lived, caught, 100*float64(caught)/float64(max(1, caught+named+lived)), late, named, lived)
	return lived+stale == 0, nil
}

// source returns a file's lines, and whether it is to be skipped: because a program
// wrote it, or because it is not built here.
func source(name, tags string) (lines []string, skip bool, err error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, false, err
	}
	context := build.Default
	context.BuildTags = strings.Split(tags, ",")
	built, err := context.MatchFile(filepath.Dir(name), filepath.Base(name))
	if err != nil {
		return nil, false, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
	if err != nil {
		return nil, false, err
	}
	return strings.Split(string(text), "\n"), !built || ast.IsGenerated(file), nil
}
