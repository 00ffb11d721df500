package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"golang.org/x/mod/modfile"
)

// moduleFile is what Bazel reads instead of WORKSPACE; moduleFileMark is in the line of it after which all is generated.
const (
	moduleFile     = "MODULE.bazel"
	moduleFileMark = "From here on generated"
)

// updatedModuleFile returns the text that moduleFile should have: with the versions of rules_go and gazelle that
// tools/go.mod requires, and with modules. Those of the root module come from its go.mod by themselves; the others are
// dev dependencies, which a Bazel module that depends on this one does not see.
func updatedModuleFile(root string, modules []module) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, moduleFile))
	if err != nil {
		return nil, err
	}
	mark := bytes.Index(text, []byte(moduleFileMark))
	if mark < 0 {
		return nil, fmt.Errorf("%s has no line with the words %q", moduleFile, moduleFileMark)
	}
	text = append(text[:mark+bytes.IndexByte(text[mark:], '\n')], '\n')

	pins, err := readGoMod(filepath.Join(root, "tools"))
	if err != nil {
		return nil, err
	}
	for name, path := range map[string]string{"gazelle": "github.com/bazelbuild/bazel-gazelle", "rules_go": "github.com/bazelbuild/rules_go"} {
		version := pins[path].Mod.Version
		dep := regexp.MustCompile(`(?m)^(bazel_dep\(name = "` + name + `", version = ")[^"]*`)
		if version == "" || !dep.Match(text) {
			return nil, fmt.Errorf("the version of %s is %q in tools/go.mod, and %s has no bazel_dep of %s", path, version, moduleFile, name)
		}
		text = dep.ReplaceAll(text, []byte("${1}"+version[1:]))
	}

	rootRequires, err := readGoMod(root)
	if err != nil {
		return nil, err
	}
	dirs, err := goList(root, "", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return nil, err
	}
	direct := map[string]bool{}
	for _, dir := range dirs {
		requires, err := readGoMod(dir)
		if err != nil {
			return nil, err
		}
		for path, r := range requires {
			direct[path] = direct[path] || !r.Indirect
		}
	}
	b := bytes.NewBuffer(text)
	var names, devNames []string
	for _, m := range modules {
		switch r := rootRequires[m.Path]; {
		case r == nil:
			indirect := ""
			if direct[m.Path] {
				devNames = append(devNames, repositoryName(m.Path))
			} else {
				indirect = "    indirect = True,\n"
			}
			fmt.Fprintf(b, "dev_go_deps.module(\n%s    path = %q,\n    sum = %q,\n    version = %q,\n)\n", indirect, m.Path, m.sum, m.Version)
		case !r.Indirect:
			names = append(names, repositoryName(m.Path))
		}
	}
	writeUseRepo(b, "go_deps", names)
	writeUseRepo(b, "dev_go_deps", devNames)
	return b.Bytes(), nil
}

// readGoMod returns what the go.mod file in dir requires, by module path.
func readGoMod(dir string) (map[string]*modfile.Require, error) {
	path := filepath.Join(dir, "go.mod")
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f, err := modfile.Parse(path, data, nil)
	if err != nil {
		return nil, err
	}
	requires := map[string]*modfile.Require{}
	for _, r := range f.Require {
		requires[r.Mod.Path] = r
	}
	return requires, nil
}

func writeUseRepo(b *bytes.Buffer, extension string, names []string) {
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	fmt.Fprintf(b, "\nuse_repo(\n    %s,\n", extension)
	for _, name := range names {
		fmt.Fprintf(b, "    %q,\n", name)
	}
	b.WriteString(")\n")
}
