//go:build linux

package emulator

import (
	"bufio"
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twopass-softmax/twopass/tools/emulate/internal/boot"
	"github.com/twopass-softmax/twopass/tools/emulate/internal/guest"
	"github.com/twopass-softmax/twopass/tools/emulate/internal/prefix"
)

// bochsSet is Bochs with the kernel that it boots. Bochs links half a desktop
// although it shows nothing here; what of it only data files, services and
// maintainer scripts would need is left out.
var bochsSet = prefix.Set{
	Name:     "bochs-2.7-1",
	Suite:    "bookworm",
	Packages: []string{"bochs", "bochs-term", "vgabios", "linux-image-cloud-amd64", "lz4"},
	Without: []string{
		"adwaita-icon-theme", "at-spi2-common", "bochsbios", "dconf-gsettings-backend", "fontconfig",
		"fontconfig-config", "gtk-update-icon-cache", "hicolor-icon-theme", "initramfs-tools", "kmod",
		"libasound2-data", "libcolord2-data", "libcups2", "libgdk-pixbuf2.0-common", "libgtk-3-common",
		"liblcms2-2", "libsystemd-shared", "libthai-data", "libtiff6", "libx11-data", "linux-base",
		"readline-common", "shared-mime-info", "xkb-data",
	},
	Finish: finishBochs,
}

// Files of bochsSet's directory that finishBochs makes.
const (
	packedKernel = "boot/vmlinuz"
	kernelFile   = "boot/vmlinux"
)

// finishBochs decompresses the kernel and checks that Bochs starts.
func finishBochs(ctx context.Context, dir string) error {
	packed, err := filepath.Glob(filepath.Join(dir, "boot/vmlinuz-*"))
	if err != nil || len(packed) != 1 {
		return fmt.Errorf("%d kernels in the packages, want 1", len(packed))
	}
	if err := os.Rename(packed[0], filepath.Join(dir, packedKernel)); err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(dir, packedKernel))
	if err != nil {
		return err
	}
	payload, err := boot.Payload(b)
	if err != nil {
		return fmt.Errorf("%s: %w", packed[0], err)
	}
	cmd := prefix.Command(ctx, dir, "usr/bin/lz4", "-dc")
	cmd.Stdin = bytes.NewReader(payload)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	kernel, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("decompress the kernel: %w: %s", err, tail(stderr.Bytes()))
	}
	if err := os.WriteFile(filepath.Join(dir, kernelFile), kernel, 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(dir, "lib/modules")); err != nil {
		return err
	}
	if out, err := prefix.Command(ctx, dir, "usr/bin/bochs-bin", "--help", "cpu").CombinedOutput(); err != nil {
		return fmt.Errorf("start Bochs: %w: %s", err, tail(out))
	}
	return nil
}

// ProvideBochs makes Bochs available in a directory below base and returns it.
func ProvideBochs(ctx context.Context, base string, log io.Writer) (string, error) {
	if runtime.GOARCH != "amd64" {
		return "", fmt.Errorf("Bochs is provided for linux/amd64 only, this is linux/%s", runtime.GOARCH)
	}
	return prefix.Provide(ctx, base, bochsSet, log)
}

const (
	// instructionsPerSecond relates the guest's clock to the instructions it has
	// executed. Bochs reaches some 50 million a second on a machine of 2023, so
	// that the guest's clock runs at about the pace of ours.
	instructionsPerSecond = 50_000_000
	// memoryBlock is the unit in which Bochs hands out the guest's memory, and
	// hole is the range of addresses in which there is none to hand out, between
	// lowMemoryEnd and 1 MiB rounded to blocks.
	memoryBlock = 128 << 10
	holeStart   = 0xa0000
	holeEnd     = 0x100000
)

// kernelOptions make the kernel start sooner: there is no hardware to look for
// and no attacker to keep out.
var kernelOptions = []string{
	"console=ttyS0,115200",
	"panic=-1", "reboot=t", // end at once: Bochs stops at a triple fault
	"nokaslr", "mitigations=off",
	"acpi=off", "pci=off",
	"no_timer_check", "tsc=reliable", fmt.Sprintf("tsc_early_khz=%d", instructionsPerSecond/1000),
	"random.trust_cpu=on",
	"cryptomgr.notests=1",
	// Not to be used, of what Bochs 2.7 announces: fast short REP MOVSB, with which
	// the kernel does not come up; and protection keys and the compact forms of
	// XSAVE, whose sizes do not add up, so that the kernel would give up AVX.
	"clearcpuid=fsrm,pku,xsaves,xsavec",
	// They take time and set up nothing that a test binary needs.
	"initcall_blacklist=load_system_certificate_list,trace_eval_init,init_kprobe_trace,cubictcp_register,bpf_rstat_kfunc_init,tracer_init_tracefs",
}

