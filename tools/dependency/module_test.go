package dependency

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// this is the module that services import, at a version that no one publishes.
var this = module.Version{Path: "github.com/twopass-softmax/twopass", Version: "v0.0.1"}

// proxy makes a directory that serves a release of the working tree's modules as
// a module proxy does.
func proxy(t *testing.T) (dir string) {
	t.Helper()
	tree := t.TempDir()
	output(t, root(t), nil, "sh", "-c", `tar -cf - --exclude=./.git --exclude='./bazel-*' . | tar -C "$1" -xf -`, "sh", tree)
	output(t, tree, []string{"GOWORK="}, filepath.Join(tree, "tools", "release-modules"), this.Version)
	dir = t.TempDir()
	for _, line := range strings.Split(strings.TrimSpace(output(t, tree, []string{"GOWORK="}, "go", "list", "-m", "-f", "{{.Path}} {{.Dir}}")), "\n") {
		path, source, _ := strings.Cut(line, " ")
		m := module.Version{Path: path, Version: this.Version}
		versions := filepath.Join(dir, filepath.FromSlash(m.Path), "@v")
		goMod, err := os.ReadFile(filepath.Join(source, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(versions, "list"), m.Version+"\n")
		write(t, filepath.Join(versions, m.Version+".info"), fmt.Sprintf(`{"Version": %q}`, m.Version))
		write(t, filepath.Join(versions, m.Version+".mod"), string(goMod))
		f, err := os.Create(filepath.Join(versions, m.Version+".zip"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		// Without what the module does not have: nested modules, version control.
		if err := zip.CreateFromDir(f, m, source); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestArchive: what services download has none of the folders that they don't need.
func TestArchive(t *testing.T) {
	dir := root(t)
	files, err := zip.CheckDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(files.Valid, filepath.Join(dir, "native", "softmax.go")) {
		t.Error("it lacks native")
	}
	for _, folder := range []string{"compare", "examples", "results", "tools"} {
		inside := filepath.Join(dir, folder) + string(filepath.Separator)
		if i := slices.IndexFunc(files.Valid, func(name string) bool { return strings.HasPrefix(name, inside) }); i >= 0 {
			t.Errorf("it has %s", files.Valid[i])
		}
	}
}

// clean is the environment of the go command on a machine that has nothing: a
// module cache of its own, that is filled from the proxy and, with the other
// modules that those in dirs need, from the machine's.
func clean(t *testing.T, dirs ...string) (env []string) {
	t.Helper()
	for _, dir := range dirs {
		output(t, filepath.Join(root(t), dir), []string{"GOWORK=off", "GOFLAGS="}, "go", "mod", "download")
	}
	cache := strings.TrimSpace(output(t, root(t), nil, "go", "env", "GOMODCACHE"))
	return []string{
		"GOPROXY=file://" + filepath.ToSlash(proxy(t)) + ",file://" + filepath.ToSlash(cache) + "/cache/download",
		"GOMODCACHE=" + t.TempDir(),
		"GOSUMDB=off",
		"GONOPROXY=none",
		"GOWORK=off",
		"GOTOOLCHAIN=local",
		// With -trimpath the build cache knows the packages again next time.
		"GOFLAGS=-modcacherw -trimpath",
	}
}

// moduleConsumer is consumer as a module that has got this one from a proxy, and
// the environment for the go command there.
func moduleConsumer(t *testing.T) (dir string, env []string) {
	t.Helper()
	env = clean(t, ".")
	dir = consumer(t)
	output(t, dir, env, "go", "mod", "init", "example.com/service")
	output(t, dir, env, "go", "get", this.Path+"@latest")
	output(t, dir, env, "go", "mod", "tidy")
	return dir, env
}

// TestInstall: `go install` makes the command out of a release, and it runs.
func TestInstall(t *testing.T) {
	env := clean(t, ".", "compare")
	bin := t.TempDir()
	output(t, bin, append(env, "GOBIN="+bin, "CGO_ENABLED=0"), "go", "install", this.Path+"/compare/cmd/compare@latest")
	program := filepath.Join(bin, "compare")
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Main; got.Path != this.Path+"/compare" || got.Version != this.Version || got.Replace != nil {
		t.Errorf("the command is of module %s %s, want %s/compare %s", got.Path, got.Version, this.Path, this.Version)
	}
	output(t, bin, nil, program, "info")
}

// TestModule: a service that gets the module from a proxy gets two modules more,
// and its program builds without a C compiler for all that we name, and runs.
func TestModule(t *testing.T) {
	dir, env := moduleConsumer(t)

	modules := strings.Fields(output(t, dir, env, "go", "list", "-m", "-f", "{{.Path}}", "all"))
	want := []string{"example.com/service", "github.com/klauspost/cpuid/v2", this.Path, "golang.org/x/sys"}
	if !slices.Equal(modules, want) {
		t.Errorf("the service's modules are %q; README.md promises %q", modules, want)
	}

	for _, platform := range []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"} {
		goos, goarch, _ := strings.Cut(platform, "/")
		t.Run(platform, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "service.exe")
			env := append(slices.Clip(env), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
			output(t, dir, env, "go", "build", "-o", program, ".")
			if platform != runtime.GOOS+"/"+runtime.GOARCH {
				return
			}
			got := output(t, dir, nil, program)
			if without, ok := strings.CutPrefix(got, printsNative+printsWithout); !ok || strings.TrimSpace(without) == "" {
				t.Errorf("the program printed\n%s\nwant\n%s%s and why", got, printsNative, printsWithout)
			}
		})
	}
}
