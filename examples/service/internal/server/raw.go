package server

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"net/url"
	"strconv"
)

// shape is what a query says: rows and k are 0 where it says nothing.
type shape struct{ rows, cols, k int }

// shape takes the query apart.
func (x *exchange) shape() (sh shape, err error) {
	q, err := url.ParseQuery(x.r.URL.RawQuery)
	if err != nil {
		return shape{}, problemf(http.StatusBadRequest, "query: %v", err)
	}
	c := &x.s.config
	if sh.cols, err = number(q, "cols", c.MaxCols); err != nil {
		return shape{}, err
	}
	if sh.cols == 0 {
		return shape{}, problemf(http.StatusBadRequest, "cols is missing in the query: the number of columns of a row")
	}
	if sh.rows, err = number(q, "rows", c.MaxRows); err != nil {
		return shape{}, err
	}
	if x.op != topk {
		return sh, nil
	}
	if sh.k, err = number(q, "k", c.MaxK); err != nil {
		return shape{}, err
	}
	if sh.k == 0 {
		return shape{}, problemf(http.StatusBadRequest, "k is missing in the query: the number of elements of a row to answer")
	}
	if sh.k > sh.cols {
		return shape{}, problemf(http.StatusBadRequest, "k is %d, a row has only %d columns", sh.k, sh.cols)
	}
	return sh, nil
}

// number is a positive parameter of the query, 0 if it is not there.
func number(q url.Values, name string, limit int) (int, error) {
	values := q[name]
	if len(values) == 0 {
		return 0, nil
	}
	if len(values) > 1 {
		return 0, problemf(http.StatusBadRequest, "%s is in the query %d times", name, len(values))
	}
	n, err := strconv.ParseUint(values[0], 10, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange), err == nil && n == 0:
		return 0, problemf(http.StatusBadRequest, "%s is %.40q, it must be a number from 1 to %d", name, values[0], limit)
	case n > uint64(limit): // ErrRange gives the largest uint64
		return 0, problemf(http.StatusRequestEntityTooLarge, "%s is %.40s, the limit is %d", name, values[0], limit)
	}
	return int(n), nil
}

// answerRaw answers rows as they come, in batches: of what there is when there
// is at least one row.
func (x *exchange) answerRaw() error {
	// What follows the type does not matter.
	if kind, _, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type")); kind != "application/octet-stream" {
		return problemf(http.StatusUnsupportedMediaType, "Content-Type is %.40q, it must be application/octet-stream", kind)
	}
	sh, err := x.shape()
	if err != nil {
		return err
	}
	if err := x.limit(x.s.config.MaxBody); err != nil {
		return err
	}
	rowBytes := 4 * sh.cols
	if err := x.announce(&sh, rowBytes); err != nil {
		return err
	}
	// Without this, net/http would read the body to its end before it sends.
	if err := x.control.EnableFullDuplex(); err != nil {
		return err
	}
	x.duplex = true

	// A batch, and the results of top-k: columns, and the rest twice, as it is
	// computed and as it is sent.
	batchRows := max(1, batchBytes/rowBytes)
	if err := x.reserve(int64(batchBytes + 24*batchRows*sh.k)); err != nil {
		return err
	}
	b := batches.Get().(*batch)
	defer b.done()
	b.data = b.data[:min(cap(b.data), batchRows*sh.cols)]
	have := 0 // bytes in memory, which begins with a row
	for {
		if have == 4*len(b.data) { // part of a row that is longer than a batch
			if b.data, err = x.extend(b.data, rowBytes); err != nil {
				return err
			}
		}
		memory := wire(b.data)
		n, readErr := x.Read(memory[have:])
		have += n
		// What came before a fault is not answered: a status is worth more to the
		// client, and whether it gets one must not depend on how much Read holds back.
		if readErr != nil && readErr != io.EOF {
			return x.readProblem(readErr)
		}
		if rows := have / rowBytes; rows > 0 {
			if err := x.admitRows(&sh, rows); err != nil {
				return err
			}
			if err := x.answerBatch(b, sh, rows); err != nil {
				return err
			}
			have = copy(memory, memory[rows*rowBytes:have])
		}
		if readErr == io.EOF {
			break
		}
	}
	switch {
	case have > 0:
		return problemf(http.StatusBadRequest, "body ends %d bytes into row %d, a row of %d columns has %d", have, x.rows, sh.cols, rowBytes)
	case x.rows < max(sh.rows, 1):
		return problemf(http.StatusBadRequest, "body has %d rows, there must be %d", x.rows, max(sh.rows, 1))
	}
	return nil
}

// announce checks a length that is known, and tells the client that of the
// answer.
func (x *exchange) announce(sh *shape, rowBytes int) error {
	x.w.Header().Set("Content-Type", "application/octet-stream")
	length := x.r.ContentLength
	if length < 0 {
		return nil
	}
	rows := length / int64(rowBytes)
	switch {
	case rows == 0, length%int64(rowBytes) != 0:
		return problemf(http.StatusBadRequest, "body has %d bytes, which are no rows of %d columns of 4 bytes", length, sh.cols)
	case rows > int64(x.s.config.MaxRows):
		return problemf(http.StatusRequestEntityTooLarge, "body has %d rows, the limit is %d", rows, x.s.config.MaxRows)
	case sh.rows > 0 && rows != int64(sh.rows):
		return problemf(http.StatusBadRequest, "body has %d rows, rows is %d in the query", rows, sh.rows)
	}
	each := rowBytes
	if x.op == topk {
		each = 8 * sh.k
	}
	x.w.Header().Set("Content-Length", strconv.FormatInt(rows*int64(each), 10))
	return nil
}

// admitRows checks whether there may be more rows.
func (x *exchange) admitRows(sh *shape, more int) error {
	switch n := x.rows + more; {
	case n > x.s.config.MaxRows:
		return problemf(http.StatusRequestEntityTooLarge, "body has more rows than %d, which is the limit", x.s.config.MaxRows)
	case sh.rows > 0 && n > sh.rows:
		return problemf(http.StatusBadRequest, "body has more rows than rows in the query, %d", sh.rows)
	}
	return nil
}

// answerBatch computes the first rows of b and sends them off.
func (x *exchange) answerBatch(b *batch, sh shape, rows int) error {
	in := littleEndian(wire(b.data[:rows*sh.cols]))
	if err := x.begin(&x.s.gate.light); err != nil {
		return err
	}
	x.compute(b, rows, sh.cols, sh.k)
	x.turn.end()
	out := littleEndian(in)
	if x.op == topk {
		out = make([]byte, 0, 8*len(b.index))
		for i, index := range b.index {
			out = binary.LittleEndian.AppendUint32(out, index)
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(b.top[i]))
		}
	}
	if err := x.send(out); err != nil {
		return err
	}
	return x.control.Flush()
}
