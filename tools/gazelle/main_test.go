package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/tools"
)

func sourceTree(t *testing.T) string {
	t.Helper()
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// TestUpToDate fails when a change of the Go code was not followed by a run of this command.
func TestUpToDate(t *testing.T) {
	root := sourceTree(t)
	if err := tools.WatchTree(); err != nil {
		t.Fatal(err)
	}
	diff, err := update(root, true)
	if err != nil {
		t.Fatal(err)
	}
	if diff != "" {
		t.Errorf("Bazel's files are not up to date; run `tools/bazel run //tools/gazelle`:\n%s", diff)
	}
}

// TestCheckSees makes a workspace, changes it in each way that the check is for, and expects the check to say so.
func TestCheckSees(t *testing.T) {
	source := sourceTree(t)
	root := t.TempDir()
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	write := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("WORKSPACE", read("WORKSPACE"))
	write(moduleFile, read(moduleFile))
	write("BUILD.bazel", "# gazelle:prefix example.com/m\n# gazelle:go_naming_convention import\n# gazelle:go_naming_convention_external import\n")
	write("go.work", "go 1.24.12\n\nuse (\n\t.\n\t./tools\n)\n")
	write("go.mod", strings.Replace(read("go.mod"), "module github.com/twopass-softmax/twopass", "module example.com/m", 1))
	write("go.sum", read("go.sum"))
	write("tools/go.mod", read("tools/go.mod"))
	write("tools/go.sum", read("tools/go.sum"))
	write("tools/main.go", "package main\n\nfunc main() {}\n")
	write("third_party/go/BUILD.bazel", "")
	write("a/a.go", "package a\n")
	check := func() string {
		t.Helper()
		diff, err := update(root, true)
		if err != nil {
			t.Fatal(err)
		}
		return diff
	}
	refresh := func() {
		t.Helper()
		if _, err := update(root, false); err != nil {
			t.Fatal(err)
		}
		if diff := check(); diff != "" {
			t.Fatalf("right after an update the check reports:\n%s", diff)
		}
	}
	refresh()

	write("a/b.go", "package a\n")
	if diff := check(); !strings.Contains(diff, `"b.go"`) {
		t.Errorf("a new file a/b.go: the check reports %q", diff)
	}
	refresh()

	write("a/b.go", "package a\n\nimport _ \"github.com/klauspost/cpuid/v2\"\n")
	if diff := check(); !strings.Contains(diff, modulesFile) {
		t.Errorf("the first import of cpuid: the check does not name %s: %q", modulesFile, diff)
	}
	refresh()
	data, err := os.ReadFile(filepath.Join(root, "a/BUILD.bazel"))
	if err != nil {
		t.Fatal(err)
	}
	if want := `"@com_github_klauspost_cpuid_v2//:cpuid"`; !strings.Contains(string(data), want) {
		t.Errorf("a/BUILD.bazel lacks the dependency %s:\n%s", want, data)
	}

	list, err := os.ReadFile(filepath.Join(root, modulesFile))
	if err != nil {
		t.Fatal(err)
	}
	write(modulesFile, strings.Replace(string(list), `version = "v`, `version = "v9`, 1))
	if diff := check(); !strings.Contains(diff, modulesFile) {
		t.Errorf("another version in %s: the check reports %q", modulesFile, diff)
	}
	refresh()

	file := read(moduleFile)
	for _, change := range []struct{ old, new string }{
		{`name = "rules_go", version = "`, `name = "rules_go", version = "9`},
		{"\n    \"com_github_klauspost_cpuid_v2\",", ""},
	} {
		data, err := os.ReadFile(filepath.Join(root, moduleFile))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(data), change.old) != 1 {
			t.Fatalf("%s does not have %s once", moduleFile, change.old)
		}
		write(moduleFile, strings.Replace(string(data), change.old, change.new, 1))
		if diff := check(); !strings.Contains(diff, moduleFile) {
			t.Errorf("%s without %s: the check reports %q", moduleFile, change.old, diff)
		}
		refresh()
	}
	write(moduleFile, strings.Replace(file, moduleFileMark, "", 1))
	if _, err := update(root, true); err == nil || !strings.Contains(err.Error(), moduleFileMark) {
		t.Errorf("%s without its mark: %v", moduleFile, err)
	}
}

// TestModuleFile: what our tests need is nothing for a Bazel module that depends on this one.
func TestModuleFile(t *testing.T) {
	root := sourceTree(t)
	modules, err := workspaceModules(root)
	if err != nil {
		t.Fatal(err)
	}
	text, err := updatedModuleFile(root, append(modules, module{"example.com/needed", "v1.0.0", "h1:x"}))
	if err != nil {
		t.Fatal(err)
	}
	if want := "\ndev_go_deps.module(\n    indirect = True,\n    path = \"example.com/needed\",\n    sum = \"h1:x\",\n    version = \"v1.0.0\",\n)\n"; !strings.Contains(string(text), want) {
		t.Errorf("%s lacks %s", moduleFile, want)
	}
	if strings.Contains(string(text), `path = "golang.org/x/sys"`) {
		t.Errorf("%s names golang.org/x/sys, which the root module's go.mod does", moduleFile)
	}
}

func TestRepositoryName(t *testing.T) {
	for path, want := range map[string]string{
		"github.com/klauspost/cpuid/v2": "com_github_klauspost_cpuid_v2",
		"golang.org/x/sys":              "org_golang_x_sys",
		"gopkg.in/yaml.v3":              "in_gopkg_yaml_v3",
		"pgregory.net/rapid":            "net_pgregory_rapid",
		"github.com/Masterminds/semver": "com_github_masterminds_semver",
	} {
		if got := repositoryName(path); got != want {
			t.Errorf("repositoryName(%q) = %q, want %q", path, got, want)
		}
	}
}
