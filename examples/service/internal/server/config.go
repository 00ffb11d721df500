package server

import (
	"flag"
	"fmt"
	"log/slog"
	"math"
	"net"
	"runtime"
	"time"
)

// Config is what can be set. The zero Config is of no use: start from the
// defaults, as [ParseFlags] does.
type Config struct {
	Addr   string // of the service
	Admin  string // of metrics and pprof; a loopback address
	Engine string // see [NewEngine]
	Log    slog.Level

	Workers int // rows are computed by so many goroutines at once
	Queue   int // so many requests more are admitted

	MaxRows, MaxCols, MaxK int
	MaxBody, MaxJSON       int64 // bytes of a raw and of a JSON body

	Stall    time.Duration // for which a client may neither send nor take anything
	Deadline time.Duration // for a request, from its header to the end of its answer
	Idle     time.Duration // for a connection without a request
	Drain    time.Duration // of not being ready, before a shutdown closes the listener
	Shutdown time.Duration // for the admitted requests to end after that
}

// flags binds c to flags, whose defaults become those of c.
func (c *Config) flags(f *flag.FlagSet) {
	f.StringVar(&c.Addr, "addr", "127.0.0.1:8080", "`address` to serve on")
	f.StringVar(&c.Admin, "admin", "127.0.0.1:8081", "loopback `address` of metrics and pprof")
	f.StringVar(&c.Engine, "engine", "native", "`engine` that computes: native or xnnpack")
	f.TextVar(&c.Log, "log", slog.LevelInfo, "`level` of the log: debug has a line for every request")

	f.IntVar(&c.Workers, "workers", runtime.GOMAXPROCS(0), "`number` of goroutines that compute at once")
	f.IntVar(&c.Queue, "queue", 64, "`number` of requests admitted beyond the workers; more get 503")

	f.IntVar(&c.MaxRows, "max-rows", 1<<20, "`rows` of a request, at most")
	f.IntVar(&c.MaxCols, "max-cols", 1<<18, "`columns` of a row, at most")
	f.IntVar(&c.MaxK, "max-k", 1024, "`elements` of a row for top-k, at most")
	f.Int64Var(&c.MaxBody, "max-body", 1<<30, "`bytes` of a raw body, at most; it is never in memory as a whole")
	f.Int64Var(&c.MaxJSON, "max-json", 1<<20, "`bytes` of a JSON body, at most; it is in memory as a whole")

	f.DurationVar(&c.Stall, "stall", 5*time.Second, "`time` for which a client may neither send nor take anything")
	f.DurationVar(&c.Deadline, "deadline", 20*time.Second, "`time` for a request as a whole")
	f.DurationVar(&c.Idle, "idle", time.Minute, "`time` after which a connection without a request is closed")
	f.DurationVar(&c.Drain, "drain", time.Second, "`time` to go on serving after SIGTERM, while /readyz says no")
	f.DurationVar(&c.Shutdown, "shutdown", 25*time.Second, "`time` for the admitted requests to end after that")
}

// ParseFlags makes a Config of a command's arguments.
func ParseFlags(f *flag.FlagSet, args []string) (Config, error) {
	var c Config
	c.flags(f)
	if err := f.Parse(args); err != nil {
		return Config{}, err
	}
	if f.NArg() > 0 {
		return Config{}, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return c, c.validate()
}

// validate tells what can't be, by the flags' names.
func (c *Config) validate() error {
	for _, n := range []struct {
		flag       string
		value, min int64
	}{
		{"workers", int64(c.Workers), 1},
		{"queue", int64(c.Queue), 0},
		{"max-rows", int64(c.MaxRows), 1},
		{"max-cols", int64(c.MaxCols), 1},
		{"max-k", int64(c.MaxK), 1},
		{"max-body", c.MaxBody, 4},
		{"max-json", c.MaxJSON, 1},
		{"stall", int64(c.Stall), int64(time.Millisecond)},
		{"deadline", int64(c.Deadline), int64(time.Millisecond)},
		{"idle", int64(c.Idle), int64(time.Millisecond)},
		{"drain", int64(c.Drain), 0},
		{"shutdown", int64(c.Shutdown), int64(time.Millisecond)},
	} {
		if n.value < n.min {
			return fmt.Errorf("-%s is %d, it must be at least %d", n.flag, n.value, n.min)
		}
	}
	// So that shapes within the limits need no further thought about overflow:
	// an element has up to 8 bytes in an answer.
	const most = math.MaxInt32 / 8
	for _, n := range []struct {
		flag  string
		value int
	}{{"workers", c.Workers}, {"queue", c.Queue}, {"max-rows", c.MaxRows}, {"max-cols", c.MaxCols}} {
		if n.value > most {
			return fmt.Errorf("-%s is %d, it must be at most %d", n.flag, n.value, most)
		}
	}
	return c.validateAdmin()
}

func (c *Config) validateAdmin() error {
	host, _, err := net.SplitHostPort(c.Admin)
	if err != nil {
		return fmt.Errorf("-admin: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("-admin is %q: profiles are not for strangers, it must be a loopback address such as 127.0.0.1:8081", c.Admin)
	}
	return nil
}
