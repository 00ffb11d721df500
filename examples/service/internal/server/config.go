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

	Workers int // computing at once
	Queue   int // requests that may wait for a worker

	Conns       int     // connections
	Bodies      int     // requests whose body is not complete
	Memory      int64   // bytes that requests may hold
	ClientShare float64 // of these three, for one client's address

	MaxRows, MaxCols, MaxK     int
	MaxBody, MaxJSON, MaxInfer int64 // bytes of a stream, of JSON, of a binary tensor

	Stall    time.Duration // for which a client may neither send nor take anything
	MinRate  int64         // bytes a second that a body must have beyond Stall
	Deadline time.Duration // for a request, from its header to the end of its answer
	Idle     time.Duration // for a connection without a request
	Drain    time.Duration // of not being ready, before a shutdown closes the listener
	Shutdown time.Duration // for the accepted requests to end after that
}

// MemoryLimit is what the process should need: requests, two buffers and two
// stacks for each connection, told ones included, and the program itself. Main
// sets it as Go's memory limit.
func (c *Config) MemoryLimit() int64 { return c.Memory*5/4 + int64(c.Conns)*2*(32<<10) + 64<<20 }

// flags binds c to flags, whose defaults become those of c.
func (c *Config) flags(f *flag.FlagSet) {
	f.StringVar(&c.Addr, "addr", "127.0.0.1:8080", "`address` to serve on")
	f.StringVar(&c.Admin, "admin", "127.0.0.1:8081", "loopback `address` of metrics and pprof")
	f.StringVar(&c.Engine, "engine", "native", "`engine` that computes: native or xnnpack")
	f.TextVar(&c.Log, "log", slog.LevelInfo, "`level` of the log: debug has a line for every request")

	f.IntVar(&c.Workers, "workers", runtime.GOMAXPROCS(0), "`number` of goroutines that compute at once")
	f.IntVar(&c.Queue, "queue", 256, "`number` of requests that wait for a worker; more get 503, as do long JSON requests beyond a 16th of it")

	f.IntVar(&c.Conns, "conns", 1024, "`number` of connections; as many more get 503, the rest is closed at once")
	f.IntVar(&c.Bodies, "bodies", 512, "`number` of requests whose body is on its way; more get 503")
	f.Int64Var(&c.Memory, "memory", 128<<20, "`bytes` that all requests together may hold; more get 503")
	f.Float64Var(&c.ClientShare, "client-share", 0.5, "`share` of connections, bodies and memory for one client address; 1 behind a proxy")

	f.IntVar(&c.MaxRows, "max-rows", 1<<20, "`rows` of a request, at most")
	f.IntVar(&c.MaxCols, "max-cols", 1<<18, "`columns` of a row, at most")
	f.IntVar(&c.MaxK, "max-k", 1024, "`elements` of a row for top-k, at most")
	f.Int64Var(&c.MaxBody, "max-body", 1<<30, "`bytes` of a stream of raw rows, at most; it is never in memory as a whole")
	f.Int64Var(&c.MaxJSON, "max-json", 1<<20, "`bytes` of JSON, at most; it is in memory as a whole")
	f.Int64Var(&c.MaxInfer, "max-infer", 16<<20, "`bytes` of a binary tensor, at most; it is in memory as a whole")

	f.DurationVar(&c.Stall, "stall", 5*time.Second, "`time` for which a client may neither send nor take anything")
	f.Int64Var(&c.MinRate, "min-rate", 4<<10, "`bytes` a second of a body, at least, when it takes longer than -stall")
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
		{"max-infer", c.MaxInfer, 4},
		{"conns", int64(c.Conns), 1},
		{"bodies", int64(c.Bodies), 1},
		{"memory", c.Memory, 1 << 20},
		{"min-rate", c.MinRate, 1},
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
	}{{"workers", c.Workers}, {"queue", c.Queue}, {"max-rows", c.MaxRows}, {"max-cols", c.MaxCols}, {"conns", c.Conns}, {"bodies", c.Bodies}} {
		if n.value > most {
			return fmt.Errorf("-%s is %d, it must be at most %d", n.flag, n.value, most)
		}
	}
	if !(c.ClientShare > 0 && c.ClientShare <= 1) {
		return fmt.Errorf("-client-share is %v, it must be above 0 and at most 1", c.ClientShare)
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
