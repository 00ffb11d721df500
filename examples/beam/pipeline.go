package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
)

// maxRows is the largest number of rows: all workers hold a sum for each.
const maxRows = 1 << 20

// pieceLen is how many elements a worker has in memory at once, whatever the
// chunk: so a chunk may be longer than memory.
const pieceLen = 1 << 18

// job is what the pipeline has to do: the operation over the rows of a matrix
// whose columns are in one file or in several, each with the same rows.
type job struct {
	op    string // softmax, log-softmax or log-sum-exp
	in    []string
	out   string // for softmax and log-softmax a directory if there are several files
	rows  int
	chunk int64 // elements
}

// Chunk names a part of a file: the elements themselves do not travel through
// Beam. Workers must see the files under the same names.
type Chunk struct {
	In, Out    string
	Cols       int64 // of the file
	Row, Rows  int64
	Col, Width int64 // if there is one row; else all columns
}

func (c Chunk) String() string {
	return fmt.Sprintf("%s, rows from %d to %d, columns from %d to %d", c.In, c.Row, c.Row+c.Rows-1, c.Col, c.Col+c.Width-1)
}

// chunks cuts the files.
func (j *job) chunks() ([]Chunk, error) {
	var all []Chunk
	for _, in := range j.in {
		info, err := os.Stat(in)
		if err != nil {
			return nil, err
		}
		row := 4 * int64(j.rows)
		if info.Size() == 0 || info.Size()%row != 0 {
			return nil, fmt.Errorf("%s has %d bytes, it must be a positive multiple of %d, a column of %d rows", in, info.Size(), row, j.rows)
		}
		c := Chunk{In: in, Out: j.out, Cols: info.Size() / row, Rows: 1}
		if len(j.in) > 1 {
			c.Out = filepath.Join(j.out, filepath.Base(in))
		}
		c.Out += ".tmp"
		if j.rows == 1 {
			for ; c.Col < c.Cols; c.Col += c.Width {
				c.Width = min(j.chunk, c.Cols-c.Col)
				all = append(all, c)
			}
			continue
		}
		c.Width = c.Cols
		for n := int64(j.rows); c.Row < n; c.Row += c.Rows {
			c.Rows = min(max(1, j.chunk/c.Cols), n-c.Row)
			all = append(all, c)
		}
	}
	return all, nil
}

// each calls f for every piece of every row of a chunk, in place, and writes it
// to w if that is not nil.
func (c Chunk) each(w io.WriterAt, f func(row int, x []float32)) error {
	r, err := os.Open(c.In)
	if err != nil {
		return fmt.Errorf("%v: %w", c, err)
	}
	defer r.Close()
	x := make([]float32, min(pieceLen, c.Width))
	for row := c.Row; row < c.Row+c.Rows; row++ {
		for col := c.Col; col < c.Col+c.Width; col += int64(len(x)) {
			x := x[:min(int64(len(x)), c.Col+c.Width-col)]
			at := 4 * (row*c.Cols + col)
			err := binary.Read(io.NewSectionReader(r, at, 4*int64(len(x))), binary.LittleEndian, x)
			if err == nil {
				if f(int(row), x); w != nil {
					err = binary.Write(io.NewOffsetWriter(w, at), binary.LittleEndian, x)
				}
			}
			if err != nil {
				return fmt.Errorf("%v: row %d, column %d: %w", c, row, col, err)
			}
		}
	}
	return nil
}

// failing is a fault that tests put into a pass.
var failing func(pass string, c Chunk) error

func fault(pass string, c Chunk) error {
	if failing != nil {
		return failing(pass, c)
	}
	return nil
}

// sumFn is the first pass: the sums of chunks, in any order.
type sumFn struct{}

func (*sumFn) CreateAccumulator() Sums { return Sums{} }

func (*sumFn) AddInput(s Sums, c Chunk) (Sums, error) {
	err := c.each(nil, s.add)
	return s, errors.Join(err, fault("first", c))
}

func (*sumFn) MergeAccumulators(a, b Sums) Sums { a.merge(&b); return a }

func (*sumFn) ExtractOutput(s Sums) Sums { return s }

// finishFn is the second pass, with the sums of all as its side input. A chunk
// that is done twice, because a worker failed, is written twice, with the same
// bytes.
type finishFn struct{ Op string }

func (f *finishFn) ProcessElement(_ context.Context, c Chunk, s Sums) error {
	w, err := os.OpenFile(c.Out, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = c.each(w, func(row int, x []float32) { s.finish(f.Op, row, x) })
	return errors.Join(err, fault("second", c), w.Close())
}

// logSumExpFn writes the sums' logarithms.
type logSumExpFn struct{ Out string }

func (f *logSumExpFn) ProcessElement(_ context.Context, s Sums) error {
	lse, err := binary.Append(nil, binary.LittleEndian, s.logSumExp())
	if err != nil {
		return err
	}
	return os.WriteFile(f.Out, lse, 0o666)
}

func init() {
	beam.RegisterCoder(reflect.TypeFor[Sums](), encodeSums, decodeSums)
	register.Combiner3[Sums, Chunk, Sums](&sumFn{})
	register.DoFn3x1[context.Context, Chunk, Sums, error](&finishFn{})
	register.DoFn2x1[context.Context, Sums, error](&logSumExpFn{})
}

// run runs the pipeline on the runner that Beam's flags name. Results appear
// under their names when all is done.
func (j *job) run(ctx context.Context) (err error) {
	chunks, err := j.chunks()
	if err != nil {
		return err
	}
	outs := map[string]int64{} // their sizes
	for _, c := range chunks {
		if outs[c.Out] = 4 * c.Cols * int64(j.rows); j.op == "log-sum-exp" {
			clear(outs)
			outs[j.out+".tmp"] = 0
		}
	}
	defer func() {
		for out := range outs {
			if err != nil {
				err = errors.Join(err, os.Remove(out))
			} else {
				err = os.Rename(out, out[:len(out)-len(".tmp")])
			}
		}
	}()
	for out, size := range outs {
		if err := os.WriteFile(out, nil, 0o666); err != nil {
			return err
		}
		if err := os.Truncate(out, size); err != nil {
			return err
		}
	}

	p, s := beam.NewPipelineWithRoot()
	parts := beam.Reshuffle(s, beam.CreateList(s, chunks))
	sums := beam.Combine(s, &sumFn{}, parts)
	if j.op == "log-sum-exp" {
		beam.ParDo0(s, &logSumExpFn{j.out + ".tmp"}, sums)
	} else {
		beam.ParDo0(s, &finishFn{j.op}, parts, beam.SideInput{Input: sums})
	}
	return beamx.Run(ctx, p)
}
