//go:build linux

// Package emulator runs a static Linux program on a CPU that this machine does
// not have, in software.
package emulator

import (
	"cmp"
	"context"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twopass-softmax/twopass/tools/emulate/internal/prefix"
)

// EmulatorVariable is the environment variable that tells a program which
// emulator it runs under, and on which CPU model.
const EmulatorVariable = "TWOPASS_EMULATOR"

// RunUnderVariable is the environment variable with the words of a command that a
// program has to begin another one with, itself for example, where the system would not
// run it: under qemu.
const RunUnderVariable = "TWOPASS_RUN_UNDER"

// Program is what to run.
type Program struct {
	Path string // of a static executable
	Args []string
	Env  []string
	Dir  string // working directory, absolute
	// Files are the host's files and directories that the guest sees, by their
	// absolute names in the guest. qemu's guest sees every file of the host.
	Files map[string]string
	// Fetch are directories whose files are brought back to the same
	// directories of the host when the program has ended.
	Fetch          []string
	Stdout, Stderr io.Writer
}

// Machine says on what to run it.
type Machine struct {
	CPU     string        // the emulator's name of the CPU model
	Memory  int64         // in bytes
	Timeout time.Duration // for the whole run, in this machine's time; 0 is none
	// Log gets a line that says which CPU is shown.
	Log io.Writer
	// Console gets the kernel's messages, if not nil.
	Console io.Writer
}

// Outcome is how a program ended.
type Outcome struct {
	// Signal that ended it, 0 if it exited by itself. A Go program that stops
	// at a signal exits with status 2; that counts as the signal here.
	Signal syscall.Signal
	// Exit is the exit status otherwise.
	Exit int
}

// TimeoutError says that the program, or the machine below it, ran too long.
type TimeoutError struct {
	Limit time.Duration
	// Started is false if not even the machine had come up.
	Started bool
}

func (e *TimeoutError) Error() string {
	if !e.Started {
		return fmt.Sprintf("timeout: the emulated machine had not started the program after %v", e.Limit)
	}
	return fmt.Sprintf("timeout: the program had not ended after %v", e.Limit)
}

// DiedError says that the emulator ended and the program had not.
type DiedError struct {
	Emulator string
	// Tail is the end of what the emulator printed.
	Tail string
}

func (e *DiedError) Error() string {
	return fmt.Sprintf("%s ended, and the program in it had not: %s", e.Emulator, e.Tail)
}

// checkStatic returns an error unless the file is a static Linux program for
// the architecture.
func checkStatic(path string, machine elf.Machine) error {
	f, err := elf.Open(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer f.Close()
	if f.Machine != machine {
		return fmt.Errorf("%s is a program for %v, not for %v", path, f.Machine, machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is dynamically linked; build it with CGO_ENABLED=0, or with -ldflags='-linkmode=external -extldflags=-static'", path)
		}
	}
	return nil
}

// goSignal matches the line in which a Go program says that a signal ends it.
var goSignal = regexp.MustCompile(`^(?:\[signal )?(SIG[A-Z]+): `)

var signals = map[string]syscall.Signal{
	"SIGILL": syscall.SIGILL, "SIGSEGV": syscall.SIGSEGV, "SIGBUS": syscall.SIGBUS,
	"SIGFPE": syscall.SIGFPE, "SIGABRT": syscall.SIGABRT, "SIGTRAP": syscall.SIGTRAP,
	"SIGQUIT": syscall.SIGQUIT,
}

// goWatch passes on what a program writes, and remembers the signal that a Go
// program says it ends with.
type goWatch struct {
	w      io.Writer
	line   []byte // the beginning of the current line
	signal syscall.Signal
}

func (g *goWatch) Write(b []byte) (int, error) {
	for _, c := range b {
		if c != '\n' {
			if len(g.line) < 80 {
				g.line = append(g.line, c)
			}
			continue
		}
		if m := goSignal.FindSubmatch(g.line); m != nil {
			g.signal = signals[string(m[1])]
		}
		g.line = g.line[:0]
	}
	return g.w.Write(b)
}

// outcome makes an Outcome of a program's exit status and of what it wrote: the go command joins its two outputs.
func outcome(status int, stdout, stderr *goWatch) Outcome {
	if signal := cmp.Or(stderr.signal, stdout.signal); status == 2 && signal != 0 {
		return Outcome{Signal: signal}
	}
	return Outcome{Exit: status}
}

// hostTimeout takes a test binary's time limit out of its arguments: the
// guest's clock does not run at the pace of ours. Timeout is def if there is none.
func hostTimeout(args []string, def time.Duration) (guest []string, timeout time.Duration) {
	timeout = def
	for _, arg := range args {
		if m := testTimeout.FindStringSubmatch(arg); m != nil {
			if d, err := time.ParseDuration(m[1]); err == nil {
				timeout, arg = d, "-test.timeout=0"
			}
		}
		guest = append(guest, arg)
	}
	return guest, timeout
}

var testTimeout = regexp.MustCompile(`^--?test\.timeout=(.*)$`)

// createTemp makes a directory for one run. Those of runs that were killed,
// which hold no lock on it any more, are removed first.
func createTemp() (dir string, remove func(), err error) {
	const pattern = "twopass-emulate-"
	entries, err := os.ReadDir(os.TempDir())
	if err != nil {
		return "", nil, err
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), pattern) {
			continue
		}
		stale := filepath.Join(os.TempDir(), e.Name())
		if f, err := lockDir(stale); err == nil {
			os.RemoveAll(stale)
			f.Close()
		}
	}
	for range 10 {
		if dir, err = os.MkdirTemp("", pattern+strconv.Itoa(os.Getpid())+"-"); err != nil {
			return "", nil, err
		}
		// Another run may have taken it for stale before it was locked.
		f, err := lockDir(dir)
		if err != nil {
			continue
		}
		if _, err := os.Stat(dir); err != nil {
			f.Close()
			continue
		}
		return dir, func() { os.RemoveAll(dir); f.Close() }, nil
	}
	return "", nil, fmt.Errorf("no directory can be made in %s", os.TempDir())
}

// lockDir locks a directory against removal until the file is closed.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// ListCPUs writes the CPU models that the emulator of a target, at path, can show.
func ListCPUs(ctx context.Context, target, path string, w io.Writer) error {
	cmd := exec.CommandContext(ctx, path, "-cpu", "help")
	if target == "avx512" {
		cmd = prefix.Command(ctx, path, "usr/bin/bochs-bin", "--help", "cpu")
	}
	cmd.Stdout, cmd.Stderr = w, w
	return cmd.Run()
}
