package main

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/twopass-softmax/twopass/tools/emulate/internal/emulator"
	"github.com/twopass-softmax/twopass/tools/emulate/internal/guest"
	"github.com/twopass-softmax/twopass/tools/emulate/internal/prefix"
)

// TestMain lets the test binary play three parts: the tests, the first process
// of the machine that they start (see guest.Init), and the program in it.
func TestMain(m *testing.M) {
	if guest.IsInit() {
		guest.Init()
	}
	if part := os.Getenv("EMULATE_TEST_PART"); part != "" {
		play(part)
	}
	os.Exit(m.Run())
}

// play is the emulated program.
func play(part string) {
	dir, _ := os.Getwd()
	switch part {
	case "exit":
		fmt.Println("to standard output")
		fmt.Fprintln(os.Stderr, "to standard error")
		fmt.Printf("args %q dir %s\n", os.Args[1:], dir)
		os.Exit(3)
	case "avx512":
		// vaddps zmm0, zmm0, zmm0; ret
		execute(0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc0, 0xc3)
		sample, err := os.ReadFile("testdata/sample")
		given, err2 := os.ReadFile("/given/link")
		fmt.Printf("%q %v %q %v\n", sample, err, given, err2)
		fmt.Fprintln(os.Stderr, "to standard error")
		fmt.Printf("args %q dir %s\n", os.Args[1:], dir)
		if out := os.Getenv("TEST_UNDECLARED_OUTPUTS_DIR"); out != "" {
			os.Mkdir(filepath.Join(out, "sub"), 0o755)
			os.WriteFile(filepath.Join(out, "sub/result"), []byte("fetched\x00\n"), 0o644)
		}
		os.Exit(4)
	case "undefined":
		execute(0x00, 0x00, 0x00, 0x00) // udf #0 on arm64
	case "crash":
		var nowhere *int
		*nowhere = 1
	case "killed":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "hang":
		fmt.Println("about to hang")
		time.Sleep(time.Hour)
		fmt.Println("the hour is over") // at once, where the clock runs on in idle time
		//lint:ignore SA5002 a machine that is idle would not be one that hangs
		for {
		}
	}
	os.Exit(99)
}

// execute calls machine code.
func execute(code ...byte) {
	page, err := syscall.Mmap(-1, 0, os.Getpagesize(), syscall.PROT_READ|syscall.PROT_WRITE|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	copy(page, code)
	entry := &page[0]
	function := &entry // a func value is a pointer to a pointer to code
	(*(*func())(unsafe.Pointer(&function)))()
}

// result is what a caller of the command sees.
type result struct {
	status         int
	stdout, stderr string
}

// emulate runs the test binary, or binary if not empty, in the given part.
func emulate(t *testing.T, part, binary, target string, flags []string, args ...string) result {
	t.Helper()
	t.Setenv("EMULATE_TEST_PART", part)
	if binary == "" {
		var err error
		if binary, err = os.Executable(); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var stdout, stderr bytes.Buffer
	all := append(append([]string{target}, flags...), "--", binary)
	status := run(ctx, append(all, args...), &stdout, &stderr)
	t.Logf("emulate %s %q: status %d\n%s%s", part, all, status, stdout.String(), stderr.String())
	return result{status, stdout.String(), stderr.String()}
}

func (r result) want(t *testing.T, status int, stdout, stderr string) {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d", r.status, status)
	}
	if !strings.Contains(r.stdout, stdout) {
		t.Errorf("standard output %q, want %q in it", r.stdout, stdout)
	}
	if !strings.Contains(r.stderr, stderr) {
		t.Errorf("standard error %q, want %q in it", r.stderr, stderr)
	}
}

// needBochs skips a test on a machine that has not been given the emulator: the
// tests do not download 50 MB unasked.
func needBochs(t *testing.T) {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Skip("Bochs is provided for amd64 only")
	}
	base, err := prefix.Cache()
	if err != nil {
		t.Skip("no cache directory: ", err)
	}
	if !emulator.HasBochs(base) {
		t.Skip("no Bochs yet; provide it by: go run ./tools/emulate provide avx512")
	}
	needStatic(t)
}

// needStatic skips a test whose own binary cannot be a guest.
func needStatic(t *testing.T) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if s := f.Section(".interp"); s != nil {
		t.Skip("the test binary is dynamically linked, as with the race detector")
	}
}

