package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestInfer(t *testing.T) {
	forEngines(t, func(t *testing.T, e Engine) {
		s := start(t, e, "-max-rows 4 -max-cols 8 -max-k 3 -max-json 1000 -max-infer 64")
		topk := func(k, data string) string {
			return strings.Replace(infer("[1, 4]", data), "{", `{"parameters": {"k": `+k+`}, `, 1)
		}
		outputs := func(list string) string {
			return strings.Replace(topk("2", "[4, 4, null, 9999]"), "{", `{"outputs": `+list+`, `, 1)
		}
		for _, c := range []struct {
			model, body string
			status      int
			want        string // the outputs, or in the error
		}{
			{"softmax", infer("[1, 4]", "[0, 0, 0, 0]"), 200, `{"name":"probabilities","datatype":"FP32","shape":[1,4],"data":[0.25,0.25,0.25,0.25]}`},
			{"softmax", infer("[4]", "[0, 0, 0, 0]"), 200, `{"name":"probabilities","datatype":"FP32","shape":[4],"data":[0.25,0.25,0.25,0.25]}`},
			{"softmax", infer("[2, 1, 2]", " [ [[0 ,null]] ,\n[[null,\t-1e3]] ] "), 200, `{"name":"probabilities","datatype":"FP32","shape":[2,1,2],"data":[1,0,0,1]}`},
			{"softmax", infer("[1, 2]", "[3e38, -3e38]"), 200, `{"name":"probabilities","datatype":"FP32","shape":[1,2],"data":[1,0]}`},
			{"log-softmax", infer("[2, 2]", "[[0, null], [7, 7]]"), 200, `{"name":"log_probabilities","datatype":"FP32","shape":[2,2],"data":[0,null,-0.6931472,-0.6931472]}`},
			{"top-k", topk("2", "[4, 4, null, 9999]"), 200, `{"name":"indices","datatype":"UINT32","shape":[1,2],"data":[3,0]},{"name":"probabilities","datatype":"FP32","shape":[1,2],"data":[1,0]}`},
			{"top-k", outputs(`[{"name": "probabilities"}]`), 200, `{"name":"probabilities","datatype":"FP32","shape":[1,2],"data":[1,0]}`},
			{"top-k/versions/1", outputs(`[{"name": "probabilities"}, {"name": "indices"}]`), 200, `{"name":"probabilities","datatype":"FP32","shape":[1,2],"data":[1,0]},{"name":"indices","datatype":"UINT32","shape":[1,2],"data":[3,0]}`},
			// As much as there may be, and as little.
			{"softmax", infer("[8]", "[0, 0, 0, 0, 0, 0, 0, 0]"), 200, `{"name":"probabilities","datatype":"FP32","shape":[8],"data":[0.125,0.125,0.125,0.125,0.125,0.125,0.125,0.125]}`},
			{"softmax", infer("[2, 2, 1]", "[1, 2, 3, 4]"), 200, `{"name":"probabilities","datatype":"FP32","shape":[2,2,1],"data":[1,1,1,1]}`},
			{"softmax", infer("[1, 1, 1, 1, 1, 1, 1, 2]", "[5, 5]"), 200, `{"name":"probabilities","datatype":"FP32","shape":[1,1,1,1,1,1,1,2],"data":[0.5,0.5]}`},
			{"top-k", topk("1", "[0, 9999, 0, 0]"), 200, `{"name":"indices","datatype":"UINT32","shape":[1,1],"data":[1]},{"name":"probabilities","datatype":"FP32","shape":[1,1],"data":[1]}`},
			{"top-k", topk("3", "[0, 0, 0, 0]"), 200, `{"name":"indices","datatype":"UINT32","shape":[1,3],"data":[0,1,2]},{"name":"probabilities","datatype":"FP32","shape":[1,3],"data":[0.25,0.25,0.25]}`},
			{"softmax", fmt.Sprintf("%-1000s", infer("[1]", "[0]")), 200, `{"name":"probabilities","datatype":"FP32","shape":[1],"data":[1]}`},
			// What is said twice counts once, the last time.
			{"softmax", `{"inputs": null, "inputs": [{"name": "logits", "datatype": "FP32", "shape": [1], "data": null, "data": [5]}]}`, 200, `{"name":"probabilities","datatype":"FP32","shape":[1],"data":[1]}`},

			{"softmax", infer("[2, 1]", "[1, null]"), 422, "row 1 has a NaN or +Inf, or nothing but -Inf"},
			{"softmax", infer("[2]", "[1, 1e39]"), 400, "element 1 of data: 1e39 is beyond float32's range"},
			{"softmax", infer("[1]", "[NaN]"), 400, "invalid character 'N'"},
			{"softmax", infer("[1]", `["1"]`), 400, `element 0 of data: "\"1\"" is neither a number nor null`},
			{"softmax", infer("[1]", `[{"a": 1}]`), 400, "is neither a number nor null"},
			{"softmax", infer("[1]", `{"a": [1]}`), 400, "it must be an array"},
			{"softmax", infer("[1]", `"x"`), 400, "it must be an array"},
			{"softmax", infer("[1]", `null`), 400, "data has 0 elements, shape [1] has 1"},
			{"softmax", infer("[1]", `[]`), 400, "data has 0 elements, shape [1] has 1"},
			{"softmax", infer("[2, 2]", "[[1, 2, 3], [4]]"), 400, "data has arrays of 3 and of 1 elements"},
			{"softmax", infer("[2, 2]", "[[1, 2, 3, 4]]"), 400, "data has arrays of 4 elements, shape [2 2] has 2 columns"},
			{"softmax", infer("[3]", "[1, 2]"), 400, "data has 2 elements, shape [3] has 3"},
			{"softmax", infer("[]", "[1]"), 400, "shape has 0 elements, there must be from 1 to 8"},
			{"softmax", infer("[1, 1, 1, 1, 1, 1, 1, 1, 1]", "[1]"), 400, "shape has 9 elements, there must be from 1 to 8"},
			{"softmax", infer("[0]", "[]"), 400, "shape is [0], its elements must be at least 1"},
			{"softmax", infer("[-1, 1]", "[1]"), 400, "its elements must be at least 1"},
			{"softmax", infer("[9]", "[1]"), 413, "the limit is 8 columns"},
			{"softmax", infer("[5, 1]", "[1]"), 413, "the limit is 4 rows"},
			{"softmax", infer("[2, 3, 1]", "[1]"), 413, "the limit is 4 rows"},
			{"softmax", infer("[4611686018427387905, 4]", "[1]"), 413, "the limit is 4 rows"},
			{"softmax", infer("[1.5]", "[1]"), 400, "inputs.shape in the request can't be a JSON number 1.5"},
			{"softmax", infer(`"x"`, "[1]"), 400, "inputs.shape in the request can't be a JSON string"},
			{"softmax", `{"inputs": []}`, 400, "there are 0 inputs"},
			{"softmax", `{"inputs": null}`, 400, "there are 0 inputs"},
			{"softmax", `{}`, 400, "there are 0 inputs"},
			{"softmax", `{"inputs": 1}`, 400, "inputs in the request can't be a JSON number"},
			{"softmax", `{"inputs": [1]}`, 400, "inputs in the request can't be a JSON number"},
			{"softmax", `{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1], "data": [1]}]}`, 400, `input is "x" of datatype "FP32", it must be "logits" of FP32`},
			{"softmax", `{"inputs": [{"name": "logits", "datatype": "INT8", "shape": [1], "data": [1]}]}`, 400, `of datatype "INT8"`},
			{"softmax", `[[1]]`, 400, "the request is a JSON array, it must be an object"},
			{"softmax", `5`, 400, "the request is a JSON number, it must be an object"},
			{"softmax", infer("[1]", "[1]") + "x", 400, "invalid character 'x'"},
			{"softmax", infer("[1]", "[1"), 400, "invalid character '}'"},
			{"softmax", ``, 400, "unexpected end of JSON input"},
			{"softmax", strings.Repeat(" ", 1001), 413, "body has 1001 bytes, the limit is 1000"},
			{"softmax", `{"inputs": [{"name": "logits", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}}]}`, 400, "no header Inference-Header-Content-Length"},
			{"top-k", infer("[1]", "[1]"), 400, "parameter k is 0, it must be from 1 to 1"},
			{"top-k", topk("5", "[1, 2, 3, 4]"), 400, "parameter k is 5, it must be from 1 to 4"},
			{"top-k", topk("4", "[1, 2, 3, 4]"), 413, "parameter k is 4, the limit is 3"},
			{"top-k", topk(`"4"`, "[1, 2, 3, 4]"), 400, "parameters.k in the request can't be a JSON string"},
			{"top-k", outputs(`[{"name": "x"}]`), 400, `output "x" does not exist`},
			{"top-k", outputs(`[{"name": "indices", "parameters": {"binary_data": true}}, {"name": "probabilities"}]`), 400, "in part binary"},
		} {
			status, answer := s.post("/v2/models/"+c.model+"/infer", asJSON, strings.NewReader(c.body))
			model, _, _ := strings.Cut(c.model, "/")
			switch {
			case model == "log-softmax" && e.LogSoftmax == nil:
				refused(t, status, answer, 501, "engine "+e.Name+" has no log-softmax")
			case c.status != 200:
				refused(t, status, answer, c.status, c.want)
				if goTerms.Match(answer) {
					t.Errorf("%s speaks of Go: %s", c.body, answer)
				}
			default:
				want := fmt.Sprintf(`{"model_name":"%s","model_version":"1","id":"","outputs":[%s]}`+"\n", model, c.want)
				if status != 200 || string(answer) != want {
					t.Errorf("%s %s: status %d: %swant %s", c.model, c.body, status, answer, want)
				}
			}
		}
		status, answer := s.post(inferPath, asJSON, chunked(bytes.Repeat([]byte(" "), 1001)))
		refused(t, status, answer, 413, "body is longer than the limit of 1000 bytes")
		s.works()
	})
}

