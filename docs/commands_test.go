// Package docs has the documents, and a test of the commands in them.
package docs

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	// command matches what a shell is to run. A program's name alone in the middle of a
	// sentence is none.
	command      = regexp.MustCompile(`^(?:[A-Z_]+=\S+ )*(?:tools/[\w/-]+|third_party/\S+\.sh|\.ci/run|go|git|compare|apt-get)(?: |$)`)
	span         = regexp.MustCompile("`([^`]+)`")
	comment      = regexp.MustCompile(`\s+#\s.*| {2,}.*`)
	continuation = regexp.MustCompile(`\\\n\s*`)
)

// commands collects the commands of a document: those of its blocks of code, and those
// in sentences.
func commands(text string) (found []string) {
	var prose strings.Builder
	shell, fenced := true, false
	for line := range strings.Lines(continuation.ReplaceAllString(text, "")) {
		if lang, ok := strings.CutPrefix(line, "```"); ok {
			fenced = !fenced
			shell = !fenced || strings.TrimSpace(lang) == "sh"
			continue
		}
		if code, ok := strings.CutPrefix(line, "    "); !fenced && !ok {
			prose.WriteString(line)
		} else if shell {
			code = strings.TrimPrefix(strings.TrimSpace(code), "$ ")
			if code = comment.ReplaceAllString(code, ""); command.MatchString(code) {
				found = append(found, code)
			}
		}
	}
	for _, m := range span.FindAllStringSubmatch(prose.String(), -1) {
		code := strings.Join(strings.Fields(m[1]), " ")
		if words := strings.Fields(code); len(words) > 2 && command.MatchString(code) || len(words) == 2 && strings.HasPrefix(code, "tools/") {
			found = append(found, code)
		}
	}
	return found
}

// TestCommands holds that commands.txt says of every command in the documents how it is
// known to work, or why it can't be run without a person, and that this is so. The cheap
// ones it runs.
func TestCommands(t *testing.T) {
	read := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	// The commands that run here are built from the whole tree: the go command's cache of test results is to look at it.
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name()[0] == '.' && path != ".." {
			return filepath.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.md")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d documents, %v", len(files), err)
	}
	documented := make(map[string]string)
	for _, name := range append(files, "../README.md", "../CONTRIBUTING.md") {
		for _, c := range commands(read(name)) {
			documented[c] = name
		}
	}

	ci := read("../.ci/run") + read("../.ci/go")
	listed := make(map[string]bool)
	for line := range strings.Lines(read("commands.txt")) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		c, how, _ := strings.Cut(line, " => ")
		listed[c] = true
		if documented[c] == "" {
			t.Errorf("commands.txt has a command that no document has: %s", c)
			continue
		}
		verb, rest, _ := strings.Cut(how, " ")
		switch {
		case verb == "ci" && rest != "":
			if !slices.ContainsFunc(strings.Split(ci, "\n"), func(l string) bool { return strings.Contains(l, rest) && !strings.HasPrefix(l, "#") }) {
				t.Errorf("%s: .ci/run has no %q", c, rest)
			}
		case verb == "test":
			if _, err := os.Stat("../" + rest); err != nil || !strings.Contains(rest, "_test.") {
				t.Errorf("%s: %q is no test: %v", c, rest, err)
			}
		case verb == "no" && rest != "":
		case how == "run":
			t.Run(c, func(t *testing.T) {
				cmd := exec.Command("bash", "-euo", "pipefail", "-c", c)
				cmd.Dir = ".."
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			})
		default:
			t.Errorf("%s: %q is none of: run, ci TEXT, test FILE, no REASON", c, how)
		}
	}
	for c, name := range documented {
		if !listed[c] {
			t.Errorf("%s: commands.txt does not have: %s", name, c)
		}
	}
}
