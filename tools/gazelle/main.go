// Command gazelle brings Bazel's view of the Go code up to date with go.work, the go.mod files and the Go files:
//
//   - third_party/go/modules.bzl for WORKSPACE, and the end of MODULE.bazel: the external modules that any package of the
//     workspace needs, at the versions and with the hashes that the go command uses;
//   - the BUILD.bazel files, by means of the gazelle command that tools/go.mod names as a tool.
//
// Run it after adding a package, a file, an import or a module:
//
//	tools/bazel run //tools/gazelle
//	go run ./tools/gazelle
//
// With -check it writes nothing, prints what it would change, and exits with status 1 if that is anything.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/internal/atomicfile"
	"github.com/twopass-softmax/twopass/tools"
)

func main() {
	check := flag.Bool("check", false, "write nothing; print what would change and exit with status 1 if anything would")
	flag.Parse()
	if err := run(*check); err != nil {
		fmt.Fprintln(os.Stderr, "gazelle:", err)
		os.Exit(1)
	}
}

func run(check bool) error {
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	root, err := tools.Root()
	if err != nil {
		return err
	}
	diff, err := update(root, check)
	if err != nil {
		return err
	}
	if diff != "" {
		fmt.Print(diff)
		return errors.New("Bazel's files are not up to date: run `tools/bazel run //tools/gazelle`")
	}
	return nil
}

// modulesFile is the list of external modules, relative to the root of the workspace.
const modulesFile = "third_party/go/modules.bzl"

// update brings the workspace at root up to date. If check is set it writes nothing and returns what it would change,
// as a text to read; otherwise the text is empty.
func update(root string, check bool) (diff string, err error) {
	modules, err := workspaceModules(root)
	if err != nil {
		return "", err
	}
	moduleFileText, err := updatedModuleFile(root, modules)
	if err != nil {
		return "", err
	}
	for name, want := range map[string][]byte{modulesFile: moduleList(modules), moduleFile: moduleFileText} {
		path := filepath.Join(root, name)
		have, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		if !bytes.Equal(have, want) {
			if check {
				diff += fmt.Sprintf("%s differs; it should be:\n%s", name, want)
			} else if err := atomicfile.Write(path, want); err != nil {
				return "", err
			}
		}
	}
	buildDiff, err := updateBuildFiles(root, check)
	return diff + buildDiff, err
}

// updateBuildFiles runs the gazelle command over the whole workspace.
func updateBuildFiles(root string, check bool) (diff string, err error) {
	tmp, err := os.MkdirTemp("", "gazelle")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	// The flags are those of the repository rule gazelle_binary, so that the go command's cache serves both.
	gazelle := filepath.Join(tmp, "gazelle")
	if _, err := tools.Output(filepath.Join(root, "tools"), []string{"CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly"},
		"go", "build", "-trimpath", "-buildvcs=false", "-o", gazelle, "github.com/bazelbuild/bazel-gazelle/cmd/gazelle"); err != nil {
		return "", fmt.Errorf("building the gazelle command: %w", err)
	}

	mode := "fix"
	if check {
		mode = "diff"
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(gazelle, "update", "-mode="+mode, "-external=static", "-repo_root="+root, root)
	cmd.Dir = root
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if check && stdout.Len() > 0 {
		return stdout.String(), nil // a difference also makes for a non-zero exit status
	}
	// gazelle says on standard error what it did not understand, and then exits with status 0.
	if err != nil || stderr.Len() > 0 {
		return "", fmt.Errorf("the gazelle command: %v\n%s", err, &stderr)
	}
	return "", nil
}

// A module is an external module that the workspace needs.
type module struct{ Path, Version, sum string }

// platforms are where the packages are meant to build; a module that one of them needs is on the list.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/arm64", "windows/amd64"}

// workspaceModules returns the external modules that the packages of the workspace at root need, by repository name.
func workspaceModules(root string) ([]module, error) {
	dirs, err := goList(root, "", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return nil, err
	}
	args := []string{"list", "-deps", "-test", "-tags=xnnpack", "-f", "{{with .Module}}{{if not .Main}}{{if .Replace}}replaced{{end}} {{.Path}} {{.Version}}{{end}}{{end}}"}
	sums := map[string]string{}
	if err := readSums(sums, filepath.Join(root, "go.work.sum")); err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		args = append(args, dir+"/...")
		if err := readSums(sums, filepath.Join(dir, "go.sum")); err != nil {
			return nil, err
		}
	}
	var modules []module
	for _, platform := range platforms {
		lines, err := goList(root, platform, args...)
		if err != nil {
			return nil, err
		}
		for _, line := range lines {
			if strings.HasPrefix(line, "replaced") {
				return nil, fmt.Errorf("module%s is replaced, which the list of modules for Bazel can't express", strings.TrimPrefix(line, "replaced"))
			}
			path, version, _ := strings.Cut(strings.TrimSpace(line), " ")
			sum := sums[path+" "+version]
			if sum == "" {
				return nil, fmt.Errorf("no go.sum of the workspace has the hash of %s %s: run `go mod tidy` in the module that needs it", path, version)
			}
			modules = append(modules, module{path, version, sum})
		}
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(repositoryName(a.Path), repositoryName(b.Path)) })
	return slices.Compact(modules), nil
}

// moduleList returns the contents of modulesFile.
func moduleList(modules []module) []byte {
	var b bytes.Buffer
	b.WriteString(`"""The external Go modules of the workspace, generated from go.work by ` + "`tools/bazel run //tools/gazelle`" + `."""

load("//third_party/go:repository.bzl", "go_repository")

def go_modules():
`)
	for _, m := range modules {
		fmt.Fprintf(&b, "    go_repository(\n        name = %q,\n        importpath = %q,\n        sum = %q,\n        version = %q,\n    )\n",
			repositoryName(m.Path), m.Path, m.sum, m.Version)
	}
	if len(modules) == 0 {
		b.WriteString("    pass\n")
	}
	return b.Bytes()
}

// goList runs the go command in the workspace at root, for platform ("" is this one), and returns its output's lines,
// sorted, each once, without empty ones.
func goList(root, platform string, args ...string) ([]string, error) {
	env := []string{"GOWORK=" + filepath.Join(root, "go.work"), "GOFLAGS=-mod=readonly", "CGO_ENABLED=1"}
	if platform != "" {
		goos, goarch, _ := strings.Cut(platform, "/")
		env = append(env, "GOOS="+goos, "GOARCH="+goarch)
	}
	out, err := tools.Output(root, env, "go", args...)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(out, "\n")
	slices.Sort(lines)
	return slices.DeleteFunc(slices.Compact(lines), func(s string) bool { return strings.TrimSpace(s) == "" }), nil
}

// readSums adds the module hashes of a go.sum file to sums, by "path version". A missing file has none.
func readSums(sums map[string]string, path string) error {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if w := strings.Fields(line); len(w) == 3 && !strings.HasSuffix(w[1], "/go.mod") {
			sums[w[0]+" "+w[1]] = w[2]
		}
	}
	return nil
}

var nonWord = regexp.MustCompile(`\W+`)

// repositoryName returns the name by which rules_go and gazelle know the repository of a module: the host's labels in
// reverse, then the path, as in com_github_klauspost_cpuid_v2.
func repositoryName(path string) string {
	host, rest, _ := strings.Cut(strings.ToLower(path), "/")
	labels := strings.Split(host, ".")
	slices.Reverse(labels)
	return nonWord.ReplaceAllString(strings.Join(append(labels, rest), "."), "_")
}
