//go:build linux

// Package prefix provides programs from Debian's packages in a directory of
// the user's, without root and without a change to the machine.
package prefix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/twopass-softmax/twopass/tools"
)

// Set is what to provide.
type Set struct {
	// Name of its directory; it must change when anything below does.
	Name string
	// Suite is the Debian release, such as "bookworm".
	Suite string
	// Packages are unpacked with all that they depend on.
	Packages []string
	// Without lists packages that are taken for installed: they are left out,
	// with all that only they need.
	Without []string
	// Finish, if not nil, completes the directory before it is put in place.
	Finish func(ctx context.Context, dir string) error
}

// Cache returns the directory that holds what this project keeps for a user.
func Cache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "twopass", "emulate"), nil
}

// private returns an error for a directory that others own or can write to.
func private(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to the user with id %d, who could change what is run from it; set XDG_CACHE_HOME to a directory of your own", dir, stat.Uid)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("%s has mode %o, so that others could change what is run from it; set XDG_CACHE_HOME to a directory of your own, or: chmod go-w %s", dir, mode, dir)
	}
	return nil
}

// Provide returns the set's directory, which holds the unpacked packages. It
// makes it if it is not there, and says so on log.
//
// Two calls at a time, also in two processes, make it once. A call that is
// interrupted leaves a partial directory, which the next one removes.
func Provide(ctx context.Context, base string, set Set, log io.Writer) (string, error) {
	dir := filepath.Join(base, set.Name)
	if err := os.MkdirAll(base, 0o755); err != nil {
		return "", err
	}
	// What lies there is run, so that nobody else may have put it there.
	if err := private(base); err != nil {
		return "", err
	}
	if _, err := os.Stat(dir); err == nil {
		return dir, private(dir)
	}
	unlock, err := lock(dir + ".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil // another process was faster
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	fmt.Fprintf(log, "providing %s (Debian %s: %s) in %s\n", set.Name, set.Suite, strings.Join(set.Packages, ", "), dir)
	partial := dir + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return "", err
	}
	defer os.RemoveAll(partial)
	if err := os.MkdirAll(partial, 0o755); err != nil {
		return "", err
	}
	if err := unpack(ctx, partial, set, log); err != nil {
		return "", err
	}
	if set.Finish != nil {
		if err := set.Finish(ctx, partial); err != nil {
			return "", err
		}
	}
	return dir, os.Rename(partial, dir)
}

// lock takes an exclusive lock, which ends with the process at the latest.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() { f.Close() }, nil
}

// unpackScript gets packages by a private apt and unpacks them. Its arguments:
// the directory, the suite, packages; on standard input the left-out packages.
const unpackScript = `
set -euo pipefail
dir=$1 suite=$2
shift 2
mkdir "$dir/debs"
apt_private_setup "$dir/apt" "$suite"
arch=$(dpkg --print-architecture)
while read -r package; do
  printf 'Package: %s\nStatus: install ok installed\nVersion: 99:0\nArchitecture: %s\nMulti-Arch: foreign\n' "$package" "$arch"
  printf 'Maintainer: nobody\nDescription: left out\n\n'
done >"$dir/apt/status"
apt_private_get "$dir/apt" -s install "$@" |
  awk '/^Inst /{gsub(/[(]/,"",$3); print $2 "=" $3}' >"$dir/packages.txt"
[ -s "$dir/packages.txt" ]
mapfile -t packages <"$dir/packages.txt"
(cd "$dir/debs" && apt_private_get "$dir/apt" download "${packages[@]}")
for deb in "$dir"/debs/*.deb; do dpkg-deb -x "$deb" "$dir"; done
rm -rf "$dir/debs" "$dir/apt" "$dir"/usr/share/{doc,man,info,locale,lintian}
`

func unpack(ctx context.Context, dir string, set Set, log io.Writer) error {
	args := append([]string{"-c", tools.AptPrivate + unpackScript, "unpack", dir, set.Suite}, set.Packages...)
	cmd := exec.CommandContext(ctx, "bash", args...)
	cmd.Stdin = strings.NewReader(strings.Join(append(set.Without, ""), "\n"))
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// The whole group: apt-get and its methods are the shell's children.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("get %s from Debian %s: %w", strings.Join(set.Packages, ", "), set.Suite, err)
	}
	return nil
}

// LibDir is where a set's shared libraries are: the place in Debian's amd64
// packages. Those that the system itself needs stand in CoreLibDir.
const (
	LibDir     = "usr/lib/x86_64-linux-gnu"
	CoreLibDir = "lib/x86_64-linux-gnu"
)

// Command runs a program of a set on amd64, by its path in there, with the
// set's own libraries and dynamic linker: the machine's may be of another age.
func Command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	libraries := filepath.Join(dir, LibDir) + ":" + filepath.Join(dir, CoreLibDir)
	return exec.CommandContext(ctx, filepath.Join(dir, CoreLibDir, "ld-linux-x86-64.so.2"),
		append([]string{"--library-path", libraries, filepath.Join(dir, program)}, args...)...)
}