// arm64Binary builds this test for arm64.
func arm64Binary(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("qemu-aarch64-static"); err != nil {
		t.Skip("no qemu yet; install Debian's qemu-user-static: ", err)
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command: ", err)
	}
	binary := filepath.Join(t.TempDir(), "emulate.test")
	cmd := exec.Command("go", "test", "-c", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}

func TestAVX512(t *testing.T) {
	needBochs(t)
	t.Run("exit status, output, files", func(t *testing.T) {
		dir := t.TempDir()
		t.Chdir(dir)
		given, out := filepath.Join(dir, "given"), filepath.Join(dir, "outputs")
		for name, text := range map[string]string{"testdata/sample": "sample", "given/file": "given"} {
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("file", filepath.Join(given, "link")); err != nil {
			t.Fatal(err)
		}
		t.Setenv("TEST_UNDECLARED_OUTPUTS_DIR", out)
		r := emulate(t, "avx512", "", "avx512", []string{"--file", "/given=given"}, "a b", "-c", "--", "")
		r.want(t, 4, "\"sample\" <nil> \"given\" <nil>\nargs [\"a b\" \"-c\" \"--\" \"\"] dir "+dir+"\n", "to standard error\n")
		r.want(t, 4, "", "Bochs 2.7 as corei7_skylake_x (")
		if b, err := os.ReadFile(filepath.Join(out, "sub/result")); err != nil || string(b) != "fetched\x00\n" {
			t.Errorf("the result is %q, %v", b, err)
		}
	})
	t.Run("illegal instruction", func(t *testing.T) {
		r := emulate(t, "avx512", "", "avx512", []string{"--cpu", "corei7_haswell_4770"})
		r.want(t, 132, "", "emulate: illegal instruction")
	})
	t.Run("killed", func(t *testing.T) {
		emulate(t, "killed", "", "avx512", nil).want(t, 137, "", "emulate: the program crashed: signal 9 (killed)")
	})
	t.Run("timeout before the start", func(t *testing.T) {
		emulate(t, "hang", "", "avx512", []string{"--timeout", "1s"}).want(t, 124, "", "had not started the program after 1s")
	})
	t.Run("emulator dies", func(t *testing.T) {
		// A CPU without long mode cannot run the ROM to its end.
		r := emulate(t, "exit", "", "avx512", []string{"--cpu", "p4_willamette"})
		r.want(t, 126, "", "emulate: Bochs ended, and the program in it had not")
	})
	t.Run("no memory", func(t *testing.T) {
		emulate(t, "exit", "", "avx512", []string{"--memory", "64"}).want(t, 125, "", "67108864 bytes of memory cannot hold")
	})
}

func TestARM64(t *testing.T) {
	binary := arm64Binary(t)
	run := func(part string, flags ...string) result {
		return emulate(t, part, binary, "arm64", flags, "a b")
	}
	r := run("exit")
	r.want(t, 3, "to standard output\nargs [\"a b\"] dir ", "to standard error\n")
	r.want(t, 3, "", " as neoverse-n1\n")
	run("undefined").want(t, 132, "", "emulate: illegal instruction")
	run("crash").want(t, 139, "", "emulate: the program crashed: signal 11")
	run("hang", "--timeout", "3s").want(t, 124, "about to hang", "emulate: timeout: the program had not ended after 3s")
	run("exit", "--cpu", "none-such").want(t, 1, "", "none-such")
}

// TestEmulatorDies puts a qemu on PATH that is ended by a signal.
func TestEmulatorDies(t *testing.T) {
	binary := arm64Binary(t)
	bin := t.TempDir()
	script := "#!/bin/sh\n[ \"$1\" = --version ] && { echo fake qemu; exit; }\necho \"$SAY\" >&2; kill -SEGV $$\n"
	if err := os.WriteFile(filepath.Join(bin, "qemu-aarch64-static"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	t.Setenv("SAY", "internal error")
	emulate(t, "exit", binary, "arm64", nil).want(t, 126, "", "emulate: qemu ended, and the program in it had not: segmentation fault | internal error")
	t.Setenv("SAY", "qemu: uncaught target signal 11 (Segmentation fault) - core dumped")
	emulate(t, "exit", binary, "arm64", nil).want(t, 139, "", "emulate: the program crashed")
}

func TestSetUpFails(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Run("no packages to be had", func(t *testing.T) {
		t.Setenv("XDG_CACHE_HOME", t.TempDir())
		bash, err := exec.LookPath("bash")
		if err != nil {
			t.Skip(err)
		}
		bin := t.TempDir()
		if err := os.Symlink(bash, filepath.Join(bin, "bash")); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", bin) // without apt
		for _, target := range []string{"avx512", "arm64"} {
			if target == "avx512" && runtime.GOARCH != "amd64" {
				continue
			}
			emulate(t, "exit", "", target, nil).want(t, 125, "", "emulate: the emulator cannot be provided: get ")
		}
	})
	t.Run("usage", func(t *testing.T) {
		for _, args := range [][]string{
			nil, {"sparc64", "x"}, {"avx512"}, {"provide"}, {"provide", "sparc64"}, {"avx512", "--memory", "x", script},
			{"avx512", "--file", "relative=x", script},
		} {
			var stderr bytes.Buffer
			if status := run(context.Background(), args, &stderr, &stderr); status != exitFailed || stderr.Len() == 0 {
				t.Errorf("%q: status %d, want %d; %q", args, status, exitFailed, stderr.String())
			}
		}
	})
	t.Run("not static, or for another CPU", func(t *testing.T) {
		needBochs(t)
		emulate(t, "exit", script, "avx512", nil).want(t, 125, "", script)
		emulate(t, "exit", "/bin/true", "avx512", nil).want(t, 125, "", "dynamically linked")
		emulate(t, "exit", "/no/such/program", "avx512", nil).want(t, 125, "", "/no/such/program")
		emulate(t, "exit", arm64Binary(t), "avx512", nil).want(t, 125, "", "EM_AARCH64")
	})
}

// TestPreferNative runs the program here where this machine's CPU will do.
func TestPreferNative(t *testing.T) {
	for name, target := range targets {
		if !target.native() {
			continue
		}
		r := emulate(t, "exit", "", name, []string{"--prefer-native"}, "x")
		r.want(t, 3, "to standard output", "nothing is emulated")
		emulate(t, "crash", "", name, []string{"--prefer-native"}).want(t, 139, "", "the program crashed")
	}
}