// TestInferLists holds what is decoded to 16 times the memory of the text, for arrays of nothing.
func TestInferLists(t *testing.T) {
	c := new(Config)
	c.MaxCols, c.MaxRows, c.MaxK = 1, 1, 1
	x := &exchange{s: &Server{config: *c}, r: httptest.NewRequest("POST", inferPath, nil)}
	for _, each := range []string{"{}", "1", "null", `{"name":"\\\",[,"}`, `{"data":[1,1]}`} {
		for _, list := range []string{"inputs", "OUTPUTS"} {
			text := []byte(`{"` + list + `":[],"` + list + `":[` + strings.Repeat(each+",", 100_000) + each + `],"` + list + `":[]}`)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, err := x.parse(text)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > uint64(16*len(text)) {
				t.Errorf("%s of %s: %d bytes for %d of text", list, each, n, len(text))
			}
			if err == nil || !strings.Contains(err.Error(), "there are 100001 "+strings.ToLower(list)) {
				t.Errorf("%s of %s: %v", list, each, err)
			}
		}
	}
}

// goTerms are words that clients are not to be bothered with.
var goTerms = regexp.MustCompile(`struct|Go value|server\.|float32 \(|\bjson:|unmarshal`)

// binaryInfer posts a request with a tensor after its JSON.
func (s *service) binaryInfer(model, text string, data []byte, body func([]byte) io.Reader) (status int, answer []byte, header http.Header) {
	s.t.Helper()
	req, err := http.NewRequest("POST", s.url+"/v2/models/"+model+"/infer", body(append([]byte(text), data...)))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set(headerLength, strconv.Itoa(len(text)))
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, answer, resp.Header
}

