package dependency

import (
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

// this is the module, at a version that no one publishes.
var this = module.Version{Path: "github.com/twopass-softmax/twopass", Version: "v0.0.1"}

// proxy makes a directory that serves the working tree's root module as a module
// proxy does.
func proxy(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	versions := filepath.Join(dir, filepath.FromSlash(this.Path), "@v")
	goMod, err := os.ReadFile(filepath.Join(root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(versions, "list"), this.Version+"\n")
	write(t, filepath.Join(versions, this.Version+".info"), fmt.Sprintf(`{"Version": %q}`, this.Version))
	write(t, filepath.Join(versions, this.Version+".mod"), string(goMod))
	f, err := os.Create(filepath.Join(versions, this.Version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// Without what the root module does not have: nested modules, version control.
	if err := zip.CreateFromDir(f, this, root(t)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// moduleConsumer is consumer as a module that has got this one from a proxy. The
// environment is what the go command needs there: a module cache of its own, that
// is filled from the proxy and, with the modules that this one needs, from the
// machine's.
func moduleConsumer(t *testing.T) (dir string, env []string) {
	t.Helper()
	output(t, root(t), []string{"GOWORK=off", "GOFLAGS="}, "go", "mod", "download")
	cache := strings.TrimSpace(output(t, root(t), nil, "go", "env", "GOMODCACHE"))
	env = []string{
		"GOPROXY=file://" + filepath.ToSlash(proxy(t)) + ",file://" + filepath.ToSlash(cache) + "/cache/download",
		"GOMODCACHE=" + t.TempDir(),
		"GOSUMDB=off",
		"GONOPROXY=none",
		"GOWORK=off",
		"GOTOOLCHAIN=local",
		// With -trimpath the build cache knows the packages again next time.
		"GOFLAGS=-modcacherw -trimpath",
	}
	dir = consumer(t)
	output(t, dir, env, "go", "mod", "init", "example.com/service")
	output(t, dir, env, "go", "get", this.Path+"@latest")
	output(t, dir, env, "go", "mod", "tidy")
	return dir, env
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
