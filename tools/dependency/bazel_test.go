//go:build with_bazel

package dependency

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBazel: a workspace of the files that docs/bazel.md shows builds the
// program with both packages, by an output tree of its own.
func TestBazel(t *testing.T) {
	dir := consumer(t)
	starlark, text := blocks(t, "docs/bazel.md", "starlark"), blocks(t, "docs/bazel.md", "text")
	if len(starlark) != 2 || len(text) != 1 {
		t.Fatalf("docs/bazel.md has %d blocks of starlark and %d of text, want a WORKSPACE, a BUILD.bazel and a .bazelrc", len(starlark), len(text))
	}
	const path = `path = "../twopass"`
	if strings.Count(starlark[0], path) != 1 {
		t.Fatalf("docs/bazel.md's WORKSPACE does not say %s", path)
	}
	write(t, filepath.Join(dir, "WORKSPACE"), strings.Replace(starlark[0], path, `path = "`+root(t)+`"`, 1))
	write(t, filepath.Join(dir, ".bazelrc"), text[0])
	write(t, filepath.Join(dir, "BUILD.bazel"), starlark[1])

	bazel := filepath.Join(root(t), "tools", "bazel")
	startup := "--output_base=" + t.TempDir()
	// Read-only directories, and a server, are no matter for TempDir.
	t.Cleanup(func() { output(t, dir, nil, bazel, startup, "clean", "--expunge") })
	args := []string{
		startup, "run", "--noshow_progress", "--ui_event_filters=-info",
		// As in this repository's .bazelrc, so that the disk cache has what its own build made.
		"--incompatible_strict_action_env",
	}
	// Upstream's source, if this workspace has fetched it already.
	source := filepath.Join(strings.TrimSpace(output(t, root(t), nil, bazel, "info", "output_base")), "external", "xnnpack")
	if _, err := os.Stat(source); err == nil {
		args = append(args, "--repo_env=XNNPACK_SOURCE_DIR="+source)
	}
	got := output(t, dir, nil, bazel, append(args, "//:service")...)
	if want := printsNative + printsXNNPACK; got != want {
		t.Errorf("the program printed\n%s\nwant\n%s", got, want)
	}
}
