package server

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"testing"
)

// operationsOf are the paths that an engine has.
func operationsOf(e Engine) []operation {
	if e.LogSoftmax == nil {
		return []operation{softmax, topk}
	}
	return []operation{softmax, logSoftmax, topk}
}

// checkRow checks a row's raw answer.
func checkRow(t *testing.T, op operation, row []float32, answer []byte) {
	t.Helper()
	want := reference(row, op == logSoftmax)
	if op != topk {
		for j, p := range decode(answer) {
			if !near(p, want[j], op == logSoftmax) {
				t.Fatalf("%v of %.8v..., column %d: %v, want %v", op, row[:min(len(row), 8)], j, p, want[j])
			}
		}
		return
	}
	order := make([]uint32, len(row))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortStableFunc(order, func(a, b uint32) int { return cmp.Compare(row[b], row[a]) })
	for i, index := range order[:len(answer)/8] {
		p := want[index]
		if math.IsNaN(p) {
			index = NoIndex
		}
		gotIndex := binary.LittleEndian.Uint32(answer[8*i:])
		gotP := math.Float32frombits(binary.LittleEndian.Uint32(answer[8*i+4:]))
		if gotIndex != index || !near(gotP, p, false) {
			t.Fatalf("top-k of %.8v..., element %d: index %d, probability %v; want %d, %v", row[:min(len(row), 8)], i, gotIndex, gotP, index, p)
		}
	}
}

func TestRaw(t *testing.T) {
	forEngines(t, func(t *testing.T, e Engine) {
		s := start(t, e, "")
		for _, op := range operationsOf(e) {
			for _, shape := range [][2]int{{1, 1}, {50_000, 1}, {1000, 7}, {300, 1000}, {3, 32_000}, {2, 1 << 18}} {
				rows, cols := shape[0], shape[1]
				rng := rand.New(rand.NewPCG(uint64(rows), uint64(cols)))
				x := make([]float32, rows*cols)
				for i := range x {
					x[i] = float32(rng.NormFloat64() * 5)
					if rng.IntN(10) == 0 && i%cols > 0 {
						x[i] = float32(math.Inf(-1))
					}
				}
				k, each := min(cols, 40), 4*cols
				if op == topk {
					each = 8 * k
				}
				body := encode(x...)
				for _, reader := range []io.Reader{bytes.NewReader(body), chunked(body)} {
					for _, query := range []string{"", fmt.Sprintf("&rows=%d", rows)} {
						path := fmt.Sprintf("/v1/%v?cols=%d&k=%d%s", op, cols, k, query)
						if r, ok := reader.(*bytes.Reader); ok {
							r.Reset(body)
						} else {
							reader = chunked(body)
						}
						status, answer := s.post(path, asRaw, reader)
						if status != 200 || len(answer) != rows*each {
							t.Fatalf("%s: status %d, %d bytes, want %d", path, status, len(answer), rows*each)
						}
						for i := range rows {
							checkRow(t, op, x[i*cols:][:cols], answer[i*each:][:each])
						}
					}
				}
			}
		}
	})
}

// TestRawLimits has as much of everything as there may be, with and without a known length.
func TestRawLimits(t *testing.T) {
	s := start(t, nativeEngine(t), "-max-rows 4 -max-cols 8 -max-k 3 -max-body 128")
	body := encode(make([]float32, 32)...)
	for _, reader := range []io.Reader{bytes.NewReader(body), chunked(body)} {
		if status, answer := s.post("/v1/softmax?cols=8&rows=4", asRaw, reader); status != 200 || !bytes.Equal(answer, bytes.Repeat(encode(0.125), 32)) {
			t.Errorf("status %d: %q", status, answer)
		}
	}
	status, answer := s.post("/v1/top-k?cols=8&k=3", asRaw, bytes.NewReader(body))
	if status != 200 || len(answer) != 4*3*8 {
		t.Fatalf("status %d: %q", status, answer)
	}
	for i := range 4 {
		checkRow(t, topk, make([]float32, 8), answer[24*i:][:24])
	}
}

// TestOtherEngine has an engine that is asked for the probabilities of top-k.
func TestOtherEngine(t *testing.T) {
	e := nativeEngine(t)
	e.Name = "another"
	s := start(t, e, "")
	const rows, cols, k = 7, 5, 3
	x := make([]float32, rows*cols)
	for i := range x {
		x[i] = float32(i * i % 13)
	}
	x[2*cols] = float32(math.NaN())
	status, answer := s.post(fmt.Sprintf("/v1/top-k?cols=%d&k=%d", cols, k), asRaw, bytes.NewReader(encode(x...)))
	if status != 200 || len(answer) != rows*k*8 {
		t.Fatalf("status %d: %q", status, answer)
	}
	for i := range rows {
		checkRow(t, topk, x[i*cols:][:cols], answer[i*k*8:][:k*8])
	}
}

