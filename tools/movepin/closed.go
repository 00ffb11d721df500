package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

var include = regexp.MustCompile(`(?m)^\s*#\s*include\s+["<]([^">]+)[">]`)

// includePaths are those of third_party/xnnpack/xnnpack.BUILD, in the source.
var includePaths = []string{".", "include", "src"}

// checkClosed holds that the manifest of a tree has every file of the source that one
// of its files includes: a build would find the others in the source on this machine
// alone.
func checkClosed(tree, source string) error {
	manifest, err := readManifest(tree)
	if err != nil {
		return err
	}
	var missing []string
	for name := range manifest {
		if ext := path.Ext(name); !slices.Contains([]string{".c", ".cc", ".h", ".inc"}, ext) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return err
		}
		for _, at := range included(source, name, text) {
			if !slices.ContainsFunc(at, func(file string) bool { return manifest[file] != "" }) {
				missing = append(missing, fmt.Sprintf("%s includes %s", name, at[0]))
			}
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("SHA256SUMS, which third_party/xnnpack/refresh.sh wrote, lacks files that are included:\n%s", strings.Join(missing, "\n"))
	}
	return nil
}
