package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/twopass-softmax/twopass/tools/emulate/internal/emulator"
	"github.com/twopass-softmax/twopass/tools/emulate/internal/guest"
	"github.com/twopass-softmax/twopass/tools/emulate/internal/prefix"
	"github.com/twopass-softmax/twopass/ukernel"
)

// Exit statuses that are not the program's, see the package comment.
const (
	exitTimeout = 124
	exitFailed  = 125
	exitDied    = 126
	exitSignal  = 128
)

func main() {
	if guest.IsInit() {
		guest.Init()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings passed in. It returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	log := prefixed{stderr}
	outcome, err := command(ctx, args, stdout, stderr, log)
	var timeout *emulator.TimeoutError
	var died *emulator.DiedError
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &timeout):
		fmt.Fprintln(log, err)
		return exitTimeout
	case errors.As(err, &died):
		fmt.Fprintln(log, err)
		return exitDied
	case err != nil:
		fmt.Fprintln(log, err)
		return exitFailed
	case outcome.Signal == syscall.SIGILL:
		fmt.Fprintln(log, "illegal instruction: the program uses one that this CPU does not have (SIGILL)")
	case outcome.Signal != 0:
		fmt.Fprintf(log, "the program crashed: signal %d (%v)\n", int(outcome.Signal), outcome.Signal)
	}
	if outcome.Signal != 0 {
		return exitSignal + int(outcome.Signal)
	}
	return outcome.Exit
}

// prefixed begins each line with the command's name; each Write is a line.
type prefixed struct{ w io.Writer }

