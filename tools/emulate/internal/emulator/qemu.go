//go:build linux

package emulator

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/twopass-softmax/twopass/tools/emulate/internal/prefix"
)

var qemuSet = prefix.Set{
	Name:     "qemu-7.2-1",
	Suite:    "bookworm",
	Packages: []string{"qemu-user-static"},
}

// newQEMUSet is for RISC-V: riscv_hwprobe, the system call by which programs find the vector
// extension, tells of it from qemu 9 on. Its programs are static, too.
var newQEMUSet = prefix.Set{
	Name:     "qemu-10.0-1",
	Suite:    "trixie",
	Packages: []string{"qemu-user"},
	Finish: func(_ context.Context, dir string) error {
		all, err := filepath.Glob(filepath.Join(dir, "usr/bin/qemu-*"))
		for _, name := range all { // 15 MB each
			if filepath.Base(name) != "qemu-riscv64" {
				err = errors.Join(err, os.Remove(name))
			}
		}
		return err
	},
}

// QEMU is the user-mode emulator of an architecture.
type QEMU struct {
	name    string // of the emulator
	machine elf.Machine
	set     prefix.Set
	file    string // in the set
	least   int    // the major version
}

// QEMUs are by Go's names of the architectures.
var QEMUs = map[string]QEMU{
	"arm64":   {"qemu-aarch64", elf.EM_AARCH64, qemuSet, "usr/bin/qemu-aarch64-static", 0},
	"riscv64": {"qemu-riscv64", elf.EM_RISCV, newQEMUSet, "usr/bin/qemu-riscv64", 9},
	"s390x":   {"qemu-s390x", elf.EM_S390, qemuSet, "usr/bin/qemu-s390x-static", 0},
}

// Provide returns the path of the emulator for static programs: PATH's if that is new enough, or one
// that it makes available in a directory below base.
func (q QEMU) Provide(ctx context.Context, base string, log io.Writer) (string, error) {
	for _, n := range []string{q.name + "-static", q.name} {
		path, err := exec.LookPath(n)
		if err != nil {
			continue
		}
		if q.least == 0 {
			return path, nil
		}
		version, err := exec.CommandContext(ctx, path, "--version").Output()
		if err != nil {
			return "", fmt.Errorf("%s --version: %w", path, err)
		}
		_, number, _ := strings.Cut(string(version), " version ")
		major, _, _ := strings.Cut(number, ".")
		if v, err := strconv.Atoi(major); err == nil && v >= q.least {
			return path, nil
		}
	}
	dir, err := prefix.Provide(ctx, base, q.set, log)
	return filepath.Join(dir, q.file), err
}

// qemuUncaught is how qemu says that a signal has ended the program, and not
// qemu itself.
var qemuUncaught = []byte("qemu: uncaught target signal ")

// Run runs a Linux program under qemu's user-mode emulation, at path, which
// translates instructions and hands system calls to this machine's kernel.
func (q QEMU) Run(ctx context.Context, path string, p Program, m Machine) (Outcome, error) {
	if err := checkStatic(p.Path, q.machine); err != nil {
		return Outcome{}, err
	}
	version, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return Outcome{}, fmt.Errorf("%s --version: %w", path, err)
	}
	first, _, _ := bytes.Cut(version, []byte("\n"))
	fmt.Fprintf(m.Log, "%s as %s\n", first, m.CPU)
	p.Env = append(p.Env, EmulatorVariable+"=qemu "+m.CPU, RunUnderVariable+"="+path+" -cpu "+m.CPU)
	for guestName, hostName := range p.Files {
		if guestName != hostName {
			return Outcome{}, fmt.Errorf("%s cannot be shown as %s: under qemu the program sees the files of this machine", hostName, guestName)
		}
	}
	cmd := exec.Command(path, append([]string{"-cpu", m.CPU, p.Path}, p.Args...)...)
	return runDirect(ctx, "qemu", cmd, p, m)
}

// RunNative runs a program on this machine's CPU.
func RunNative(ctx context.Context, p Program, m Machine) (Outcome, error) {
	return runDirect(ctx, "", exec.Command(p.Path, p.Args...), p, m)
}

// runDirect runs a command whose status is the program's. If a signal ends it,
// emulator (if not empty) has to say that it was the program's.
func runDirect(ctx context.Context, emulator string, direct *exec.Cmd, p Program, m Machine) (Outcome, error) {
	if m.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, m.Timeout)
		defer cancel()
	}
	cmd := exec.CommandContext(ctx, direct.Path, direct.Args[1:]...)
	stdout, stderr := &goWatch{w: p.Stdout}, &goWatch{w: p.Stderr}
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout = p.Dir, p.Env, os.Stdin, stdout
	said := &suffix{w: stderr}
	cmd.Stderr = said
	runtime.LockOSThread() // as in runBochs
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return Outcome{}, &TimeoutError{m.Timeout, true}
	case ctx.Err() != nil:
		return Outcome{}, ctx.Err()
	case cmd.ProcessState == nil:
		return Outcome{}, err
	}
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case status.Signaled() && emulator != "" && !bytes.Contains(said.last, qemuUncaught):
		return Outcome{}, &DiedError{emulator, fmt.Sprintf("%v | %s", status.Signal(), tail(said.last))}
	case status.Signaled():
		return Outcome{Signal: status.Signal()}, nil
	}
	return outcome(status.ExitStatus(), stdout, stderr), nil
}

// suffix passes on what is written and keeps the end of it.
type suffix struct {
	w    io.Writer
	last []byte
}

func (s *suffix) Write(b []byte) (int, error) {
	const keep = 1024
	s.last = append(s.last, b...)
	s.last = s.last[max(0, len(s.last)-keep):]
	return s.w.Write(b)
}
