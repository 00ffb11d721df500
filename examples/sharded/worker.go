package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/twopass-softmax/twopass/native"
)

// accumulatorLen is the length of a message, a marshalled [native.Accumulator].
const accumulatorLen = 36

// shard is what a worker has to do, and what it is told on its command line.
type shard struct {
	in, out      string // files, of which the worker has a part
	first, count int    // that part, in elements
	log          bool
}

// flags are the arguments of a worker, set from or to be set in s.
func (s *shard) flags() *flag.FlagSet {
	flags := flag.NewFlagSet("sharded worker", flag.ContinueOnError)
	flags.StringVar(&s.in, "in", s.in, "the file to read")
	flags.StringVar(&s.out, "out", s.out, "the file to write")
	flags.IntVar(&s.first, "first", s.first, "the first element")
	flags.IntVar(&s.count, "count", s.count, "how many elements")
	flags.BoolVar(&s.log, "log", s.log, "write the logarithm")
	return flags
}

// args are the arguments that make a worker of this shard.
func (s *shard) args() []string {
	args := []string{"worker"}
	s.flags().VisitAll(func(f *flag.Flag) { args = append(args, "-"+f.Name+"="+f.Value.String()) })
	return args
}

// runWorker is a worker process: in and out lead to the coordinator. If that
// goes away, in ends, and so does the worker.
func runWorker(args []string, in io.Reader, out io.Writer) error {
	var s shard
	if err := s.flags().Parse(args); err != nil {
		return err
	}
	x := make([]float32, s.count)
	if err := s.read(x); err != nil {
		return err
	}

	var sum native.Accumulator
	sum.Add(x)
	if err := send(out, &sum); err != nil {
		return fmt.Errorf("sending the sum: %w", err)
	}
	if err := receive(in, &sum); err != nil {
		return fmt.Errorf("receiving the sum of all: %w", err)
	}
	if s.log {
		sum.LogSoftmax(x, x)
	} else {
		sum.Softmax(x, x)
	}
	return s.write(x)
}

// read reads the shard's elements.
func (s *shard) read(x []float32) error {
	f, err := os.Open(s.in)
	if err != nil {
		return err
	}
	defer f.Close()
	section := io.NewSectionReader(f, 4*int64(s.first), 4*int64(s.count))
	if err := binary.Read(section, binary.LittleEndian, x); err != nil {
		return fmt.Errorf("%s: elements %d to %d: %w", s.in, s.first, s.first+s.count-1, err)
	}
	return nil
}

// write writes the shard's results where they belong in the file of all.
func (s *shard) write(x []float32) error {
	f, err := os.OpenFile(s.out, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err := binary.Write(io.NewOffsetWriter(f, 4*int64(s.first)), binary.LittleEndian, x); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func send(w io.Writer, a *native.Accumulator) error {
	message, err := a.MarshalBinary()
	if err != nil {
		return err
	}
	_, err = w.Write(message)
	return err
}

func receive(r io.Reader, a *native.Accumulator) error {
	var message [accumulatorLen]byte
	if _, err := io.ReadFull(r, message[:]); err != nil {
		return err
	}
	return a.UnmarshalBinary(message[:])
}
