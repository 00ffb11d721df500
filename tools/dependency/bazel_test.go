//go:build with_bazel

package dependency

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBazel: a module and a workspace of the files that docs/bazel.md shows
// build the program with both packages, each by an output tree of its own.
func TestBazel(t *testing.T) {
	starlark, text := blocks(t, "docs/bazel.md", "starlark"), blocks(t, "docs/bazel.md", "text")
	if len(starlark) != 3 || len(text) != 2 {
		t.Fatalf("docs/bazel.md has %d blocks of starlark and %d of text, want BUILD.bazel, MODULE.bazel, WORKSPACE, and two of .bazelrc", len(starlark), len(text))
	}
	build, module, workspace := starlark[0], starlark[1], starlark[2]

	t.Run("module", func(t *testing.T) {
		registry := strings.TrimSpace(output(t, root(t), nil, filepath.Join(root(t), "tools", "registry")))
		testBazel(t, map[string]string{
			"BUILD.bazel":  build,
			"MODULE.bazel": module,
			".bazelrc":     text[0],
		}, "--enable_bzlmod", "--noenable_workspace", "--lockfile_mode=off", "--repo_env=GO_REPOSITORY_USE_HOST_CACHE=1",
			"--registry=file://"+registryOfThis(t, module), registry)
	})
	t.Run("workspace", func(t *testing.T) {
		const path = `path = "../twopass"`
		if strings.Count(workspace, path) != 1 {
			t.Fatalf("docs/bazel.md's WORKSPACE does not say %s", path)
		}
		testBazel(t, map[string]string{
			"BUILD.bazel": strings.Replace(build, "@rules_go", "@io_bazel_rules_go", 1),
			"WORKSPACE":   strings.Replace(workspace, path, `path = "`+root(t)+`"`, 1),
			".bazelrc":    text[1],
		})
	})
}

// registryOfThis makes a registry of Bazel modules that has this one, as a
// release, at the version that the module file of a consumer asks for.
func registryOfThis(t *testing.T, consumer string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	_, version, _ := strings.Cut(consumer, `bazel_dep(name = "twopass", version = "`)
	version, _, found := strings.Cut(version, `"`)
	file, err := os.ReadFile(filepath.Join(root(t), "MODULE.bazel"))
	if err != nil {
		t.Fatal(err)
	}
	const name = `module(name = "twopass"`
	if !found || strings.Count(string(file), name+")") != 1 {
		t.Fatalf("docs/bazel.md names no version of the module, or MODULE.bazel does not say %s)", name)
	}
	entry := filepath.Join(dir, "modules", "twopass", version)
	write(t, filepath.Join(dir, "bazel_registry.json"), "{}")
	write(t, filepath.Join(entry, "MODULE.bazel"), strings.Replace(string(file), name, fmt.Sprintf("%s, version = %q", name, version), 1))
	write(t, filepath.Join(entry, "source.json"), fmt.Sprintf(`{"type": "local_path", "path": %q}`, root(t)))
	return dir
}

// testBazel builds and runs the program with files beside it.
func testBazel(t *testing.T, files map[string]string, options ...string) {
	dir := consumer(t)
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
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
	got := output(t, dir, nil, bazel, append(append(args, options...), "//:service")...)
	if want := printsNative + printsXNNPACK; got != want {
		t.Errorf("the program printed\n%s\nwant\n%s", got, want)
	}
}
