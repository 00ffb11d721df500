package server

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
)

// Main is the command: it serves as args say, logs to log, and returns when ctx
// is done and all is answered.
func Main(ctx context.Context, args []string, log io.Writer) error {
	f := flag.NewFlagSet("service", flag.ContinueOnError)
	f.SetOutput(log)
	c, err := ParseFlags(f, args)
	if err != nil {
		return err
	}
	engine, err := NewEngine(c.Engine)
	if err != nil {
		return err
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(c.MemoryLimit())
	}
	public, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return err
	}
	admin, err := net.Listen("tcp", c.Admin)
	if err != nil {
		return errors.Join(err, public.Close())
	}
	logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: c.Log}))
	return New(c, engine, logger).Run(ctx, public.(*net.TCPListener), admin)
}
