package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/testing/ptest"

	"github.com/twopass-softmax/twopass/native"
)

func TestMain(m *testing.M) { ptest.MainWithDefault(m, "prism") }

func write(t *testing.T, name string, x []float32) string {
	t.Helper()
	data, err := binary.Append(nil, binary.LittleEndian, x)
	if err == nil {
		err = os.WriteFile(name, data, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func read(t *testing.T, name string) []float32 {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, len(data)/4)
	if _, err := binary.Decode(data, binary.LittleEndian, x); err != nil {
		t.Fatal(err)
	}
	return x
}

func random(n int) []float32 {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(4 * r.NormFloat64())
	}
	return x
}

// whole is the operation on a row in one process.
func whole(op string, row []float32) []float32 {
	y := make([]float32, len(row))
	switch op {
	case "softmax":
		native.Softmax(y, row)
	case "log-softmax":
		native.LogSoftmax(y, row)
	default:
		y = []float32{native.LogSumExp(row)}
	}
	return y
}

func near(a, b float32) bool {
	return a == b || a != a && b != b || math.Abs(float64(a-b)) <= 1e-5*math.Abs(float64(b))+1e-30
}

func compare(t *testing.T, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d elements, want %d", len(got), len(want))
	}
	for i := range got {
		if !near(got[i], want[i]) {
			t.Fatalf("element %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// names are those of the files in a directory.
func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestRow(t *testing.T) {
	inf := float32(math.Inf(-1))
	for name, row := range map[string][]float32{
		"random": random(10_007), "a part of -Inf": append(random(2000), inf, inf, inf, inf, inf, inf), "far apart": {1e30, 0, -1e30, 1e30}, "one": {3},
		"NaN": {1, float32(math.NaN()), 2},
	} {
		for _, op := range ops {
			t.Run(name+", "+op, func(t *testing.T) {
				dir := t.TempDir()
				j := job{op: op, in: []string{write(t, filepath.Join(dir, "in"), row)}, out: filepath.Join(dir, "out"), rows: 1, chunk: 1000}
				if err := j.run(context.Background()); err != nil {
					t.Fatal(err)
				}
				compare(t, read(t, j.out), whole(op, row))
				if got := names(t, dir); got != "in out" {
					t.Errorf("files %s", got)
				}
			})
		}
	}
}

// TestMatrix: the columns of a matrix are with three shards of unequal width.
func TestMatrix(t *testing.T) {
	const rows = 37
	widths := []int{100, 1, 333}
	for _, op := range ops {
		t.Run(op, func(t *testing.T) {
			dir, out := t.TempDir(), t.TempDir()
			j := job{op: op, out: out, rows: rows, chunk: 1000}
			if op == "log-sum-exp" {
				j.out = filepath.Join(out, "lse")
			}
			var parts [][]float32
			full := make([][]float32, rows)
			for i, w := range widths {
				x := random(rows * w)
				parts = append(parts, x)
				j.in = append(j.in, write(t, filepath.Join(dir, fmt.Sprint(i)), x))
				for r := range full {
					full[r] = append(full[r], x[r*w:][:w]...)
				}
			}
			if err := j.run(context.Background()); err != nil {
				t.Fatal(err)
			}
			var lse []float32
			for r := range full {
				y := whole(op, full[r])
				lse = append(lse, y...)
				col := 0
				for i, w := range widths {
					if op != "log-sum-exp" {
						copy(parts[i][r*w:][:w], y[col:][:w])
					}
					col += w
				}
			}
			if op == "log-sum-exp" {
				compare(t, read(t, j.out), lse)
				return
			}
			for i := range widths {
				compare(t, read(t, filepath.Join(out, fmt.Sprint(i))), parts[i])
			}
		})
	}
}

// TestFault: a worker that fails ends the pipeline with an error that names the
// chunk, and leaves the file that was there alone.
func TestFault(t *testing.T) {
	for _, pass := range []string{"first", "second"} {
		t.Run(pass, func(t *testing.T) {
			dir := t.TempDir()
			j := job{op: "softmax", in: []string{write(t, filepath.Join(dir, "in"), random(5000))}, out: write(t, filepath.Join(dir, "out"), []float32{7}), rows: 1, chunk: 1000}
			failing = func(p string, c Chunk) error {
				if p == pass && c.Col == 3000 {
					return fmt.Errorf("%v: out of luck", c)
				}
				return nil
			}
			defer func() { failing = nil }()
			err := j.run(context.Background())
			if err == nil || !strings.Contains(err.Error(), "columns from 3000 to 3999: out of luck") {
				t.Errorf("error %v", err)
			}
			compare(t, read(t, j.out), []float32{7})
			if got := names(t, dir); got != "in out" {
				t.Errorf("files %s", got)
			}
		})
	}
}

// TestTwice: runners do the work of a failed worker again, in part or whole. The
// bytes are the same.
func TestTwice(t *testing.T) {
	dir := t.TempDir()
	x := random(5000)
	j := job{op: "softmax", in: []string{write(t, filepath.Join(dir, "in"), x)}, out: filepath.Join(dir, "out"), rows: 1, chunk: 1000}
	chunks, err := j.chunks()
	if err != nil {
		t.Fatal(err)
	}
	write(t, j.out+".tmp", x)
	var s Sums
	for _, c := range chunks {
		if s, err = new(sumFn).AddInput(s, c); err != nil {
			t.Fatal(err)
		}
	}
	var first []float32
	for range 2 {
		for _, c := range chunks {
			if err := (&finishFn{"softmax"}).ProcessElement(context.Background(), c, s); err != nil {
				t.Fatal(err)
			}
		}
		got := read(t, j.out+".tmp")
		if first == nil {
			first = got
		}
		for i := range got {
			if got[i] != first[i] {
				t.Fatalf("element %d is %v, then %v", i, first[i], got[i])
			}
		}
	}
}

// TestMemory: a chunk's length does not matter for a worker's memory.
func TestMemory(t *testing.T) {
	const n = 64 * pieceLen // 64 MiB
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	f, err := os.Create(in)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(4 * n); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s, err := new(sumFn).AddInput(Sums{}, Chunk{In: in, Cols: n, Rows: 1, Width: n})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := s.logSumExp()[0]; !near(got, float32(math.Log(n))) {
		t.Errorf("log-sum-exp %v", got)
	}
	// Encoding/binary takes a buffer for each piece; no more than some are there.
	if got := int64(after.HeapSys) - int64(before.HeapSys); got > 4*n/2 {
		t.Errorf("the heap grew by %d bytes for %d elements", got, n)
	}
}

func TestCoder(t *testing.T) {
	for _, rows := range []int{0, 1, 5} {
		var s Sums
		for i := range rows {
			s.add(i, random(i+1))
		}
		form, err := encodeSums(s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeSums(form)
		if err != nil || fmt.Sprint(got.logSumExp()) != fmt.Sprint(s.logSumExp()) {
			t.Errorf("%v, %v; want %v", got.logSumExp(), err, s.logSumExp())
		}
		for n := range form {
			if _, err := decodeSums(form[:n]); err == nil {
				t.Errorf("%d rows: %d bytes of %d are no error", rows, n, len(form))
			}
		}
	}
	for _, bad := range [][]byte{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, {0xff}, {1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1}} {
		if _, err := decodeSums(bad); err == nil {
			t.Errorf("%v is no error", bad)
		}
	}
	// What happens without a coder, and why there is one.
	var s Sums
	s.add(0, []float32{1})
	if text, _ := json.Marshal(s); string(text) != "{}" {
		t.Errorf("%s", text)
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	in := write(t, filepath.Join(dir, "in"), []float32{1, 2, 3})
	for args, want := range map[string]string{
		"":                                   "give an output",
		"-out x":                             "there are 0 inputs",
		in:                                   `-out is ""`,
		"-op max -out x " + in:               `-op is "max"`,
		"-rows 0 -out x " + in:               "-rows is 0",
		"-rows 2000000 -out x " + in:         "-rows is 2000000, it must be from 1 to 1048576",
		"-chunk 0 -out x " + in:              "-chunk is 0",
		"-rows 2 -out x " + in:               "has 12 bytes, it must be a positive multiple of 8",
		"-out x " + filepath.Join(dir, "no"): "no such file",
		"-out " + dir + "/no/x " + in:        "no such file",
	} {
		f := flag.NewFlagSet("", flag.ContinueOnError)
		f.SetOutput(io.Discard)
		j, err := parse(f, append([]string{}, strings.Fields(args)...))
		if err == nil {
			err = j.run(context.Background())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", args, err, want)
		}
	}
}
