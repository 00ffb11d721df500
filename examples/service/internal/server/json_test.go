package server

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	forEngines(t, func(t *testing.T, e Engine) {
		s := start(t, e, "")
		for _, c := range []struct {
			path, body, want string
			status           int
		}{
			{"/v1/softmax", `{"rows": [[0, 0, 0, 0]]}`, `{"rows":[[0.25,0.25,0.25,0.25]]}`, 200},
			{"/v1/softmax", "\n{\"rows\":[ [0,null] ,\t[null,-1e3]\n]}\n", `{"rows":[[1,0],[0,1]]}`, 200},
			{"/v1/softmax", `{"rows": [[3e38, -3e38]]}`, `{"rows":[[1,0]]}`, 200},
			{"/v1/log-softmax", `{"rows": [[0, null], [7, 7]]}`, `{"rows":[[0,null],[-0.6931472,-0.6931472]]}`, 200},
			{"/v1/top-k?k=2", `{"rows": [[null, 1, 1, null], [4, 4, null, 9999]]}`,
				`{"rows":[{"indices":[1,2],"probabilities":[0.5,0.5]},{"indices":[3,0],"probabilities":[1,0]}]}`, 200},
			{"/v1/softmax", `{"rows": [[1], [null]]}`, "row 1 has nothing but null", 422},
			{"/v1/softmax", `{"rows": [[1, 1e39]]}`, "row 0, column 1: 1e39 is beyond float32's range", 400},
			{"/v1/softmax", `{"rows": [[NaN]]}`, "invalid character 'N'", 400},
			{"/v1/softmax", `{"rows": [["1"]]}`, "row 0, column 0: \"\\\"1\\\"\" is neither a number nor null", 400},
			{"/v1/softmax", `{"rows": [[[1]]]}`, "is neither a number nor null", 400},
			{"/v1/softmax", `{"rows": [[{"a": 1}]]}`, "is neither a number nor null", 400},
			{"/v1/softmax", `{"rows": [1]}`, "it must be an array of arrays", 400},
			{"/v1/softmax", `{"rows": {"a": [[1]]}}`, "it must be an array of arrays", 400},
			{"/v1/softmax", `{"rows": "x"}`, "it must be an array of arrays", 400},
			{"/v1/softmax", `{"rows": [[1], [1, 2]]}`, "row 1 has 2 columns, row 0 has 1", 400},
			{"/v1/softmax", `{"rows": [[]]}`, "row 0 is empty", 400},
			{"/v1/softmax", `{"rows": []}`, "body has no rows", 400},
			{"/v1/softmax", `{"rows": null}`, "body has no rows", 400},
			{"/v1/softmax", `{}`, "body has no rows", 400},
			{"/v1/softmax", `{"row": [[1]]}`, "unknown field \"row\"", 400},
			{"/v1/softmax", `{"rows": [[1]]} x`, "invalid character 'x'", 400},
			{"/v1/softmax", `{"rows": [[1]]} 1`, "something after the object", 400},
			{"/v1/softmax", `{"rows": [[1]`, "unexpected EOF", 400},
			{"/v1/softmax", ``, "EOF", 400},
			{"/v1/softmax", `[[1]]`, "body is no JSON object", 400},
			{"/v1/top-k", `{"rows": [[1]]}`, "k is missing", 400},
			{"/v1/top-k?k=3", `{"rows": [[1, 2]]}`, "k is 3, a row has only 2 columns", 400},
		} {
			status, answer := s.post(c.path, asJSON+"; charset=utf-8", strings.NewReader(c.body))
			switch {
			case c.path == "/v1/log-softmax" && e.LogSoftmax == nil:
				refused(t, status, answer, 501, "engine "+e.Name+" has no log-softmax")
			case c.status != 200:
				refused(t, status, answer, c.status, c.want)
			case status != 200 || string(answer) != c.want+"\n":
				t.Errorf("%s %s: status %d: %swant %s", c.path, c.body, status, answer, c.want)
			}
		}
	})
}

// TestJSONLong has answers of several pieces.
func TestJSONLong(t *testing.T) {
	s := start(t, nativeEngine(t), "")
	body, want := `{"rows": [`, 0
	for ; len(body) < 3*batchBytes; want++ {
		body += fmt.Sprintf("[%d, 0.1234567, 3e-7],", want%20)
	}
	status, answer := s.post("/v1/softmax", asJSON, strings.NewReader(strings.TrimSuffix(body, ",")+"]}"))
	var got struct{ Rows [][]float32 }
	if err := json.Unmarshal(answer, &got); err != nil || status != 200 || len(got.Rows) != want {
		t.Fatalf("status %d, error %v, %d rows, want %d", status, err, len(got.Rows), want)
	}
	for i, row := range got.Rows {
		for j, p := range reference([]float32{float32(i % 20), 0.1234567, 3e-7}, false) {
			if !near(row[j], p, false) {
				t.Fatalf("row %d, column %d is %v, want %v", i, j, row[j], p)
			}
		}
	}
}

// TestJSONPieces has one row that is longer than what is sent at once.
func TestJSONPieces(t *testing.T) {
	var e encoder
	var sent []byte
	longest := 0
	e.send = func(p []byte) error {
		sent, longest = append(sent, p...), max(longest, len(p))
		return nil
	}
	values := make([]float32, 4*batchBytes)
	array(&e, values, appendFloat)
	sent = append(sent, e.out...)
	if want := "[" + strings.Repeat("0,", len(values)-1) + "0]"; string(sent) != want {
		t.Errorf("%d bytes sent, want %d", len(sent), len(want))
	}
	if longest > batchBytes+16 {
		t.Errorf("a piece of %d bytes", longest)
	}
	e.send = func([]byte) error { return io.ErrClosedPipe }
	if array(&e, values, appendFloat); e.err != io.ErrClosedPipe {
		t.Errorf("error %v", e.err)
	}
}

// FuzzMatrix holds the decoder of rows to encoding/json's, for any JSON value.
func FuzzMatrix(f *testing.F) {
	for _, seed := range []string{"[[1,null],[-2e3,0]]", "[[1],[2,3]]", "[[1]", "[[null]]", "[[[1]]]", `[["1,2]"]]`, "[[1],2]", "{}", " [ [ 1 , 2 ] ] ", "[[1e99]]", "[[]]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			return
		}
		m := matrix{maxRows: 3, maxCols: 4}
		err := m.UnmarshalJSON([]byte(text))
		var want [][]*float32
		valid := json.Unmarshal([]byte(text), &want) == nil && len(want) <= 3
		for _, row := range want {
			numbers := 0
			for _, v := range row {
				if v != nil {
					numbers++
				}
			}
			valid = valid && len(row) == len(want[0]) && numbers > 0 && len(row) <= 4
		}
		if strings.TrimSpace(text) == "null" || strings.Contains(text, "null") && err != nil && !valid {
			return // encoding/json takes null for a row, or for all of them
		}
		if (err == nil) != valid {
			t.Fatalf("%q: error %v, but valid is %v", text, err, valid)
		}
		if err != nil {
			return
		}
		if m.rows != len(want) || len(m.data) != m.rows*m.cols {
			t.Fatalf("%q: %d rows of %d columns, %d elements", text, m.rows, m.cols, len(m.data))
		}
		for i, v := range m.data {
			switch w := want[i/m.cols][i%m.cols]; {
			case w == nil && !math.IsInf(float64(v), -1), w != nil && v != *w:
				t.Fatalf("%q: element %d is %v", text, i, v)
			}
		}
	})
}
