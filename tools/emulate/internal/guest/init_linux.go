package guest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// IsInit reports whether this process is the first one of an emulated machine.
func IsInit() bool {
	return os.Getpid() == 1 && len(os.Args) > 0 && os.Args[0] == InitPath
}

// Init runs the job and reports its end. It does not return: once it has
// reported, the emulator is ended from outside.
func Init() {
	report, err := openSerial("/dev/ttyS0")
	if err == nil {
		err = runJob(report)
	}
	if err != nil {
		// Without /dev/ttyS0 this reaches nobody, and the caller sees a machine
		// that never reports.
		send(report, Report{Err: err.Error(), Ended: true})
	}
	for {
		time.Sleep(time.Hour)
	}
}

func send(port *os.File, r Report) {
	port.WriteString("\n" + r.Line())
	drain(port)
}

// runJob returns an error only if the program could not be run.
func runJob(port *os.File) error {
	for _, m := range []string{"proc", "sysfs"} {
		dir := "/" + strings.TrimSuffix(m, "fs")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := syscall.Mount(m, dir, m, 0, ""); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	b, err := os.ReadFile(JobPath)
	if err != nil {
		return err
	}
	var job Job
	if err := json.Unmarshal(b, &job); err != nil {
		return fmt.Errorf("%s: %w", JobPath, err)
	}
	stdout, err := openSerial("/dev/ttyS1")
	if err != nil {
		return err
	}
	stderr, err := openSerial("/dev/ttyS2")
	if err != nil {
		return err
	}
	for _, dir := range append([]string{"/tmp", job.Dir}, job.Fetch...) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	send(port, Report{CPU: modelName()})

	cmd := &exec.Cmd{
		Path:   job.Path,
		Args:   append([]string{job.Path}, job.Args...),
		Env:    job.Env,
		Dir:    job.Dir,
		Stdout: stdout,
		Stderr: stderr,
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	end := Report{Ended: true}
	if err := cmd.Wait(); cmd.ProcessState == nil {
		return err
	}
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
		end.Signal = int(status.Signal())
	} else {
		end.Exit = status.ExitStatus()
	}
	drain(stdout)
	drain(stderr)
	for _, dir := range job.Fetch {
		fetch(port, dir)
	}
	send(port, end)
	return nil
}

// fetch reports every file below dir.
func fetch(port *os.File, dir string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err == nil {
			send(port, Report{File: path, Content: b})
		}
		return err
	})
	if err != nil {
		send(port, Report{Err: err.Error()})
	}
}

// modelName is what the first CPU calls itself.
func modelName() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return err.Error()
	}
	for line := range strings.Lines(string(b)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	return "unnamed CPU"
}

// openSerial opens a serial port at its highest speed and lets bytes pass
// unchanged. Devices appear in /dev once devtmpfs is mounted there.
func openSerial(name string) (*os.File, error) {
	if _, err := os.Stat(name); err != nil {
		if err := os.MkdirAll("/dev", 0o755); err != nil {
			return nil, err
		}
		if err := syscall.Mount("devtmpfs", "/dev", "devtmpfs", 0, ""); err != nil {
			return nil, fmt.Errorf("mount /dev: %w", err)
		}
	}
	// By number and not with os.OpenFile, which would make it non-blocking.
	fd, err := syscall.Open(name, syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t := unix.Termios{Cflag: unix.B115200 | unix.CS8 | unix.CREAD | unix.CLOCAL}
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &t); err != nil {
		return nil, fmt.Errorf("%s: set the line up: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// drain waits until everything written to the port has left it.
func drain(port *os.File) {
	_ = unix.IoctlSetInt(int(port.Fd()), unix.TCSBRK, 1) // with an argument other than 0 this is tcdrain(3)
}
