package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
)

// The Open Inference Protocol, version 2, over HTTP, with the extension for
// binary tensors. Each operation is a model of one version, with one input.

const (
	modelVersion = "1"
	inputName    = "logits"
	maxRank      = 8 // of the input
	headerLength = "Inference-Header-Content-Length"
)

// tensor is a tensor's metadata, in JSON's form.
type tensor struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
}

// outputs are those of a model for an input of this shape.
func (o operation) outputs(shape []int, k int) []tensor {
	short := append(slices.Clone(shape[:len(shape)-1]), k)
	switch o {
	case logSoftmax:
		return []tensor{{"log_probabilities", "FP32", shape}}
	case topk:
		return []tensor{{"indices", "UINT32", short}, {"probabilities", "FP32", short}}
	}
	return []tensor{{"probabilities", "FP32", shape}}
}

func (s *Server) handleInfer(mux *http.ServeMux) {
	mux.HandleFunc("GET /v2", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, map[string]any{"name": "softmax", "version": modelVersion, "extensions": []string{"binary_tensor_data"}})
	})
	matrix := []int{-1, -1}
	for _, op := range operations {
		for _, path := range []string{"/v2/models/" + op.String(), "/v2/models/" + op.String() + "/versions/" + modelVersion} {
			mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
				writeJSON(w, map[string]any{
					"name": op.String(), "versions": []string{modelVersion}, "platform": s.engine.Name,
					"inputs": []tensor{{inputName, "FP32", matrix}}, "outputs": op.outputs(matrix, -1),
				})
			})
			mux.HandleFunc("GET "+path+"/ready", func(w http.ResponseWriter, _ *http.Request) {
				if !s.ready.Load() || op == logSoftmax && s.engine.LogSoftmax == nil {
					problemf(http.StatusServiceUnavailable, "model %v is not ready", op).write(w)
				}
			})
			mux.HandleFunc("POST "+path+"/infer", func(w http.ResponseWriter, r *http.Request) { s.serve(op, (*exchange).answerInfer, w, r) })
		}
	}
	mux.HandleFunc("/v2/models/{rest...}", func(w http.ResponseWriter, r *http.Request) {
		problemf(http.StatusNotFound, "there is no such page below models: %.40q; models are %v, of version %s", r.PathValue("rest"), operations, modelVersion).write(w)
	})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // what can't be written, nobody is there to read
}

// inferRequest is what a request may say; parameters of others are no concern of
// ours.
type inferRequest struct {
	ID         string `json:"id"`
	Parameters struct {
		K      int  `json:"k"`
		Binary bool `json:"binary_data_output"`
	} `json:"parameters"`
	Inputs []struct {
		Name       string `json:"name"`
		Datatype   string `json:"datatype"`
		Shape      []int  `json:"shape"`
		Parameters struct {
			Size *int `json:"binary_data_size"`
		} `json:"parameters"`
		Data numbers `json:"data"`
	} `json:"inputs"`
	Outputs []struct {
		Name       string `json:"name"`
		Parameters struct {
			Binary *bool `json:"binary_data"`
		} `json:"parameters"`
	} `json:"outputs"`
}

// inference is a request that has been found to be in order.
type inference struct {
	id            string
	rows, cols, k int
	outputs       []tensor
	binary        bool // of the outputs
	size          int  // bytes of a binary input, 0 if it was in the JSON
}

// heavyJSON is how many bytes of JSON take long enough for the heavy lane.
const heavyJSON = 8 << 10