// TestSpecial holds the engines to native's table of special values.
func TestSpecial(t *testing.T) {
	inf, nan, big := float32(math.Inf(1)), float32(math.NaN()), float32(math.MaxFloat32)
	forEngines(t, func(t *testing.T, e Engine) {
		s := start(t, e, "")
		for _, cols := range []int{1, 3, 8, 100, 5000} {
			var x []float32
			for _, special := range [][]float32{
				{0}, {-inf}, {inf}, {nan}, {-nan}, {big}, {-big}, {-inf, inf}, {-inf, nan}, {inf, nan}, {inf, inf}, {big, -big}, {big, -inf}, {-big, -inf}, {1e-45},
			} {
				for _, fill := range []float32{0.5, -inf, -big, big} {
					row := make([]float32, cols)
					for j := range row {
						row[j] = fill
					}
					copy(row[cols/2:], special)
					x = append(x, row...)
				}
			}
			for _, op := range operationsOf(e) {
				each := 4 * cols
				if op == topk {
					each = 8
				}
				status, answer := s.post(fmt.Sprintf("/v1/%v?cols=%d&k=1", op, cols), asRaw, bytes.NewReader(encode(x...)))
				if status != 200 || len(answer) != len(x)/cols*each {
					t.Fatalf("status %d, %d bytes", status, len(answer))
				}
				for i := 0; i*cols < len(x); i++ {
					checkRow(t, op, x[i*cols:][:cols], answer[i*each:][:each])
				}
			}
		}
	})
}

// TestStreaming gets each row before it sends the next one.
func TestStreaming(t *testing.T) {
	forEngines(t, func(t *testing.T, e Engine) {
		s := start(t, e, "")
		body, send := io.Pipe()
		resp := make(chan *http.Response, 1)
		go func() {
			r, err := s.client.Post(s.url+"/v1/softmax?cols=3", asRaw, body)
			if err != nil {
				t.Error(err)
			}
			resp <- r
		}()
		var answer io.ReadCloser
		got := make([]byte, 12)
		for i := range 5 {
			row := []float32{float32(i), 0, 1}
			// In two pieces: half a row is no row.
			raw := encode(row...)
			for _, piece := range [][]byte{raw[:5], raw[5:]} {
				if _, err := send.Write(piece); err != nil {
					t.Fatal(err)
				}
			}
			if answer == nil {
				r := <-resp
				if r == nil {
					t.FailNow()
				}
				answer = r.Body
				defer answer.Close()
			}
			if _, err := io.ReadFull(answer, got); err != nil {
				t.Fatalf("row %d: %v", i, err)
			}
			checkRow(t, softmax, row, got)
		}
		send.Close()
		if rest, err := io.ReadAll(answer); err != nil || len(rest) > 0 {
			t.Errorf("%d bytes more, error %v", len(rest), err)
		}
	})
}

// TestStreamingMemory streams many times what the server may hold.
func TestStreamingMemory(t *testing.T) {
	const rows, cols = 16 << 10, 1 << 10 // 64 MiB
	s := start(t, nativeEngine(t), "")
	row := encode(make([]float32, cols)...)
	s.works()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	body, send := io.Pipe()
	go func() {
		for range rows {
			if _, err := send.Write(row); err != nil {
				t.Error(err)
				break
			}
		}
		send.Close()
	}()
	resp, err := s.client.Post(s.url+fmt.Sprintf("/v1/softmax?cols=%d", cols), asRaw, body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	if err != nil || n != rows*4*cols {
		t.Fatalf("%d bytes, error %v", n, err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > rows*4*cols/8 {
		t.Errorf("%d bytes allocated for %d streamed", got, rows*4*cols)
	}
}

// TestStreamCut breaks off after some rows have been answered: the answer must
// not seem complete.
func TestStreamCut(t *testing.T) {
	s := start(t, nativeEngine(t), "-max-rows 3")
	for name, rest := range map[string][]byte{
		"part of a row":  encode(1)[:3],
		"too many rows":  encode(1, 2, 3, 4, 5, 6),
		"more than rows": encode(1, 2, 3, 4),
	} {
		body, send := io.Pipe()
		go func() {
			send.Write(encode(1, 2))
		}()
		resp, err := s.client.Post(s.url+"/v1/softmax?cols=2&rows=2", asRaw, body)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 8)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		go func() {
			send.Write(rest)
			send.Close()
		}()
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%s: the answer seems complete", name)
		}
		resp.Body.Close()
		body.Close()
	}
	s.works()
}
