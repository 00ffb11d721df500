// Command compare tells whether this project's softmax kernels agree bit for
// bit with XNNPACK's, and which are faster on the CPU that it runs on.
//
// Its exit status is 0 if no bit differs, 1 if any does or if check finds a
// regression, 130 if it was interrupted, and 2 if it could not do what it was asked to.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
)

// errDiffer is returned by a command that has reported differing bits.
var errDiffer = errors.New("bits differ")

func main() {
	// bazel run starts programs elsewhere, and says where the user is.
	if dir := os.Getenv("BUILD_WORKING_DIRECTORY"); dir != "" {
		if err := os.Chdir(dir); err != nil {
			fmt.Fprintln(os.Stderr, "compare:", err)
			os.Exit(2)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	app := &app{screen: newScreen(os.Stdout, os.Stderr), sides: builtSides(), libraries: libraries()}
	err := app.root().ExecuteContext(ctx)
	if err == nil && app.failed != nil {
		err = fmt.Errorf("writing output: %w", app.failed)
	}
	switch {
	case err == nil:
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, message(err))
		os.Exit(130)
	case errors.Is(err, errDiffer), errors.Is(err, errRegressed):
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, message(err))
		os.Exit(2)
	}
}

// message is an error as the user reads it.
func message(err error) string {
	if errors.Is(err, context.Canceled) {
		return "compare: stopped, and nothing was kept"
	}
	return "compare: " + err.Error()
}

// writable is whether a file can be written or replaced, by the name that the user gave it.
func writable(name string) error {
	switch info, err := os.Stat(name); {
	case err != nil:
	case info.IsDir():
		return fmt.Errorf("%s is a directory", name)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file: a file of results is replaced as a whole", name)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return fmt.Errorf("%s can't be written: %w", name, err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// app is what the commands share.
type app struct {
	*screen
	sides     sides
	libraries []speed.Library
	json      string
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "compare",
		Short: "Compare native softmax kernels with XNNPACK's, bit for bit and in speed",
		Long: `Compare native softmax kernels with XNNPACK's, bit for bit and in speed.

Without a command, compare takes about a minute: it compares the bits of every
kernel that both sides have, times both, and does the same for softmax as a
whole. Kernels that this CPU can't run are listed as not run.

The exit status is 0 if no bit differs, 1 if any does, 130 if the run was
interrupted, 2 on any other failure.`,
		Args:          noArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.json == "" {
				return nil
			}
			if err := writable(a.json); err != nil {
				return fmt.Errorf("--json: %w", err)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.summary(cmd.Context(), summaryDefaults())
		},
	}
	root.PersistentFlags().StringVar(&a.json, "json", "", "also write the results to `FILE`, as JSON")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w: see %s --help", err, cmd.CommandPath())
	})
	root.AddCommand(a.bitsCommand(), a.infoCommand(), a.speedCommand(), a.tableCommand(), a.accuracyCommand(), a.tuneCommand(), a.checkCommand(), a.reportCommand(), a.measureCommand())
	completeValues(root)
	return root
}

// noArgs refuses what is not a flag.
func noArgs(cmd *cobra.Command, args []string) error {
	if err := cobra.NoArgs(cmd, args); err != nil {
		return fmt.Errorf("%w: see %s --help", err, cmd.CommandPath())
	}
	return nil
}

// begin starts the record of a run.
func (a *app) begin() (*results.Results, time.Time) {
	start := time.Now()
	return &results.Results{
		// Where the program lies says nothing about the run.
		Command: append([]string{"compare"}, os.Args[1:]...), Started: start.UTC().Truncate(time.Second),
		Machine: machine.This(), Build: results.ThisBuild(),
		Reference: a.sides.ref.Name, NoUpstream: a.sides.why(),
	}, start
}

// end completes the record and stores it if the user wants it.
func (a *app) end(r *results.Results, start time.Time) error {
	r.Seconds = time.Since(start).Seconds()
	if a.json == "" {
		return nil
	}
	if err := r.WriteFile(a.json); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	a.line("Results written to %s.", a.json)
	return nil
}
