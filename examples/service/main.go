// Command service is an HTTP service that turns rows of logits into
// probabilities, log-probabilities or the k most probable elements:
//
//	go run ./examples/service -addr 127.0.0.1:8080
//	curl -s -d '{"inputs": [{"name": "logits", "datatype": "FP32", "shape": [2], "data": [1, 2]}]}' http://127.0.0.1:8080/v2/models/softmax/infer
//
// Package server has the service itself, docs/service.md its description.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/twopass-softmax/twopass/examples/service/internal/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := server.Main(ctx, os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}
