// Package tools has what this repository's tools share.
package tools

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// AptPrivate is apt-private.sh, whose functions get Debian packages without
// root; programs in Go hand it to bash.
//
//go:embed apt-private.sh
var AptPrivate string

// Root returns the source tree that the user is in: the directory with go.work,
// or, where that is a symbolic link as in the runfiles of a Bazel test, the
// directory that the link leads to.
func Root() (string, error) {
	dir := os.Getenv("BUILD_WORKING_DIRECTORY") // `bazel run` starts programs elsewhere
	if dir == "" {
		var err error
		if dir, err = os.Getwd(); err != nil {
			return "", err
		}
	}
	for d := dir; ; d = filepath.Dir(d) {
		work, err := filepath.EvalSymlinks(filepath.Join(d, "go.work"))
		if err == nil {
			return filepath.Dir(work), nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("no go.work at or above %s", dir)
		}
	}
}

// Output runs a command in a folder, with env added to the environment, and returns its standard output. If the
// command fails, the error has both of its outputs.
func Output(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, &stderr, out)
	}
	return string(out), err
}

// Watch makes the go command's cache of test results look at the files of folders of the source tree. By itself it
// looks at those alone that a test opens by a name that begins with its own module's folder, so names are not cleaned.
func Watch(folders ...string) error {
	root, err := Root()
	if err != nil {
		return err
	}
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	up, err := filepath.Rel(here, root)
	if err != nil {
		return err
	}
	for _, f := range folders {
		if _, err := os.ReadDir(here + filepath.FromSlash("/"+filepath.ToSlash(up)+"/"+f)); err != nil {
			return err
		}
	}
	return nil
}

// WatchTree is Watch for every folder of the source tree whose name does not begin with a dot.
func WatchTree() error {
	root, err := Root()
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || !d.IsDir():
			return err
		case strings.HasPrefix(d.Name(), ".") && path != root:
			return filepath.SkipDir
		}
		folder, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		return Watch(folder)
	})
}
