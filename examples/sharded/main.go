// Command sharded computes the softmax of a row that no single process has: each
// of several worker processes holds a shard of it, and 36 bytes a worker go each
// way, whatever the length.
//
//	sharded [flags] IN OUT
//
// IN and OUT are files of little-endian float32; OUT appears when it is
// complete. The logarithm of the sum of exponentials is printed.
//
//	coordinator                    worker i
//	starts the workers             reads its shard
//	                        <---   its sum, a native.Accumulator in 36 bytes
//	merges the sums, in order
//	the sum of all          --->
//	                               writes its part of the result, exits
//
// The workers are processes of this binary, and standard input and output their
// connections. Between machines a TCP connection does as well.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sharded:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) > 0 && args[0] == "worker" {
		return runWorker(args[1:], in, out)
	}
	var j job
	flags := flag.NewFlagSet("sharded", flag.ContinueOnError)
	flags.IntVar(&j.workers, "workers", 4, "how many processes share the row")
	flags.BoolVar(&j.log, "log", false, "write the logarithm of the softmax")
	timeout := flags.Duration("timeout", time.Minute, "how long it may take")
	n := flags.Int("make", 0, "first write this many random elements to IN")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return fmt.Errorf("%d arguments, give two: the file to read and the file to write", flags.NArg())
	}
	j.in, j.out = flags.Arg(0), flags.Arg(1)
	if *n > 0 {
		if err := makeRow(j.in, *n); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeoutCause(context.Background(), *timeout, fmt.Errorf("not done after %v", *timeout))
	defer cancel()
	lse, err := j.run(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, "log-sum-exp:", lse)
	return err
}

// makeRow writes a file of n elements, the same ones each time.
func makeRow(name string, n int) error {
	return replace(name, func(f *os.File) error {
		r := rand.New(rand.NewPCG(1, 2))
		w := bufio.NewWriter(f)
		for range n {
			if err := binary.Write(w, binary.LittleEndian, float32(4*r.NormFloat64())); err != nil {
				return err
			}
		}
		return w.Flush()
	})
}

// replace writes a file as a whole: it appears under its name when fill has
// returned without an error.
func replace(name string, fill func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(fill(f), f.Chmod(0o644)); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
