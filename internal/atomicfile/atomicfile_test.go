package atomicfile

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.json")
	var before os.FileInfo
	for _, text := range []string{"first and long", "second"} {
		if err := Write(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		if err != nil || string(got) != text {
			t.Errorf("%q, %v; want %q", got, err, text)
		}
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if before != nil && os.SameFile(before, info) {
			t.Error("the file was written in place")
		}
		if got := info.Mode().Perm(); got != 0o644 && runtime.GOOS != "windows" {
			t.Errorf("mode %o, want 644", got)
		}
		before = info
	}
	only(t, dir, "a.json")
}

// TestFailure: a failed write leaves what was there and nothing else.
func TestFailure(t *testing.T) {
	dir := t.TempDir()
	if err := Write(filepath.Join(dir, "none", "a"), nil); err == nil {
		t.Error("no error for a directory that does not exist")
	}
	// A directory that is not empty can't be replaced by a file.
	name := filepath.Join(dir, "a")
	if err := os.MkdirAll(filepath.Join(name, "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Write(name, []byte("x")); err == nil {
		t.Error("no error for a name that is a directory")
	}
	only(t, dir, "a")
	only(t, name, "b")
}

// TestLinks: a symbolic link stays one, and what is no regular file stays what it is.
func TestLinks(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	link, file := filepath.Join(dir, "link"), filepath.Join(other, "a.json")
	if err := os.WriteFile(file, []byte("first"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Skip(err) // Windows wants a privilege
	}
	if err := Write(link, []byte("second")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "second" {
		t.Errorf("the link's target is %q, %v", got, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v now, %v", info, err)
	}
	// Never a real device here: without the check root would replace it.
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", link)
	if err != nil {
		t.Skip(err)
	}
	defer socket.Close()
	if err := Write(link, []byte("x")); err == nil {
		t.Error("a socket was replaced")
	}
	only(t, dir, "link")
}

func only(t *testing.T, dir, want string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != want {
		t.Errorf("%s has %v, want %s alone", dir, entries, want)
	}
}