func TestInferBinary(t *testing.T) {
	bodies := []func([]byte) io.Reader{func(b []byte) io.Reader { return bytes.NewReader(b) }, chunked}
	request := func(rows, cols, size int, more string) string {
		return fmt.Sprintf(`{"id": "7", "parameters": {"k": 3, "binary_data_output": true}, %s
			"inputs": [{"name": "logits", "shape": [%d, %d], "datatype": "FP32", "parameters": {"binary_data_size": %d}}]}`, more, rows, cols, size)
	}
	forEngines(t, func(t *testing.T, e Engine) {
		s := start(t, e, "")
		for _, body := range bodies {
			const rows, cols = 17, 5001
			x := make([]float32, rows*cols)
			for i := range x {
				x[i] = float32(i * i % 1013)
			}
			x[cols] = float32(math.NaN())
			for _, op := range operationsOf(e) {
				status, answer, header := s.binaryInfer(op.String(), request(rows, cols, 4*len(x), ""), encode(x...), body)
				n, err := strconv.Atoi(header.Get(headerLength))
				if err != nil || status != 200 {
					t.Fatalf("%v: status %d: %.200s: %v", op, status, answer, err)
				}
				if got := header.Get("Content-Length"); got != strconv.Itoa(len(answer)) {
					t.Errorf("%v: Content-Length is %s, not %d", op, got, len(answer))
				}
				var head struct {
					Model   string `json:"model_name"`
					ID      string
					Outputs []struct {
						tensor
						Parameters struct {
							Size int `json:"binary_data_size"`
						}
					}
				}
				if err := json.Unmarshal(answer[:n], &head); err != nil || head.Model != op.String() || head.ID != "7" {
					t.Fatalf("%s: %v", answer[:n], err)
				}
				var data [][]byte
				for i, o := range head.Outputs {
					want := op.outputs([]int{rows, cols}, 3)[i]
					if o.Name != want.Name || o.Datatype != want.Datatype || fmt.Sprint(o.Shape) != fmt.Sprint(want.Shape) {
						t.Errorf("output %+v, want %+v", o, want)
					}
					end := n + o.Parameters.Size
					data = append(data, answer[n:end])
					n = end
				}
				if n != len(answer) {
					t.Fatalf("%d bytes, want %d", len(answer), n)
				}
				for i := range rows {
					if op != topk {
						checkRow(t, op, x[i*cols:][:cols], data[0][4*i*cols:][:4*cols])
						continue
					}
					var pairs []byte
					for j := 3 * i; j < 3*i+3; j++ {
						pairs = append(append(pairs, data[0][4*j:][:4]...), data[1][4*j:][:4]...)
					}
					checkRow(t, op, x[i*cols:][:cols], pairs)
				}
			}
		}
		for _, body := range bodies {
			for _, c := range []struct {
				text string
				n    int // floats that are sent
				want string
			}{
				{request(1, 2, 8, ""), 1, "body ends 4 bytes into the tensor, binary_data_size is 8"},
				{request(1, 2, 8, ""), 0, "body ends"},
				{request(1, 2, 8, ""), 3, "body is longer than its parts"},
				{request(1, 2, 12, ""), 3, "binary_data_size is 12, shape [1 2] has 8 bytes"},
				{request(1, 2, -8, ""), 2, "binary_data_size is -8"},
				{infer("[1, 2]", "[1, 2]"), 1, "body is longer than its parts"},
			} {
				status, answer, _ := s.binaryInfer("softmax", c.text, encode(make([]float32, c.n)...), body)
				refused(t, status, answer, 400, c.want)
			}
		}
		status, answer, _ := s.binaryInfer("softmax", request(1, 1, 4, `"outputs": [{"name": "probabilities", "parameters": {"binary_data": false}}],`), encode(3), bodies[0])
		if status != 200 || !strings.Contains(string(answer), `"data":[1]}`) {
			t.Errorf("status %d: %s", status, answer)
		}
		for _, h := range []string{"0", "-1", "x", "1048577"} {
			req, err := http.NewRequest("POST", s.url+inferPath, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set(headerLength, h)
			resp, err := s.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			refused(t, resp.StatusCode, answer, 400, "it must be a number from 1 to 1048576")
		}
		s.works()
	})
}

// TestInferBinaryLimits has as much of the JSON, and of the tensor, as there may be.
func TestInferBinaryLimits(t *testing.T) {
	s := start(t, nativeEngine(t), "-max-json 1000 -max-infer 64")
	tensor := fmt.Sprintf("%-1000s", `{"inputs": [{"name": "logits", "shape": [8, 2], "datatype": "FP32", "parameters": {"binary_data_size": 64}}]}`)
	for _, c := range []struct {
		text   string
		floats int
		status int
		want   string
	}{
		{tensor, 16, 200, `"data":[0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5]`},
		{strings.Replace(tensor, "[8, 2]", "[1,17]", 1), 16, 413, "shape [1 17] has 68 bytes, the limit is 64"},
	} {
		status, answer, _ := s.binaryInfer("softmax", c.text, make([]byte, 4*c.floats), chunked)
		if status != c.status || !strings.Contains(string(answer), c.want) {
			t.Errorf("%.150s: status %d: %s, want %d: %s", c.text, status, answer, c.status, c.want)
		}
	}
	req, err := http.NewRequest("POST", s.url+inferPath, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(headerLength, "1000")
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, resp.StatusCode, answer, 400, "body has 2 bytes, "+headerLength+" is 1000")
}

// TestInferLateEnd has a header though nothing follows the JSON. The body ends when that has been taken apart.
func TestInferLateEnd(t *testing.T) {
	s := start(t, nativeEngine(t), "")
	text := infer("[1, 2]", "[0, null]")
	body, send := io.Pipe()
	go func() {
		send.Write([]byte(text))
		apart := int64((len(text)+3)/4*4 + len(text) + batchBytes) // what is held then
		for end := time.Now().Add(generous); s.memory.inUse() != apart && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		send.Close()
	}()
	status, answer, _ := s.binaryInfer("softmax", text, nil, func([]byte) io.Reader { return body })
	if status != 200 || !strings.Contains(string(answer), `"data":[1,0]`) {
		t.Errorf("status %d: %s", status, answer)
	}
}

// TestReserved holds how much memory a request is taken to hold while it computes.
func TestReserved(t *testing.T) {
	e := nativeEngine(t)
	e.Name = "another" // so that top-k asks it for probabilities
	var s *service
	var held atomic.Int64
	compute := e.Softmax
	e.Softmax = func(data []float32, cols int) {
		held.Store(s.memory.inUse())
		compute(data, cols)
	}
	s = start(t, e, "")
	const least = 4096 // for a body, or a part of one, of unknown length
	text := infer("[2, 3]", "[1, 2, 3, 4, 5, 6]")
	top := strings.Replace(text, "{", `{"parameters": {"k": 2}, `, 1)
	head := `{"inputs": [{"name": "logits", "shape": [2, 3], "datatype": "FP32", "parameters": {"binary_data_size": 24}}]}`
	for _, c := range []struct {
		what   string
		status func() int
		want   int
	}{
		{"JSON", func() int { status, _ := s.post(inferPath, asJSON, strings.NewReader(text)); return status }, least + len(text) + batchBytes},
		{"JSON of several parts", func() int {
			status, _ := s.post(inferPath, asJSON, strings.NewReader(fmt.Sprintf("%-5000s", text)))
			return status
		}, 16*least + 5000 + batchBytes},
		{"JSON for top-k", func() int {
			status, _ := s.post("/v2/models/top-k/infer", asJSON, strings.NewReader(top))
			return status
		}, least + len(top) + batchBytes + 16*2*2},
		{"a tensor", func() int {
			status, _, _ := s.binaryInfer("softmax", head, make([]byte, 24), chunked)
			return status
		}, (len(head)+3)/4*4 + len(head) + batchBytes + 24},
		{"raw rows", func() int {
			status, _ := s.post("/v1/softmax?cols=1000", asRaw, bytes.NewReader(make([]byte, 4000)))
			return status
		}, batchBytes},
		{"raw rows for top-k", func() int {
			status, _ := s.post("/v1/top-k?cols=1000&k=5", asRaw, bytes.NewReader(make([]byte, 4000)))
			return status
		}, batchBytes + 24*16*5},
	} {
		held.Store(0)
		if status := c.status(); status != 200 || held.Load() != int64(c.want) {
			t.Errorf("%s: status %d, %d bytes, want %d", c.what, status, held.Load(), c.want)
		}
	}
}

// TestInferLong has answers of several pieces, and takes turns for them.
func TestInferLong(t *testing.T) {
	s := start(t, nativeEngine(t), "")
	const rows = 20_000
	data := strings.Repeat("[1, 0.1234567, 3e-7],", rows)
	status, answer := s.post(inferPath, asJSON, strings.NewReader(infer(fmt.Sprintf("[%d, 3]", rows), "["+data[:len(data)-1]+"]")))
	var got struct {
		Outputs []struct{ Data []float32 }
	}
	if err := json.Unmarshal(answer, &got); err != nil || status != 200 || len(got.Outputs) != 1 || len(got.Outputs[0].Data) != 3*rows {
		t.Fatalf("status %d, error %v, %.200s", status, err, answer)
	}
	for i, p := range got.Outputs[0].Data {
		if want := reference([]float32{1, 0.1234567, 3e-7}, false)[i%3]; !near(p, want, false) {
			t.Fatalf("element %d is %v, want %v", i, p, want)
		}
	}
}

func TestInferMetadata(t *testing.T) {
	s := start(t, nativeEngine(t), "")
	for path, want := range map[string]string{
		"/v2": `{"extensions":["binary_tensor_data"],"name":"softmax","version":"1"}`,
		"/v2/models/top-k": `{"inputs":[{"name":"logits","datatype":"FP32","shape":[-1,-1]}],"name":"top-k",` +
			`"outputs":[{"name":"indices","datatype":"UINT32","shape":[-1,-1]},{"name":"probabilities","datatype":"FP32","shape":[-1,-1]}],"platform":"native","versions":["1"]}`,
		"/v2/models/softmax/ready":                "",
		"/v2/models/log-softmax/versions/1/ready": "",
	} {
		if status, text := s.get(s.url + path); status != 200 || strings.TrimSpace(text) != want {
			t.Errorf("%s: status %d: %s, want %s", path, status, text, want)
		}
	}
	for _, path := range []string{"/v2/models/x", "/v2/models/softmax/versions/2", "/v2/models/x/ready"} {
		status, text := s.get(s.url + path)
		refused(t, status, []byte(text), 404, "models are [softmax log-softmax top-k], of version 1")
	}
	e := nativeEngine(t)
	e.LogSoftmax = nil
	without := start(t, e, "")
	for model, want := range map[string]int{"softmax": 200, "top-k": 200, "log-softmax": 503} {
		if status, text := s.get(without.url + "/v2/models/" + model + "/ready"); status != want {
			t.Errorf("an engine without log-softmax: %s: status %d: %s", model, status, text)
		}
	}
	without.works()
	status, answer := without.post("/v2/models/log-softmax/infer", asJSON, strings.NewReader(infer("[1]", "[1]")))
	refused(t, status, answer, 501, "has no log-softmax")
	s.ready.Store(false)
	for _, path := range []string{"/v2/models/softmax/ready", "/v2/health/ready"} {
		if status, _ := s.get(s.url + path); status != 503 {
			t.Errorf("%s: status %d", path, status)
		}
	}
}

// FuzzNumbers holds the decoder of data to encoding/json's, for any JSON value.
func FuzzNumbers(f *testing.F) {
	for _, seed := range []string{"[[1,null],[-2e3,0]]", "[[1],[2,3]]", "[1,2]", "[[null]]", "[[[1]]]", `["1,2]"]`, "[[1],2]", "{}", " [ [ 1 , 2 ] ] ", "[1e99]", "[[]]", "[]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want any
		if json.Unmarshal([]byte(text), &want) != nil {
			return
		}
		var flat []float32
		valid := flatten(want, &flat)
		_, array := want.([]any)
		if want == nil {
			return // as if it were not there
		}
		var m numbers
		err := m.UnmarshalJSON([]byte(text))
		if err == nil && (!valid || !array) || err != nil && valid && array && !strings.Contains(err.Error(), "arrays of") {
			t.Fatalf("%q: error %v, but valid is %v", text, err, valid)
		}
		if err == nil && fmt.Sprint(m.values) != fmt.Sprint(flat) {
			t.Fatalf("%q: %v, want %v", text, m.values, flat)
		}
	})
}

// flatten reports whether v is numbers and nulls, in arrays or not.
func flatten(v any, to *[]float32) bool {
	switch v := v.(type) {
	case nil:
		*to = append(*to, float32(math.Inf(-1)))
	case float64:
		*to = append(*to, float32(v))
		return !math.IsInf(float64(float32(v)), 0)
	case []any:
		for _, e := range v {
			if !flatten(e, to) {
				return false
			}
		}
	default:
		return false
	}
	return true
}
