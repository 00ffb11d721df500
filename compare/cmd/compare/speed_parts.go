package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twopass-softmax/twopass/compare/results"
)

// speedPart is a part of a run that is timed in one go: the unit of resuming.
type speedPart struct {
	// name says where in the run it is.
	name string
	run  func() (results.Results, error)
}

// run does the parts that the state lacks, and saves it after each.
func (r *speedRun) run(ctx context.Context, parts []speedPart, start time.Time, save func() error) error {
	r.start("Timing", int64(len(parts)))
	defer r.finish()
	r.step(int64(r.state.Parts))
	for _, p := range parts[r.state.Parts:] {
		if ctx.Err() != nil {
			where := fmt.Sprintf("stopped after %d of %s, before %s", r.state.Parts, plural(len(parts), "part", "parts"), p.name)
			if r.o.resume == "" {
				return errors.New(where + "; nothing was kept: --resume FILE would keep it")
			}
			// There may be no part yet: a file that is there can be gone on from.
			if err := save(); err != nil {
				return err
			}
			return fmt.Errorf("%s; the same command with --resume %s continues from there", where, r.o.resume)
		}
		found, err := p.run()
		if err != nil {
			return err
		}
		r.state.Found.Add(&found)
		r.state.Parts++
		r.state.Found.Seconds = time.Since(start).Seconds()
		if err := save(); err != nil {
			return err
		}
		r.step(1)
	}
	return nil
}
