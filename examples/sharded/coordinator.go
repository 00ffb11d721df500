package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/twopass-softmax/twopass/native"
)

// maxWorkers is the largest number of worker processes.
const maxWorkers = 256

// job is what the coordinator has to do.
type job struct {
	in, out string
	workers int
	log     bool
}

// run does the job, and returns the log-sum-exp of the row. If a worker fails,
// or ctx ends first, the workers are killed and the error names the one that was
// the cause; out is then as it was.
func (j *job) run(ctx context.Context) (lse float32, err error) {
	if j.workers < 1 || j.workers > maxWorkers {
		return 0, fmt.Errorf("%d workers, there must be from 1 to %d", j.workers, maxWorkers)
	}
	info, err := os.Stat(j.in)
	if err != nil {
		return 0, err
	}
	if info.Size()%4 != 0 {
		return 0, fmt.Errorf("%s has %d bytes, it must be a multiple of 4", j.in, info.Size())
	}
	err = replace(j.out, func(f *os.File) error {
		lse, err = j.share(ctx, f.Name(), int(info.Size()/4))
		return err
	})
	return lse, err
}

// share has the workers write the result for n elements to the file out.
func (j *job) share(ctx context.Context, out string, n int) (float32, error) {
	ctx, cancel := context.WithCancel(ctx)
	var workers []*worker
	defer func() {
		cancel() // kills those that still run
		for _, w := range workers {
			w.wait()
		}
	}()
	for i := range j.workers {
		first, end := i*n/j.workers, (i+1)*n/j.workers
		w, err := start(ctx, i, shard{in: j.in, out: out, first: first, count: end - first, log: j.log})
		if err != nil {
			return 0, fmt.Errorf("starting worker %d of %d: %w", i, j.workers, err)
		}
		workers = append(workers, w)
	}

	sums := make([]native.Accumulator, j.workers)
	if err := each(ctx, workers, func(w *worker) error { return w.receive(&sums[w.number]) }); err != nil {
		return 0, err
	}
	// In the order of the shards, so that the bits do not depend on who was first.
	var all native.Accumulator
	for i := range sums {
		all.Merge(&sums[i])
	}
	if err := each(ctx, workers, func(w *worker) error { return w.finish(&all) }); err != nil {
		return 0, err
	}
	return all.LogSumExp(), nil
}

// each does the same with all workers at once. It returns the first error in
// time, which is the cause of others, and does not wait for the rest then.
func each(ctx context.Context, workers []*worker, do func(*worker) error) error {
	errs := make(chan error, len(workers))
	for _, w := range workers {
		go func() {
			if err := do(w); err != nil {
				// A worker may have failed because it was killed for want of time.
				if ctx.Err() != nil {
					err = context.Cause(ctx)
				}
				err = fmt.Errorf("worker %d of %d (%d elements from %d on): %w", w.number, len(workers), w.shard.count, w.shard.first, err)
				errs <- err
				return
			}
			errs <- nil
		}()
	}
	for range workers {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

// worker is a worker process, as the coordinator sees it.
type worker struct {
	number int
	shard  shard
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.Reader
	stderr bytes.Buffer
	wait   func() error // waits for its end; the error tells its last words
}

// start starts a worker, which is killed when ctx ends.
func start(ctx context.Context, number int, s shard) (*worker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := &worker{number: number, shard: s, cmd: exec.CommandContext(ctx, self, s.args()...)}
	w.cmd.Stderr = &w.stderr
	w.cmd.WaitDelay = time.Second // for what it may leave behind with its pipes
	w.wait = sync.OnceValue(w.end)
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if w.out, err = w.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return w, w.cmd.Start()
}

// receive waits for the worker's sum.
func (w *worker) receive(sum *native.Accumulator) error {
	err := receive(w.out, sum)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		// How it ended tells more.
		if err := w.wait(); err != nil {
			return err
		}
		return errors.New("it ended without a sum")
	}
	return err
}

// finish sends the sum of all, and waits for the worker to have written its part.
func (w *worker) finish(all *native.Accumulator) error {
	err := errors.Join(send(w.in, all), w.in.Close())
	if err := w.wait(); err != nil {
		return err
	}
	return err
}

// end is wait, once.
func (w *worker) end() error {
	err := w.cmd.Wait()
	if last := bytes.TrimSpace(w.stderr.Bytes()); err != nil && len(last) > 0 {
		err = fmt.Errorf("%w: %s", err, last)
	}
	return err
}
