package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
)

// answerJSON reads all rows, computes them and writes all answers.
func (x *exchange) answerJSON() error {
	if err := x.limit(x.s.config.MaxJSON); err != nil {
		return err
	}
	b := batches.Get().(*batch)
	defer batches.Put(b)
	m := matrix{maxRows: x.s.config.MaxRows, maxCols: x.s.config.MaxCols, data: b.data}
	err := x.decode(&m)
	b.data = m.data
	if err != nil {
		return err
	}
	sh, err := x.shape(m.cols)
	if err != nil {
		return err
	}
	if err := x.compute(b, m.rows, m.cols, sh.k); err != nil {
		return err
	}
	return x.encode(b, m.rows, m.cols, sh.k)
}

func (x *exchange) decode(m *matrix) error {
	d := json.NewDecoder(x)
	d.DisallowUnknownFields()
	err := d.Decode(&struct {
		Rows *matrix `json:"rows"`
	}{m})
	if err == nil {
		// More than one value is an error, and the body must have an end.
		if _, err = d.Token(); err == io.EOF {
			err = nil
		} else if err == nil {
			err = errors.New("there is something after the object")
		}
	}
	var p *problem
	switch {
	case x.readErr != nil && x.readErr != io.EOF:
		return x.readProblem(x.readErr)
	case errors.As(err, &p):
		return p
	case err != nil:
		return problemf(http.StatusBadRequest, "body is no JSON object with rows: %v", err)
	case m.rows == 0:
		return problemf(http.StatusBadRequest, "body has no rows")
	}
	return nil
}

// matrix is the rows of a JSON request. Its memory grows with the body, which is
// limited, not with what the body says.
type matrix struct {
	maxRows, maxCols int
	rows, cols       int
	data             []float32
}

// UnmarshalJSON takes an array of arrays of numbers and nulls. Encoding/json has
// found text to be a JSON value.
func (m *matrix) UnmarshalJSON(text []byte) error {
	m.rows, m.cols, m.data = 0, 0, m.data[:0]
	depth := 0
	var row row
	for len(text) > 0 {
		switch c := text[0]; {
		case c == ' ', c == '\t', c == '\r', c == '\n', c == ',':
			text = text[1:]
		case c == '[' && depth < 2:
			if depth++; depth == 2 {
				row.cols, row.numbers = 0, 0
			}
			text = text[1:]
		case c == ']':
			if depth--; depth == 1 {
				if err := m.end(row); err != nil {
					return err
				}
			}
			text = text[1:]
		case depth < 2:
			return problemf(http.StatusBadRequest, "rows has %.20q, it must be an array of arrays", text)
		default:
			n := bytes.IndexAny(text, ", \t\r\n]") // the array's end is still to come
			if err := m.add(&row, text[:n]); err != nil {
				return err
			}
			text = text[n:]
		}
	}
	return nil
}

// row is what has been read of a row: elements, and those among them that are
// not null.
type row struct{ cols, numbers int }

// add adds an element to a row.
func (m *matrix) add(r *row, text []byte) error {
	if r.cols++; r.cols > m.maxCols {
		return problemf(http.StatusRequestEntityTooLarge, "row %d has more columns than %d, which is the limit", m.rows, m.maxCols)
	}
	if string(text) == "null" {
		m.data = append(m.data, float32(math.Inf(-1)))
		return nil
	}
	v, err := strconv.ParseFloat(string(text), 32)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return problemf(http.StatusBadRequest, "row %d, column %d: %.40s is beyond float32's range, up to %g", m.rows, r.cols-1, text, math.MaxFloat32)
	case err != nil:
		return problemf(http.StatusBadRequest, "row %d, column %d: %.40q is neither a number nor null", m.rows, r.cols-1, text)
	}
	r.numbers++
	m.data = append(m.data, float32(v))
	return nil
}

// end ends a row.
func (m *matrix) end(r row) error {
	switch {
	case m.rows == m.maxRows:
		return problemf(http.StatusRequestEntityTooLarge, "body has more rows than %d, which is the limit", m.maxRows)
	case r.cols == 0:
		return problemf(http.StatusBadRequest, "row %d is empty", m.rows)
	case m.rows > 0 && r.cols != m.cols:
		return problemf(http.StatusBadRequest, "row %d has %d columns, row 0 has %d", m.rows, r.cols, m.cols)
	case r.numbers == 0:
		return problemf(http.StatusUnprocessableEntity, "row %d has nothing but null, so it has no probabilities", m.rows)
	}
	m.rows++
	m.cols = r.cols
	return nil
}

// encode sends the answer.
func (x *exchange) encode(b *batch, rows, cols, k int) error {
	x.w.Header().Set("Content-Type", "application/json")
	e := encoder{send: x.send, out: b.out[:0]}
	e.text(`{"rows":[`)
	for i := range rows {
		if i > 0 {
			e.text(",")
		}
		if x.op == topk {
			e.text(`{"indices":`)
			array(&e, b.index[i*k:][:k], appendIndex)
			e.text(`,"probabilities":`)
			array(&e, b.top[i*k:][:k], appendFloat)
			e.text("}")
		} else {
			array(&e, b.data[i*cols:][:cols], appendFloat)
		}
		if e.err != nil {
			return e.err
		}
	}
	e.text("]}\n")
	b.out = e.out
	return x.send(e.out)
}

// encoder sends what is written to it in pieces of about batchBytes.
type encoder struct {
	send func([]byte) error
	out  []byte
	err  error // of the first piece that could not be sent
}

func (e *encoder) text(s string) { e.out = append(e.out, s...) }

// array writes an array.
func array[T any](e *encoder, values []T, appendTo func([]byte, T) []byte) {
	e.text("[")
	for i, v := range values {
		if len(e.out) >= batchBytes {
			if e.err = e.send(e.out); e.err != nil {
				return
			}
			e.out = e.out[:0]
		}
		if i > 0 {
			e.text(",")
		}
		e.out = appendTo(e.out, v)
	}
	e.text("]")
}

func appendIndex(out []byte, i uint32) []byte { return strconv.AppendUint(out, uint64(i), 10) }

// appendFloat appends the shortest number that is v as a float32, or null for
// -Inf. There is nothing else that is no number: m.end has seen to that.
func appendFloat(out []byte, v float32) []byte {
	if math.IsInf(float64(v), -1) {
		return append(out, "null"...)
	}
	return strconv.AppendFloat(out, float64(v), 'g', -1, 32)
}