// answerInfer reads a request, computes it, and writes the answer.
func (x *exchange) answerInfer() error {
	c := &x.s.config
	limit, length := c.MaxJSON, int(c.MaxJSON)+1
	if h := x.r.Header.Get(headerLength); h != "" {
		n, err := strconv.ParseUint(h, 10, 63)
		if err != nil || n == 0 || int64(n) > c.MaxJSON {
			return problemf(http.StatusBadRequest, "%s is %.40q, it must be a number from 1 to %d", headerLength, h, c.MaxJSON)
		}
		limit, length = int64(n)+c.MaxInfer, int(n)
	}
	if err := x.limit(limit); err != nil {
		return err
	}
	if h := &x.s.gate.heavy; min(x.r.ContentLength, int64(length)) > heavyJSON && !h.admitted.room(x.client) {
		return busy(h) // now, and not when a long body has been read
	}
	text, have, err := x.fill(length)
	if err != nil {
		return err
	}
	if length <= int(c.MaxJSON) && have < length {
		return problemf(http.StatusBadRequest, "body has %d bytes, %s is %d", have, headerLength, length)
	}
	lane := &x.s.gate.light
	if have > heavyJSON {
		lane = &x.s.gate.heavy
	}
	// An element takes two bytes of text, and four of memory.
	if err := x.reserve(int64(2*have + batchBytes)); err != nil {
		return err
	}
	if err := x.begin(lane); err != nil {
		return err
	}
	q, data, err := x.parse(wire(text)[:have])
	if err != nil {
		return err
	}
	text = nil
	if err := x.reserve(-int64(have)); err != nil {
		return err
	}
	if x.readErr == nil {
		// There is more, or the end of the body is still to be seen.
		x.turn.end()
		if q.size > 0 {
			lane = &x.s.gate.light
			if data, have, err = x.fill(q.size); err != nil {
				return err
			}
			if have < q.size {
				return problemf(http.StatusBadRequest, "body ends %d bytes into the tensor, binary_data_size is %d", have, q.size)
			}
			littleEndian(wire(data))
		}
		if n, err := x.Read(make([]byte, 1)); n > 0 { // io.EOF again if fill has seen it
			return problemf(http.StatusBadRequest, "body is longer than its parts")
		} else if err != io.EOF {
			return x.readProblem(err)
		}
		if err := x.begin(lane); err != nil {
			return err
		}
	} else if q.size > 0 {
		return problemf(http.StatusBadRequest, "body ends before the tensor, binary_data_size is %d", q.size)
	}
	if err := x.reserve(int64(16 * q.rows * q.k)); err != nil {
		return err
	}
	b := &batch{data: data}
	x.compute(b, q.rows, q.cols, q.k)
	if q.binary {
		x.turn.end()
		return x.sendBinary(q, b)
	}
	return x.sendJSON(q, b, lane)
}

