package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/tools"
	"github.com/twopass-softmax/twopass/ukernel"
)

// signatures are the parameters that package xnnpack calls each family with.
type signatures map[ukernel.Family]string

var typedef = regexp.MustCompile(`(?m)^typedef void \(\*xnn_(\w+)_fn\)\((.*)\);$`)

// readSignatures reads xnnpack/kernels.h, which has the families that upstream
// has.
func readSignatures(name string) (signatures, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	s := make(signatures)
	for _, m := range typedef.FindAllStringSubmatch(string(text), -1) {
		for _, f := range ukernel.Families() {
			if f.String() == m[1] {
				s[f] = parameters(m[2])
			}
		}
	}
	if len(s) == 0 {
		return nil, fmt.Errorf("%s has no typedef of a family's function", name)
	}
	return s, nil
}

var (
	array     = regexp.MustCompile(`\s*\w+\[[^\]]*\]$`)
	parameter = regexp.MustCompile(`\s+\w+$`)
	// restrict is a promise about a pointer and no part of its type.
	restrict = regexp.MustCompile(`\s*\brestrict\b`)
)

// parameters is a C parameter list without names, arrays written as pointers. A binary16
// number counts as its bits.
func parameters(list string) string {
	ps := strings.Split(list, ",")
	for i, p := range ps {
		p = strings.Join(strings.Fields(restrict.ReplaceAllString(p, "")), " ")
		p = strings.ReplaceAll(p, "xnn_float16", "uint16_t")
		if a := array.ReplaceAllString(p, "*"); a != p {
			p = a
		} else {
			p = parameter.ReplaceAllString(p, "")
		}
		ps[i] = strings.ReplaceAll(p, " *", "*")
	}
	return strings.Join(ps, ", ")
}

// kernels are those that a source defines.
type kernels struct {
	kernels []ukernel.Kernel // sorted by name
	// foreign counts those of instruction sets that ukernel has not.
	foreign map[string]int
	// wrong says which are left out, since package xnnpack can't call them, and why.
	wrong []string
}

// definition matches the beginning of a kernel's definition. Upstream's headers
// do not declare all of them.
var definition = regexp.MustCompile(`(?s)\nvoid xnn_(\w+?)_ukernel__(\w+)\(([^{;]*)\)[^(){};]*\{`)

// look obtains the source that the options name, below tmp, and finds the tree's kernels in it.
func look(root, tmp string, o options) (now pin, src source, found kernels, err error) {
	if now, err = readPin(root); err != nil {
		return
	}
	if src, err = obtain(root, tmp, now, o); err != nil {
		return
	}
	families, err := readSignatures(filepath.Join(root, "xnnpack/kernels.h"))
	if err != nil {
		return
	}
	found, err = scan(src.dir, families)
	return
}

