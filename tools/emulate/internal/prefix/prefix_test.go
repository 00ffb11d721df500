//go:build linux

package prefix

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fakeApt puts a script in the place of apt and dpkg.
func fakeApt(t *testing.T, script string) {
	t.Helper()
	if _, err := os.Stat("/usr/share/keyrings/debian-archive-keyring.gpg"); err != nil {
		t.Skip("this machine is no Debian: ", err)
	}
	bin := t.TempDir()
	for _, name := range []string{"apt-get", "dpkg", "dpkg-deb"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/bash\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
}

// working stands for an apt that has one package, which holds one file.
const working = `
case "${0##*/} $*" in
"apt-get --print-uris update") echo "'http://mirror.invalid/debian/dists/bookworm/InRelease' x" ;;
apt-get*"-s install"*) echo "Inst pkg (1.0 Debian [all])" ;;
apt-get*download*) echo pkg >pkg_1.0_all.deb; echo x >>"$COUNT" ;;
"dpkg-deb -x"*) mkdir -p "$3/usr/bin"; cp "$2" "$3/usr/bin/pkg" ;;
dpkg*) echo amd64 ;;
esac
`

func TestProvide(t *testing.T) {
	base, count := t.TempDir(), filepath.Join(t.TempDir(), "count")
	t.Setenv("COUNT", count)
	fakeApt(t, working)
	set := Set{Name: "set-1", Suite: "bookworm", Packages: []string{"pkg"}, Without: []string{"other"}}
	// What an interrupted call leaves.
	if err := os.MkdirAll(filepath.Join(base, "set-1.partial", "debs"), 0o755); err != nil {
		t.Fatal(err)
	}
	var calls sync.WaitGroup
	for range 4 {
		calls.Add(1)
		go func() {
			defer calls.Done()
			var log bytes.Buffer
			dir, err := Provide(context.Background(), base, set, &log)
			if err != nil {
				t.Errorf("%v\n%s", err, log.String())
				return
			}
			if b, err := os.ReadFile(filepath.Join(dir, "usr/bin/pkg")); err != nil || string(b) != "pkg\n" {
				t.Errorf("the package's file holds %q, %v", b, err)
			}
		}()
	}
	calls.Wait()
	if b, err := os.ReadFile(count); err != nil || string(b) != "x\n" {
		t.Errorf("downloads: %q, %v, want one", b, err)
	}
	if _, err := os.Stat(filepath.Join(base, "set-1.partial")); err == nil {
		t.Error("the partial directory is left")
	}
}

func TestProvideFails(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		apt    string
		finish func(context.Context, string) error
		want   error
	}{
		"no mirror":     {"", nil, nil},
		"finish fails":  {working, func(context.Context, string) error { return broken }, broken},
		"no candidates": {`case "$*" in *--print-uris*) echo "'http://mirror.invalid/debian/dists/bookworm/InRelease'" ;; *-s*) exit 100 ;; esac`, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			t.Setenv("COUNT", "/dev/null")
			fakeApt(t, c.apt)
			var log bytes.Buffer
			_, err := Provide(context.Background(), base, Set{Name: "set", Suite: "bookworm", Packages: []string{"pkg"}, Finish: c.finish}, &log)
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			for _, left := range []string{"set", "set.partial"} {
				if _, err := os.Stat(filepath.Join(base, left)); err == nil {
					t.Errorf("%s is left behind", left)
				}
			}
		})
	}
}

func TestProvideInterrupted(t *testing.T) {
	base := t.TempDir()
	fakeApt(t, "sleep 60\n")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Provide(ctx, base, Set{Name: "set", Suite: "bookworm", Packages: []string{"pkg"}}, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if _, err := os.Stat(filepath.Join(base, "set.partial")); err == nil {
		t.Error("the partial directory is left")
	}
}

// TestPrivate holds that nothing is run from where another user may have put it.
func TestPrivate(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base")
	set := Set{Name: "set"}
	if err := os.MkdirAll(filepath.Join(base, set.Name), 0o755); err != nil {
		t.Fatal(err)
	}
	provide := func() error {
		_, err := Provide(context.Background(), base, set, io.Discard)
		return err
	}
	if err := provide(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{base, filepath.Join(base, set.Name)} {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := provide(); err == nil || !strings.Contains(err.Error(), dir+" has mode 777") {
			t.Errorf("%s of mode 777: error %v", dir, err)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("a directory of another user's, which only root can make")
	}
	if err := os.Chown(base, 65534, -1); err != nil {
		t.Skip("a directory of another user's: ", err) // in a user namespace
	}
	if err := provide(); err == nil || !strings.Contains(err.Error(), "belongs to the user with id 65534") {
		t.Errorf("another user's directory: error %v", err)
	}
}
