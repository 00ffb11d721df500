package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
)

// workload is one kind of good requests.
type workload struct {
	name       string
	op         string
	json       bool
	chunked    bool
	rows, cols int
	k          int
}

// workloads are what an engine is asked for: each client takes them in turn.
func workloads(engine string) []workload {
	w := []workload{
		{name: "softmax, 8 x 1,000", op: "softmax", rows: 8, cols: 1000},
		{name: "softmax, 64 x 4,096, chunked", op: "softmax", rows: 64, cols: 4096, chunked: true},
		{name: "top-k, 1 x 32,000, k = 40", op: "top-k", rows: 1, cols: 32_000, k: 40},
		{name: "softmax, 4 x 100, JSON", op: "softmax", rows: 4, cols: 100, json: true},
	}
	if engine == "native" { // upstream has none
		w = append(w, workload{name: "log-softmax, 8 x 1,000", op: "log-softmax", rows: 8, cols: 1000})
	}
	return w
}

// request is a good request and its answer, which is always the same.
type request struct {
	url, kind string
	body      []byte
	chunked   bool
	answer    []byte
}

// bodies is how many different requests a workload has.
const bodies = 4

// prepare makes the requests of a workload. It asks for each answer once and
// holds it to float64; from then on the bits must be the same.
func prepare(ctx context.Context, client *http.Client, base string, w workload) ([]*request, error) {
	var all []*request
	for seed := range uint64(bodies) {
		rng := rand.New(rand.NewPCG(seed, uint64(w.cols)))
		x := make([]float32, w.rows*w.cols)
		for i := range x {
			x[i] = float32(rng.NormFloat64() * 4)
			if i%w.cols > 0 && rng.IntN(20) == 0 {
				x[i] = float32(math.Inf(-1))
			}
		}
		q := &request{
			url:     fmt.Sprintf("%s/v1/%s?cols=%d&k=%d", base, w.op, w.cols, w.k),
			kind:    "application/octet-stream",
			body:    raw(x),
			chunked: w.chunked,
		}
		if w.op != "top-k" {
			q.url = fmt.Sprintf("%s/v1/%s?cols=%d", base, w.op, w.cols)
		}
		if w.json {
			q.kind, q.body = "application/json", jsonBody(x, w.cols)
		}
		var answer bytes.Buffer
		if err := q.do(ctx, client, &answer); err != nil && !errors.Is(err, errAnswer) {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		q.answer = answer.Bytes()
		if err := w.check(x, q.answer); err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		all = append(all, q)
	}
	return all, nil
}

func raw(x []float32) []byte {
	out := make([]byte, 0, 4*len(x))
	for _, v := range x {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

func floats(raw []byte) []float32 {
	x := make([]float32, len(raw)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return x
}

func jsonBody(x []float32, cols int) []byte {
	rows := make([][]*float32, 0, len(x)/cols)
	for ; len(x) > 0; x = x[cols:] {
		row := make([]*float32, cols)
		for j := range row {
			if !math.IsInf(float64(x[j]), -1) {
				row[j] = &x[j]
			}
		}
		rows = append(rows, row)
	}
	body, err := json.Marshal(map[string]any{"rows": rows})
	if err != nil {
		panic(err) // there are only numbers in it
	}
	return body
}

// check holds an answer to x, computed in float64.
func (w workload) check(x []float32, answer []byte) error {
	each := 4 * w.cols
	if w.k > 0 {
		each = 8 * w.k
	}
	if w.json {
		var a struct{ Rows [][]float32 }
		if err := json.Unmarshal(answer, &a); err != nil {
			return fmt.Errorf("answer %.40q: %w", answer, err)
		}
		answer = nil
		for _, row := range a.Rows {
			answer = append(answer, raw(row)...)
		}
	}
	if len(answer) != w.rows*each {
		return fmt.Errorf("the answer has %d bytes, it must have %d", len(answer), w.rows*each)
	}
	for i := range w.rows {
		if err := w.checkRow(x[i*w.cols:][:w.cols], floats(answer[i*each:][:each])); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	return nil
}

func (w workload) checkRow(row, answer []float32) error {
	top, sum := math.Inf(-1), 0.0
	for _, v := range row {
		top = math.Max(top, float64(v))
	}
	for _, v := range row {
		sum += math.Exp(float64(v) - top)
	}
	total, before := 0.0, math.Inf(1)
	for i := 0; i < len(answer); i++ {
		index := i
		if w.k > 0 { // pairs
			index, i = int(math.Float32bits(answer[i])), i+1
			if index >= len(row) || float64(row[index]) > before {
				return fmt.Errorf("element %d of top-k has index %d: there is no such column, or its logit is more than the one before", i/2, index)
			}
			before = float64(row[index])
		}
		got, want := float64(answer[i]), math.Exp(float64(row[index])-top)/sum
		if w.op == "log-softmax" {
			got = math.Exp(got)
		}
		if !(math.Abs(got-want) <= 1e-4*want+1e-37) {
			return fmt.Errorf("column %d is %v, it must be %v", index, got, want)
		}
		total += got
	}
	if w.k == 0 && !(math.Abs(total-1) <= 1e-4) {
		return fmt.Errorf("the probabilities sum to %v", total)
	}
	return nil
}

// errAnswer is that an answer is complete, but not the right one.
var errAnswer = errors.New("the answer differs from the first one")

// do sends the request, and reads the answer into buf.
func (q *request) do(ctx context.Context, client *http.Client, buf *bytes.Buffer) error {
	var body io.Reader = bytes.NewReader(q.body)
	if q.chunked {
		body = struct{ io.Reader }{body} // hides its length
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, q.url, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", q.kind)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	buf.Reset()
	if _, err := buf.ReadFrom(resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d: %.200s", resp.StatusCode, buf.Bytes())
	}
	if !bytes.Equal(buf.Bytes(), q.answer) {
		return errAnswer
	}
	return nil
}
