package main

import (
	"bytes"
	"encoding/gob"

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

// encodeSums and decodeSums are the coder. Gob encodes an accumulator in its own binary form.
//
// Without a coder, Beam encodes Sums as JSON, which sees no field of it: the
// pipeline succeeds, with -Inf and NaN.
func encodeSums(s Sums) ([]byte, error) {
	var out bytes.Buffer
	err := gob.NewEncoder(&out).Encode(s.rows)
	return out.Bytes(), err
}

func decodeSums(in []byte) (Sums, error) {
	var s Sums
	err := gob.NewDecoder(bytes.NewReader(in)).Decode(&s.rows)
	return s, err
}