// RunBochs runs a linux/amd64 program under Bochs, provided in dir. The
// executable self becomes the guest's first process and must call guest.Init.
func RunBochs(ctx context.Context, dir, self string, p Program, m Machine) (Outcome, error) {
	for _, path := range []string{p.Path, self} {
		if err := checkStatic(path, elf.EM_X86_64); err != nil {
			return Outcome{}, err
		}
	}
	p.Args, m.Timeout = hostTimeout(p.Args, m.Timeout)
	p.Env = append(p.Env, EmulatorVariable+"=Bochs 2.7 "+m.CPU)
	work, remove, err := createTemp()
	if err != nil {
		return Outcome{}, err
	}
	defer remove()
	if err := writeImages(work, dir, self, p, m); err != nil {
		return Outcome{}, err
	}
	if m.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, m.Timeout)
		defer cancel()
	}
	return runBochs(ctx, work, dir, p, m)
}

// writeImages writes the guest's memory, ROM and configuration into work.
func writeImages(work, dir, self string, p Program, m Machine) error {
	initrd, err := archive(self, p)
	if err != nil {
		return err
	}
	bzImage, err := os.ReadFile(filepath.Join(dir, packedKernel))
	if err != nil {
		return err
	}
	kernel, err := elf.Open(filepath.Join(dir, kernelFile))
	if err != nil {
		return err
	}
	defer kernel.Close()
	options := kernelOptions
	if m.Console == nil {
		options = append([]string{"quiet", "loglevel=0"}, options...)
	}
	machine := boot.Machine{
		BzImage: bzImage, Kernel: kernel, Initrd: initrd,
		CommandLine: strings.Join(options, " "), Memory: m.Memory,
	}
	ram, err := os.Create(filepath.Join(work, "ram"))
	if err != nil {
		return err
	}
	defer ram.Close()
	// Bochs reads the file into the memory that it will hand out, block by block,
	// in the order in which addresses are first used. The ROM uses all of them in
	// ascending order, so that the file is the memory without the hole.
	place := func(addr uint64) int64 {
		if addr >= holeEnd {
			return int64(addr) - (holeEnd - holeStart)
		}
		return int64(addr)
	}
	if err := machine.WriteRAM(ram, place); err != nil {
		return err
	}
	rom, err := machine.ROM(memoryBlock)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(work, "rom"), rom, 0o600); err != nil {
		return err
	}
	mib := m.Memory >> 20
	config := fmt.Sprintf(`config_interface: textconfig
display_library: term
plugin_ctrl: speaker=0, parallel=0, gameport=0, biosdev=0, iodebug=0
memory: guest=%d, host=%d
cpu: model=%s, count=1, ips=%d, reset_on_triple_fault=0, ignore_bad_msrs=1
romimage: file=%[5]s/rom
vgaromimage: file=%[6]s/usr/share/vgabios/vgabios.bin
optramimage1: file=%[5]s/ram, address=0
pci: enabled=0
clock: sync=none
log: %[5]s/log
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
`, mib, mib, m.CPU, instructionsPerSecond, work, dir)
	for i := range serialPorts {
		// The pipes are the process's first files after the standard three.
		config += fmt.Sprintf("com%d: enabled=1, mode=file, dev=/dev/fd/%d\n", i+1, 3+i)
	}
	if err := os.WriteFile(filepath.Join(work, "config"), []byte(config), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(work, "debugger"), []byte("c\n"), 0o600)
}

