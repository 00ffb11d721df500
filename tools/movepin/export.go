package main

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/ukernel"
)

// export copies what a source has of this tree's kernels to a directory, with all that
// they include, for a build that compares them with the twins: Bazel's
// --config=upstream_head. The file missing.c there stands in for the others, so that
// package xnnpack can be linked, and tells why they are missing.
func export(root, to string, o options, out io.Writer) error {
	tmp, err := os.MkdirTemp("", "movepin-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	_, src, found, err := look(root, tmp, o)
	if err != nil {
		return err
	}
	files, err := filesByName(src.dir)
	if err != nil {
		return err
	}
	want := []string{"LICENSE", "src/tables/exp2-k-over-64.c"}
	var texts, stubs strings.Builder
	missing := 0
	for _, k := range ukernel.Upstream() {
		if slices.ContainsFunc(found.kernels, func(f ukernel.Kernel) bool { return f.Name == k.Name }) {
			if len(files[sourceFile(k)]) != 1 {
				return fmt.Errorf("%d files %s below %s for kernel %s, not 1", len(files[sourceFile(k)]), sourceFile(k), src.dir, k)
			}
			want = append(want, files[sourceFile(k)][0])
			continue
		}
		why := "upstream has it no more"
		for _, line := range found.wrong {
			if rest, ok := strings.CutPrefix(line, k.Name+" "); ok {
				why, _, _ = strings.Cut(rest, ", package")
			}
		}
		missing++
		fmt.Fprintf(&texts, "\n  %q", k.Name+": "+why+"\n")
		fmt.Fprintf(&stubs, "void xnn_%s(void) { __builtin_trap(); }\n", k)
	}
	for _, name := range closure(src.dir, want) {
		text, err := os.ReadFile(filepath.Join(src.dir, name))
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(to, name), text); err != nil {
			return err
		}
	}
	if missing == 0 {
		texts.WriteString(` ""`)
	}
	text := "// What this source lacks of the kernels that package xnnpack knows, by tools/movepin -export.\n" +
		"const char xnn_softmax_missing[] =" + texts.String() + ";\n\n" + stubs.String()
	if err := writeFile(filepath.Join(to, "missing.c"), []byte(text)); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d of %d kernels in %s\n", len(ukernel.Upstream())-missing, len(ukernel.Upstream()), src.text)
	return nil
}

func writeFile(name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o644)
}

// sourceFile is the name of a kernel's file, in whatever folder it is.
func sourceFile(k ukernel.Kernel) string {
	return strings.ReplaceAll(strings.Replace(k.Name, "_ukernel__", "-", 1), "_", "-") + ".c"
}

// filesByName lists the C files of a source by their last name.
func filesByName(dir string) (map[string][]string, error) {
	files := make(map[string][]string)
	err := filepath.WalkDir(filepath.Join(dir, "src"), func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".c" {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		files[d.Name()] = append(files[d.Name()], filepath.ToSlash(rel))
		return err
	})
	return files, err
}

// included lists where a file of the source may find what it includes: for each
// include the files that there are, in the order in which the compiler looks.
func included(dir, name string, text []byte) (found [][]string) {
	for _, m := range include.FindAllStringSubmatch(string(text), -1) {
		var at []string
		for _, in := range append([]string{path.Dir(name)}, includePaths...) {
			file := path.Join(in, m[1])
			if info, err := os.Stat(filepath.Join(dir, file)); err == nil && info.Mode().IsRegular() {
				at = append(at, file)
			}
		}
		if len(at) > 0 { // else the compiler's, a stub of ours, or for another configuration
			found = append(found, at)
		}
	}
	return found
}

// closure adds to files of the source what they include.
func closure(dir string, files []string) []string {
	all := slices.Clone(files)
	for i := 0; i < len(all); i++ {
		text, err := os.ReadFile(filepath.Join(dir, all[i]))
		if err != nil {
			continue // which the caller finds out
		}
		for _, at := range included(dir, all[i], text) {
			if !slices.Contains(all, at[0]) {
				all = append(all, at[0])
			}
		}
	}
	return all
}