func (p prefixed) Write(b []byte) (int, error) {
	if _, err := fmt.Fprintf(p.w, "emulate: %s", b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// target is an architecture to emulate.
type target struct {
	cpu    string // the CPU shown by default
	memory int    // in MiB; 0 where the emulator sets no limit
	// native reports whether this machine's own CPU will do.
	native func() bool
}

var targets = map[string]target{
	// A Skylake-X has the instructions that the kernels use (F, CD, BW, DQ, VL) and
	// no others. With an Ice Lake, Go's garbage collector uses some that Bochs 2.7
	// gets wrong: it then reports "marked free object in span".
	"avx512": {cpu: "corei7_skylake_x", memory: 512, native: func() bool {
		return ukernel.AVX512F.Supported() && ukernel.AVX256SKX.Supported()
	}},
	"arm64":   {cpu: "neoverse-n1", native: ukernel.NEON.Supported},
	"riscv64": {cpu: "rv64", native: func() bool { return runtime.GOARCH == "riscv64" }},
	"s390x":   {cpu: "max", native: func() bool { return runtime.GOARCH == "s390x" }},
}

const usage = `usage: emulate avx512|arm64|riscv64|s390x [FLAGS] [--] BINARY [ARGS...]
       emulate provide [--prefer-native] avx512|arm64|riscv64|s390x|arm64-gcc
runs a static Linux program on a CPU that this machine does not have`

func command(ctx context.Context, args []string, stdout, stderr io.Writer, log io.Writer) (emulator.Outcome, error) {
	var none emulator.Outcome
	if len(args) == 0 {
		return none, errors.New(usage)
	}
	name := args[0]
	if name == "provide" {
		return none, provideCommand(ctx, args[1:], stdout, stderr, log)
	}
	t, ok := targets[name]
	if !ok {
		return none, fmt.Errorf("no target %q\n%s", name, usage)
	}

	flags := flag.NewFlagSet("emulate "+name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	var files []string
	flags.Func("file", "show the host's file or folder under a `guest=host` name (repeatable)", func(s string) error {
		if g, h, ok := strings.Cut(s, "="); !ok || !filepath.IsAbs(g) || h == "" {
			return fmt.Errorf("%q is not /guest/path=host/path", s)
		}
		files = append(files, s)
		return nil
	})
	cpu := flags.String("cpu", t.cpu, "CPU `model` to show, or help for a list")
	memory := flags.Int("memory", t.memory, "memory of the machine in `MiB`")
	timeout := flags.Duration("timeout", 0, "end the program after this time, 0 for never; a test's -test.timeout replaces it")
	native := preferNative(flags)
	verbose := flags.Bool("verbose", false, "print the emulated machine's kernel messages to standard error")
	flags.Usage = func() {
		fmt.Fprintln(stderr, usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args[1:]); err != nil {
		return none, err
	}
	if *cpu != "help" && flags.NArg() == 0 {
		return none, errors.New(usage)
	}

	m := emulator.Machine{CPU: *cpu, Memory: int64(*memory) << 20, Timeout: *timeout, Log: log}
	if *verbose {
		m.Console = stderr
	}
	if *native && t.native() {
		p, err := program(flags.Args(), files, stdout, stderr)
		if err != nil {
			return none, err
		}
		fmt.Fprintln(log, nothingEmulated)
		return emulator.RunNative(ctx, p, m)
	}
	path, err := provide(ctx, name, log)
	if err != nil {
		return none, fmt.Errorf("the emulator cannot be provided: %w", err)
	}
	if *cpu == "help" {
		return none, emulator.ListCPUs(ctx, name, path, stdout)
	}
	p, err := program(flags.Args(), files, stdout, stderr)
	if err != nil {
		return none, err
	}
	if q, ok := emulator.QEMUs[name]; ok {
		return q.Run(ctx, path, p, m)
	}
	self, err := os.Executable()
	if err != nil {
		return none, err
	}
	return emulator.RunBochs(ctx, path, self, p, m)
}

// preferNative is the flag that -prefer-native sets.
func preferNative(flags *flag.FlagSet) *bool {
	return flags.Bool("prefer-native", false, "use this machine's CPU, and no emulator, if it will do")
}

// provideCommand provides an emulator and prints where.
func provideCommand(ctx context.Context, args []string, stdout, stderr, log io.Writer) error {
	flags := flag.NewFlagSet("emulate provide", flag.ContinueOnError)
	flags.SetOutput(stderr)
	native := preferNative(flags)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New(usage)
	}
	name := flags.Arg(0)
	if t, ok := targets[name]; ok && *native && t.native() {
		fmt.Fprintln(log, nothingEmulated)
		return nil
	}
	path, err := provide(ctx, name, log)
	if err == nil {
		fmt.Fprintln(stdout, path)
	}
	return err
}

const nothingEmulated = "this machine's CPU has what is needed, nothing is emulated"

// provide returns the directory of what a target needs, which it makes if need
// be. Only this asks for the user's cache directory: a Bazel test on a CPU that
// will do has none.
func provide(ctx context.Context, name string, log io.Writer) (string, error) {
	base, err := prefix.Cache()
	if err != nil {
		return "", err
	}
	if q, ok := emulator.QEMUs[name]; ok {
		return q.Provide(ctx, base, log)
	}
	switch name {
	case "avx512":
		return emulator.ProvideBochs(ctx, base, log)
	case "arm64-gcc":
		return emulator.ProvideGCC(ctx, base, log)
	}
	return "", fmt.Errorf("no target %q\n%s", name, usage)
}

// program is the program with what it finds around it.
func program(args, files []string, stdout, stderr io.Writer) (emulator.Program, error) {
	p := emulator.Program{Args: args[1:], Files: make(map[string]string), Stdout: stdout, Stderr: stderr}
	var err error
	if p.Path, err = filepath.Abs(args[0]); err != nil {
		return p, err
	}
	if p.Dir, err = os.Getwd(); err != nil {
		return p, err
	}
	if dir := filepath.Join(p.Dir, "testdata"); isDir(dir) {
		p.Files[dir] = dir
	}
	for _, f := range files {
		guestName, hostName, _ := strings.Cut(f, "=")
		if p.Files[guestName], err = filepath.Abs(hostName); err != nil {
			return p, err
		}
	}
	p.Env = os.Environ()
	return p, bazelTest(&p)
}

// bazelTest arranges what Bazel's test protocol expects of a test
// (https://bazel.build/reference/test-encyclopedia) and rules_go of its own.
func bazelTest(p *emulator.Program) error {
	set := func(key, value string) { p.Env = append(p.Env, key+"="+value) }
	// rules_go's test program would start itself as a second process, which on
	// another CPU would not be emulated.
	set("GO_TEST_WRAP", "0")
	if dir := os.Getenv("TEST_SRCDIR"); dir != "" {
		p.Files[dir] = dir
	}
	if dir := os.Getenv("TEST_UNDECLARED_OUTPUTS_DIR"); dir != "" {
		p.Fetch = append(p.Fetch, dir)
	}
	// A test that can be sharded says so by making this file.
	if name := os.Getenv("TEST_SHARD_STATUS_FILE"); name != "" {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			return err
		}
		set("TEST_SHARD_STATUS_FILE", "/tmp/shards")
	}
	// Bazel keeps the time limit; the guest's clock is not ours.
	if os.Getenv("TEST_TIMEOUT") != "" {
		set("TEST_TIMEOUT", fmt.Sprint(int((24 * time.Hour).Seconds())))
	}
	return nil
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