// archive is the guest's file system.
func archive(self string, p Program) ([]byte, error) {
	var a boot.Archive
	add := func(guestName, hostName string) error {
		b, err := os.ReadFile(hostName)
		if err == nil {
			a.File(guestName, b)
		}
		return err
	}
	if err := add(guest.InitPath, self); err != nil {
		return nil, err
	}
	if err := add(p.Path, p.Path); err != nil {
		return nil, err
	}
	for guestName, hostName := range p.Files {
		root, err := filepath.EvalSymlinks(hostName)
		if err != nil {
			return nil, err
		}
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			name := guestName + strings.TrimPrefix(path, root)
			info, err := os.Stat(path) // follows links: Bazel's runfiles are links
			switch {
			case err != nil:
				return err
			case d.IsDir():
				a.Dir(name)
			case info.Mode().IsRegular():
				return add(name, path)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	job, err := json.Marshal(guest.Job{Path: p.Path, Args: p.Args, Env: p.Env, Dir: p.Dir, Fetch: p.Fetch})
	if err != nil {
		return nil, err
	}
	a.File(guest.JobPath, job)
	return a.Bytes(), nil
}

// serialPorts is the number of serial ports that package guest uses: its
// reports, standard output, standard error.
const serialPorts = 3

// errEnded ends the emulator when the guest has reported the program's end.
var errEnded = errors.New("the program has ended")

func runBochs(ctx context.Context, work, dir string, p Program, m Machine) (Outcome, error) {
	ended, end := context.WithCancelCause(ctx)
	defer end(nil)
	cmd := prefix.Command(ended, dir, "usr/bin/bochs-bin",
		"-q", "-f", filepath.Join(work, "config"), "-rc", filepath.Join(work, "debugger"))
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "TERM=xterm",
		"LTDL_LIBRARY_PATH="+filepath.Join(dir, prefix.LibDir, "bochs/plugins"),
		"BXSHARE="+filepath.Join(dir, "usr/share/bochs"))
	var screen bytes.Buffer
	cmd.Stdout, cmd.Stderr = &screen, &screen
	// Bochs must not outlive us, however we end. The kernel sends the signal when
	// the thread that started Bochs ends, hence the locked thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}

	var ports [serialPorts]*os.File
	for i := range ports {
		r, w, err := os.Pipe()
		if err != nil {
			return Outcome{}, err
		}
		defer r.Close()
		defer w.Close()
		ports[i] = r
		cmd.ExtraFiles = append(cmd.ExtraFiles, w)
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return Outcome{}, fmt.Errorf("start Bochs: %w", err)
	}
	for _, w := range cmd.ExtraFiles {
		w.Close()
	}

	var last guest.Report // the message that ends it all
	var started bool
	var fetchErr error
	stdout, stderr := &goWatch{w: p.Stdout}, &goWatch{w: p.Stderr}
	var readers sync.WaitGroup
	var kernelSaid []byte
	readers.Add(serialPorts)
	go func() { defer readers.Done(); io.Copy(stdout, ports[1]) }()
	go func() { defer readers.Done(); io.Copy(stderr, ports[2]) }()
	go func() {
		defer readers.Done()
		lines := bufio.NewReader(ports[0])
		for {
			line, err := lines.ReadString('\n')
			switch r, ok := guest.ParseLine(line); {
			case !ok:
				if s := strings.TrimSpace(line); s != "" {
					kernelSaid = fmt.Appendf(kernelSaid, "%s\n", s)
					if m.Console != nil {
						fmt.Fprintln(m.Console, s)
					}
				}
			case r.Ended:
				last = r
				end(errEnded)
			case r.CPU != "":
				started = true
				fmt.Fprintf(m.Log, "Bochs 2.7 as %s (%s), started in %.1f s\n", m.CPU, r.CPU, time.Since(start).Seconds())
			case r.File != "":
				fetchErr = errors.Join(fetchErr, writeFetched(p.Fetch, r))
			case r.Err != "":
				fetchErr = errors.Join(fetchErr, errors.New(r.Err))
			}
			if err != nil {
				return
			}
		}
	}()
	cmd.Wait() // its status says nothing: we end it when the guest has reported
	readers.Wait()

	switch {
	case last.Ended && last.Err != "":
		return Outcome{}, fmt.Errorf("in the guest: %s", last.Err)
	case last.Ended && last.Signal != 0:
		return Outcome{Signal: syscall.Signal(last.Signal)}, fetchErr
	case last.Ended:
		return outcome(last.Exit, stdout, stderr), fetchErr
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return Outcome{}, &TimeoutError{m.Timeout, started}
	case ctx.Err() != nil:
		return Outcome{}, ctx.Err()
	}
	log, _ := os.ReadFile(filepath.Join(work, "log"))
	said := tail(kernelSaid)
	if said == "" {
		said = tail(append(screen.Bytes(), log...))
	}
	return Outcome{}, &DiedError{"Bochs", said}
}

// writeFetched writes a file that the guest has sent, if it is below one of
// the directories asked for.
func writeFetched(dirs []string, r guest.Report) error {
	for _, dir := range dirs {
		if name, err := filepath.Rel(dir, r.File); err == nil && filepath.IsLocal(name) {
			if err := os.MkdirAll(filepath.Dir(r.File), 0o755); err != nil {
				return err
			}
			return os.WriteFile(r.File, r.Content, 0o644)
		}
	}
	return fmt.Errorf("the guest sent %q, which is below none of %q", r.File, dirs)
}

// tail returns the last lines of what a program printed, on one line.
func tail(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-4):], " | ")
}

// HasBochs reports whether ProvideBochs finds Bochs below base without getting it.
func HasBochs(base string) bool {
	_, err := os.Stat(filepath.Join(base, bochsSet.Name))
	return err == nil
}
