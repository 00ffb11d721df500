package main

import (
	"context"
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
			// There may be no part yet: the next run needs a file to go on from.
			if err := save(); err != nil {
				return err
			}
			return stopped(fmt.Sprintf("%d of %s, before %s", r.state.Parts, plural(len(parts), "part", "parts"), p.name), r.o.resume)
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

// onSizes are a part for each length of rows and each number of threads or, as unit says,
// goroutines.
func (r *speedRun) onSizes(counts []int, unit string, run func(n, count int, heading string) (results.Results, error)) []speedPart {
	var parts []speedPart
	for _, n := range r.state.Sizes {
		for _, count := range counts {
			heading := fmt.Sprintf("%s elements, in %s, %s", grouped(int64(n)), r.results.Machine.Where(n), plural(count, unit, unit+"s"))
			parts = append(parts, speedPart{heading, func() (results.Results, error) { return run(n, count, heading) }})
		}
	}
	return parts
}