// scan finds the kernels of our families in a source. Those whose name or parameters
// are not as expected are left out: package xnnpack could not call them.
func scan(dir string, families signatures) (kernels, error) {
	ks := kernels{foreign: make(map[string]int)}
	err := filepath.WalkDir(filepath.Join(dir, "src"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".c" {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		ours := func(f ukernel.Family) bool { return strings.Contains(string(text), f.String()+"_ukernel__") }
		if !slices.ContainsFunc(ukernel.Families(), ours) {
			return nil // most files, which would take long below
		}
		for _, m := range definition.FindAllStringSubmatch(string(text), -1) {
			family := slices.IndexFunc(ukernel.Families(), func(f ukernel.Family) bool { return f.String() == m[1] })
			if family < 0 || families[ukernel.Family(family)] == "" {
				continue
			}
			isa, _, _ := strings.Cut(m[2], "_")
			if _, ok := ukernel.ParseISA(isa); !ok {
				ks.foreign[isa]++
				continue
			}
			k, err := ukernel.Parse(m[1] + "_ukernel__" + m[2])
			if err != nil {
				ks.wrong = append(ks.wrong, err.Error())
				continue
			}
			if got, want := parameters(m[3]), families[k.Family]; got != want {
				ks.wrong = append(ks.wrong, fmt.Sprintf("%s has the parameters (%s), package xnnpack calls it with (%s)", k, got, want))
				continue
			}
			ks.kernels = append(ks.kernels, k)
		}
		return nil
	})
	if err != nil {
		return ks, err
	}
	slices.Sort(ks.wrong)
	if len(ks.kernels) == 0 {
		return ks, fmt.Errorf("no kernel in %s", filepath.Join(dir, "src"))
	}
	slices.SortFunc(ks.kernels, func(a, b ukernel.Kernel) int { return strings.Compare(a.Name, b.Name) })
	for i, k := range ks.kernels[1:] {
		if k.Name == ks.kernels[i].Name {
			return ks, fmt.Errorf("%s is defined twice", k)
		}
	}
	return ks, nil
}

// change makes a tree use the source.
func change(tree string, src source, commit string, ks []ukernel.Kernel) error {
	var names strings.Builder
	for _, k := range ks {
		names.WriteString(k.Name + "\n")
	}
	if err := os.WriteFile(filepath.Join(tree, "ukernel/upstream.txt"), []byte(names.String()), 0o644); err != nil {
		return err
	}
	for name, edit := range map[string]struct {
		pattern *regexp.Regexp
		values  map[string]string
	}{
		pinFile:            {assignment, map[string]string{"COMMIT": commit, "VERSION": src.version, "SUITE": src.suite}},
		"xnnpack/build.go": {regexp.MustCompile(`(?m)^const (Commit) = "(.*)"$`), map[string]string{"Commit": commit}},
	} {
		path := filepath.Join(tree, name)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n := 0
		text = edit.pattern.ReplaceAllFunc(text, func(line []byte) []byte {
			n++
			m := edit.pattern.FindSubmatch(line)
			return []byte(strings.Replace(string(line), `"`+string(m[2])+`"`, `"`+edit.values[string(m[1])]+`"`, 1))
		})
		if n != len(edit.values) {
			return fmt.Errorf("%s has %d of %d lines to change", name, n, len(edit.values))
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	if err := run(tree, nil, "third_party/xnnpack/refresh.sh", src.dir); err != nil {
		return err
	}
	return run(tree, nil, "go", "generate", "./xnnpack")
}

// run runs a command in dir. Its output is in the error.
func run(dir string, env []string, name string, args ...string) error {
	_, err := tools.Output(dir, env, name, args...)
	return err
}

// copyTree copies a source tree without what git and Bazel keep there.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		switch {
		case d.Name() == ".git" && d.IsDir():
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case d.Name() == ".git" || !d.Type().IsRegular(): // Bazel's links
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, info.Mode().Perm())
	})
}

// changed is what differs between two manifests.
type changed struct {
	kernels map[string]bool // by name, whether the kernel's own file changed
	shared  []string        // headers and tables that changed, came or went
}

// changedSources compares the manifests of two trees.
func changedSources(root, tree string, ks []ukernel.Kernel) (c changed, err error) {
	before, err := readManifest(root)
	if err != nil {
		return c, err
	}
	after, err := readManifest(tree)
	if err != nil {
		return c, err
	}
	// The hash of a kernel's file, wherever upstream keeps it.
	byBase := make(map[string]string)
	for name, hash := range before {
		byBase[filepath.Base(name)] = hash
	}
	c.kernels = make(map[string]bool)
	files := make(map[string]bool)
	for _, k := range ks {
		base := sourceFile(k)
		files[base] = true
		for name, hash := range after {
			if filepath.Base(name) == base {
				c.kernels[k.Name] = hash != byBase[base]
			}
		}
	}
	shared := func(in, other map[string]string) {
		for name, hash := range in {
			ofKernels := !strings.Contains(name, "/gen/") && !strings.HasPrefix(name, "test/")
			if ofKernels && other[name] != hash && !slices.Contains(c.shared, name) {
				c.shared = append(c.shared, name)
			}
		}
	}
	shared(before, after)
	shared(after, before)
	slices.Sort(c.shared)
	return c, nil
}

// readManifest returns the hashes by file.
func readManifest(root string) (map[string]string, error) {
	manifest := filepath.Join(root, "third_party/xnnpack/SHA256SUMS")
	text, err := os.ReadFile(manifest)
	if err != nil {
		return nil, err
	}
	m := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		hash, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		if !ok {
			return nil, fmt.Errorf("%s: %q is no line of sha256sum's", manifest, line)
		}
		m[name] = hash
	}
	return m, nil
}