// parse takes the JSON apart.
func (x *exchange) parse(text []byte) (*inference, []float32, error) {
	c := &x.s.config
	bad := func(format string, args ...any) (*inference, []float32, error) {
		return nil, nil, problemf(http.StatusBadRequest, format, args...)
	}
	var lengths struct{ Inputs, Outputs length }
	_ = json.Unmarshal(text, &lengths) // what is wrong with the text shows below
	switch {
	case lengths.Inputs > 1:
		return bad("there are %d inputs, there must be one, %s", lengths.Inputs, inputName)
	case lengths.Outputs > 2:
		return bad("there are %d outputs, no model has more than 2", lengths.Outputs)
	}
	var r inferRequest
	var p *problem
	var wrong *json.UnmarshalTypeError
	switch err := json.Unmarshal(text, &r); {
	case errors.As(err, &p):
		return nil, nil, p
	case errors.As(err, &wrong) && wrong.Field == "":
		return bad("the request is a JSON %.40s, it must be an object", wrong.Value)
	case errors.As(err, &wrong):
		return bad("%s in the request can't be a JSON %.40s", wrong.Field, wrong.Value)
	case err != nil:
		return bad("the request is no JSON: %v", err)
	case len(r.Inputs) != 1:
		return bad("there are %d inputs, there must be one, %s", len(r.Inputs), inputName)
	}
	in := &r.Inputs[0]
	if in.Name != inputName || in.Datatype != "FP32" {
		return bad("input is %.40q of datatype %.40q, it must be %q of FP32", in.Name, in.Datatype, inputName)
	}
	if n := len(in.Shape); n < 1 || n > maxRank {
		return bad("shape has %d elements, there must be from 1 to %d, the last one the number of columns", n, maxRank)
	}
	q := &inference{id: r.ID, rows: 1, binary: r.Parameters.Binary}
	q.cols = in.Shape[len(in.Shape)-1]
	for i, n := range in.Shape {
		last := i == len(in.Shape)-1
		switch {
		case n < 1:
			return bad("shape is %v, its elements must be at least 1", in.Shape)
		case last && n > c.MaxCols:
			return nil, nil, problemf(http.StatusRequestEntityTooLarge, "shape is %v, the limit is %d columns", in.Shape, c.MaxCols)
		case !last && n > c.MaxRows/q.rows:
			return nil, nil, problemf(http.StatusRequestEntityTooLarge, "shape is %v, the limit is %d rows", in.Shape, c.MaxRows)
		case !last:
			q.rows *= n
		}
	}
	if x.op == topk {
		switch q.k = r.Parameters.K; {
		case q.k < 1 || q.k > q.cols:
			return bad("parameter k is %d, it must be from 1 to %d, the number of columns", q.k, q.cols)
		case q.k > c.MaxK:
			return nil, nil, problemf(http.StatusRequestEntityTooLarge, "parameter k is %d, the limit is %d", q.k, c.MaxK)
		}
	}
	n := q.rows * q.cols
	switch size := in.Parameters.Size; {
	case size == nil && len(in.Data.values) != n:
		return bad("data has %d elements, shape %v has %d", len(in.Data.values), in.Shape, n)
	case size == nil && in.Data.inner > 0 && in.Data.inner != q.cols:
		return bad("data has arrays of %d elements, shape %v has %d columns", in.Data.inner, in.Shape, q.cols)
	case size != nil && int64(n) > c.MaxInfer/4:
		return nil, nil, problemf(http.StatusRequestEntityTooLarge, "shape %v has %d bytes, the limit is %d", in.Shape, 4*int64(n), c.MaxInfer)
	case size != nil && (*size != 4*n || in.Data.values != nil):
		return bad("binary_data_size is %d, shape %v has %d bytes, and there may be no data beside it", *size, in.Shape, 4*n)
	case size != nil && x.r.Header.Get(headerLength) == "":
		return bad("binary_data_size is there, but no header %s", headerLength)
	case size != nil:
		q.size = *size
	}
	all := x.op.outputs(in.Shape, q.k)
	if len(r.Outputs) == 0 {
		q.outputs = all
		return q, in.Data.values, nil
	}
	for i, o := range r.Outputs {
		at := slices.IndexFunc(all, func(t tensor) bool { return t.Name == o.Name })
		if at < 0 || len(r.Outputs) > len(all) {
			return bad("output %.40q does not exist, or there are more outputs than the model has", o.Name)
		}
		binary := r.Parameters.Binary
		if o.Parameters.Binary != nil {
			binary = *o.Parameters.Binary
		}
		if i > 0 && binary != q.binary {
			return bad("outputs are in part binary, they must all be or none")
		}
		q.binary = binary
		q.outputs = append(q.outputs, all[at])
	}
	return q, in.Data.values, nil
}

// length is how many elements an array has: to decode one takes up to 50 times the memory of its text.
type length int

// UnmarshalJSON counts commas. A field that is there twice has the larger number.
func (n *length) UnmarshalJSON(text []byte) error {
	depth, count := 0, length(1)
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case ',':
			if depth == 1 {
				count++
			}
		case '"':
			for i++; text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		}
	}
	*n = max(*n, count)
	return nil
}

// numbers are the elements of an array, or of arrays in it, of numbers and nulls.
type numbers struct {
	values []float32
	inner  int // the length of the innermost arrays, 0 if there is only one
}

// UnmarshalJSON takes what encoding/json has found to be a JSON value.
func (m *numbers) UnmarshalJSON(text []byte) error {
	if *m = (numbers{}); string(text) == "null" {
		return nil
	}
	m.values = grow[float32](nil, bytes.Count(text, []byte(","))+1)[:0]
	depth, begin := 0, 0
	for len(text) > 0 {
		switch c := text[0]; {
		case c == ' ', c == '\t', c == '\r', c == '\n', c == ',':
			text = text[1:]
		case c == '[':
			depth++
			begin = len(m.values)
			text = text[1:]
		case c == ']':
			if n := len(m.values) - begin; depth > 1 && n > 0 {
				if m.inner > 0 && n != m.inner {
					return problemf(http.StatusBadRequest, "data has arrays of %d and of %d elements", m.inner, n)
				}
				m.inner = n
			}
			begin = len(m.values)
			depth--
			text = text[1:]
		case depth == 0:
			return problemf(http.StatusBadRequest, "data is %.20q, it must be an array", text)
		default:
			n := bytes.IndexAny(text, ", \t\r\n]") // the array's end is still to come
			v, err := element(text[:n])
			if err != nil {
				return problemf(http.StatusBadRequest, "element %d of data: %v", len(m.values), err)
			}
			m.values = append(m.values, v)
			text = text[n:]
		}
	}
	return nil
}

