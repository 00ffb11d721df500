//go:build linux

package emulator

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/tools/emulate/internal/guest"
)

func TestGoWatch(t *testing.T) {
	for _, c := range []struct {
		out    string
		status int
		want   Outcome
	}{
		{"", 0, Outcome{}},
		{"ok\n", 2, Outcome{Exit: 2}},
		{"SIGILL: illegal instruction\nPC=0x1\n", 2, Outcome{Signal: syscall.SIGILL}},
		{"panic: x\n[signal SIGSEGV: segmentation violation code=0x1]\n", 2, Outcome{Signal: syscall.SIGSEGV}},
		{"SIGILL: illegal instruction\n", 1, Outcome{Exit: 1}}, // a test that prints it
		{"this is no SIGILL: line\n", 2, Outcome{Exit: 2}},
		{"SIGILL: illegal", 2, Outcome{Exit: 2}}, // no whole line
	} {
		for _, size := range []int{1, 7, 100} {
			var out bytes.Buffer
			g := goWatch{w: &out}
			for chunk := range slices.Chunk([]byte(c.out), size) {
				g.Write(chunk)
			}
			for _, got := range []Outcome{outcome(c.status, &g, new(goWatch)), outcome(c.status, new(goWatch), &g)} {
				if got != c.want {
					t.Errorf("%q, status %d: %+v, want %+v", c.out, c.status, got, c.want)
				}
			}
			if out.String() != c.out {
				t.Errorf("%q became %q", c.out, out.String())
			}
		}
	}
}

// TestOldQEMU has a qemu on PATH that is new enough for one architecture and not for another. There
// is no apt to get a newer one.
func TestOldQEMU(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	for _, c := range []struct {
		arch, name, version string
		ok                  bool
	}{
		{"arm64", "qemu-aarch64-static", "7.2.22 (Debian)", true},
		{"riscv64", "qemu-riscv64-static", "7.2.22 (Debian)", false},
		{"riscv64", "qemu-riscv64", "unknown", false},
		{"riscv64", "qemu-riscv64", "10.0.13", true},
	} {
		bin := t.TempDir()
		script := "#!" + sh + "\necho " + c.name + " version '" + c.version + "'\n"
		want := filepath.Join(bin, c.name)
		if err := os.WriteFile(want, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", bin)
		path, err := QEMUs[c.arch].Provide(t.Context(), t.TempDir(), io.Discard)
		if c.ok != (err == nil && path == want) {
			t.Errorf("%s of version %s: %q, %v", c.name, c.version, path, err)
		}
	}
}

func TestHostTimeout(t *testing.T) {
	for _, c := range []struct {
		args, want []string
		timeout    time.Duration
	}{
		{[]string{"-test.v"}, []string{"-test.v"}, time.Hour},
		{[]string{"-test.timeout=3m0s", "x"}, []string{"-test.timeout=0", "x"}, 3 * time.Minute},
		{[]string{"--test.timeout=0"}, []string{"-test.timeout=0"}, 0},
		{[]string{"-test.timeout=soon"}, []string{"-test.timeout=soon"}, time.Hour},
	} {
		got, timeout := hostTimeout(c.args, time.Hour)
		if !slices.Equal(got, c.want) || timeout != c.timeout {
			t.Errorf("hostTimeout(%q) = %q, %v, want %q, %v", c.args, got, timeout, c.want, c.timeout)
		}
	}
}

// TestCreateTemp checks that a run's directory outlives the start of another
// run, and that what a killed run left does not.
func TestCreateTemp(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	first, removeFirst, err := createTemp()
	if err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(os.TempDir(), "twopass-emulate-1-stale")
	if err := os.MkdirAll(filepath.Join(stale, "inside"), 0o755); err != nil {
		t.Fatal(err)
	}
	second, removeSecond, err := createTemp()
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Errorf("two runs share %s", first)
	}
	if _, err := os.Stat(first); err != nil {
		t.Errorf("a second run removed the first one's directory: %v", err)
	}
	if _, err := os.Stat(stale); err == nil {
		t.Error("the killed run's directory is still there")
	}
	removeFirst()
	removeSecond()
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) != 0 {
		t.Errorf("%v is left behind, %v", left, err)
	}
}

// TestWriteFetched checks that a guest cannot write elsewhere.
func TestWriteFetched(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "out", "sub", "result.json")
	dirs := []string{filepath.Join(dir, "out")}
	if err := writeFetched(dirs, guest.Report{File: name, Content: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(name); err != nil || string(b) != "{}" {
		t.Errorf("%s holds %q, %v", name, b, err)
	}
	for _, bad := range []string{filepath.Join(dir, "out/../elsewhere"), filepath.Join(dir, "output"), "/etc/twopass", ""} {
		if err := writeFetched(dirs, guest.Report{File: bad}); err == nil {
			t.Errorf("the guest wrote %q", bad)
		}
	}
}
