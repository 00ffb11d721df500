package main

import (
	"encoding/binary"
	"fmt"

	"github.com/twopass-softmax/twopass/native"
)

// Sums is the state of the combination: an accumulator for each row of a matrix.
// This file has all calls of package native.
type Sums struct{ rows []native.Accumulator }

// add adds elements to a row.
func (s *Sums) add(row int, x []float32) {
	s.grow(row + 1)
	s.rows[row].Add(x)
}

func (s *Sums) grow(n int) {
	if n > len(s.rows) {
		s.rows = append(s.rows, make([]native.Accumulator, n-len(s.rows))...)
	}
}

// merge adds t to s.
func (s *Sums) merge(t *Sums) {
	s.grow(len(t.rows))
	for i := range t.rows {
		s.rows[i].Merge(&t.rows[i])
	}
}

// finish replaces elements of a row by their softmax, or its logarithm.
func (s *Sums) finish(op string, row int, x []float32) {
	if op == "log-softmax" {
		s.rows[row].LogSoftmax(x, x)
	} else {
		s.rows[row].Softmax(x, x)
	}
}

func (s *Sums) logSumExp() []float32 {
	lse := make([]float32, len(s.rows))
	for i := range s.rows {
		lse[i] = s.rows[i].LogSumExp()
	}
	return lse
}

// encodeSums and decodeSums are the coder: the number of rows, the length of a
// row's accumulator in its own binary form, and these forms.
//
// Without a coder, Beam encodes Sums as JSON, which sees no field of it: the
// pipeline succeeds, with -Inf and NaN.
func encodeSums(s Sums) ([]byte, error) {
	out := binary.AppendUvarint(nil, uint64(len(s.rows)))
	for i := range s.rows {
		form, err := s.rows[i].MarshalBinary()
		if err != nil {
			return nil, err
		}
		if i == 0 {
			out = binary.AppendUvarint(out, uint64(len(form)))
		}
		out = append(out, form...)
	}
	return out, nil
}

func decodeSums(in []byte) (Sums, error) {
	n, read := binary.Uvarint(in)
	if read <= 0 || n > maxRows {
		return Sums{}, fmt.Errorf("sums of %d rows, there must be at most %d", n, maxRows)
	}
	if in = in[read:]; n == 0 {
		return Sums{}, nil
	}
	size, read := binary.Uvarint(in)
	if read <= 0 || size > uint64(len(in)) || n*size != uint64(len(in)-read) {
		return Sums{}, fmt.Errorf("sums of %d rows in %d bytes, %d for each", n, len(in), size)
	}
	s := Sums{make([]native.Accumulator, n)}
	for i := range s.rows {
		at := read + i*int(size)
		if err := s.rows[i].UnmarshalBinary(in[at:][:size]); err != nil {
			return Sums{}, fmt.Errorf("row %d: %w", i, err)
		}
	}
	return s, nil
}