// element is a number, or null for -Inf.
func element(text []byte) (float32, error) {
	if string(text) == "null" {
		return float32(math.Inf(-1)), nil
	}
	v, err := strconv.ParseFloat(string(text), 32)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%.40s is beyond float32's range, up to %g", text, math.MaxFloat32)
	case err != nil:
		return 0, fmt.Errorf("%.40q is neither a number nor null", text)
	}
	return float32(v), nil
}

// answerHead is the answer but for the data, up to where the first output's
// belongs.
func (q *inference) answerHead(op operation) []byte {
	id, _ := json.Marshal(q.id) // a string has a form in JSON
	return fmt.Appendf(nil, `{"model_name":%q,"model_version":%q,"id":%s,"outputs":[`, op.String(), modelVersion, id)
}

// outputHead is an output but for its data.
func (t *tensor) head(out []byte) []byte {
	text, _ := json.Marshal(t)
	return append(out, text[:len(text)-1]...)
}

// sendBinary sends an answer with its data after the JSON.
func (x *exchange) sendBinary(q *inference, b *batch) error {
	var all [][]byte
	head, size := q.answerHead(x.op), 0
	for i, t := range q.outputs {
		if i > 0 {
			head = append(head, ',')
		}
		data := b.result(&t, x.op)
		head = fmt.Appendf(t.head(head), `,"parameters":{"binary_data_size":%d}}`, len(data))
		all = append(all, littleEndian(data))
		size += len(data)
	}
	head = append(head, "]}"...)
	x.w.Header().Set("Content-Type", "application/octet-stream")
	x.w.Header().Set(headerLength, strconv.Itoa(len(head)))
	x.w.Header().Set("Content-Length", strconv.Itoa(len(head)+size))
	for _, p := range append([][]byte{head}, all...) {
		if err := x.send(p); err != nil {
			return err
		}
	}
	return nil
}

// result is an output's data.
func (b *batch) result(t *tensor, op operation) []byte {
	switch {
	case t.Datatype == "UINT32":
		return wire(b.index)
	case op == topk:
		return wire(b.top)
	}
	return wire(b.data)
}

// sendJSON encodes the answer in pieces, while it has a worker, and sends each
// while it has none.
func (x *exchange) sendJSON(q *inference, b *batch, l *lane) error {
	results := b.data
	if x.op == topk {
		results = b.top
	}
	for i, v := range results {
		if v != v {
			return problemf(http.StatusUnprocessableEntity, "row %d has a NaN or +Inf, or nothing but -Inf: NaN, its result, can't be written in JSON, but as binary data", i*q.rows/len(results))
		}
	}
	x.w.Header().Set("Content-Type", "application/json")
	out := q.answerHead(x.op)
	for i, t := range q.outputs {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(t.head(out), `,"data":[`...)
		indices := t.Datatype == "UINT32"
		for j, v := range results {
			if len(out) >= batchBytes-64 {
				x.turn.end()
				if err := x.send(out); err != nil {
					return err
				}
				out = out[:0]
				if err := x.begin(l); err != nil {
					return err
				}
			}
			if j > 0 {
				out = append(out, ',')
			}
			switch {
			case indices:
				out = strconv.AppendUint(out, uint64(b.index[j]), 10)
			case math.IsInf(float64(v), -1):
				out = append(out, "null"...)
			default:
				out = strconv.AppendFloat(out, float64(v), 'g', -1, 32)
			}
		}
		out = append(out, "]}"...)
	}
	x.turn.end()
	return x.send(append(out, "]}\n"...))
}
