package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/xnnpack"
)

// TestMain makes the test's program the service where the load asks for it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == serveCommand {
		os.Exit(serve(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// TestLoad is the command for a second, with every engine that there is.
func TestLoad(t *testing.T) {
	file := filepath.Join(t.TempDir(), "load.json")
	var out, progress bytes.Buffer
	if err := command(context.Background(), []string{"-seconds", "1", "-clients", "4", "-json", file}, &out, &progress); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), progress.String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r result
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	want := 1
	if xnnpack.Available() == nil {
		want = 2
	}
	if len(r.Engines) != want {
		t.Fatalf("%d engines, want %d", len(r.Engines), want)
	}
	for _, e := range r.Engines {
		if e.Requests == 0 || e.Shutdown.Answered == 0 || e.Memory.Last.RSS == 0 || e.All.P999 < e.All.P50 || e.All.P50 == 0 {
			t.Errorf("%+v", e)
		}
		if !strings.Contains(out.String(), "\n| "+e.Engine+" | all | ") {
			t.Errorf("no table of %s:\n%s", e.Engine, out.String())
		}
	}
}

// TestWrongAnswer must find an answer that is not the first one, and those that
// are wrong in other ways.
func TestWrongAnswer(t *testing.T) {
	c, err := start("native")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		c.stdin.Close()
		if err := c.wait(time.Minute); err != nil {
			t.Error(err)
		}
	}()
	d := &driver{client: newClient(1), loads: workloads("native")}
	defer d.client.CloseIdleConnections()
	for _, w := range d.loads {
		requests, err := prepare(context.Background(), d.client, "http://"+c.addr, w)
		if err != nil {
			t.Fatal(err)
		}
		d.requests = append(d.requests, requests)
	}
	drive := func() *tally {
		all := newTally(d.loads)
		n := 0
		d.drive(1, all, func() bool { n++; return n <= bodies*len(d.loads) })
		return all
	}
	if all := drive(); len(all.problems) > 0 || all.requests() != bodies*len(d.loads) {
		t.Errorf("%d requests, problems %v", all.requests(), all.problems)
	}
	d.requests[0][1].answer[7] ^= 1
	d.requests[1][0].url += "&rows=1"
	if all := drive(); len(all.problems) != 2 || all.requests() != bodies*len(d.loads)-2 {
		t.Errorf("%d requests, problems %v", all.requests(), all.problems)
	}
}

func TestCheck(t *testing.T) {
	inf := float32(math.Inf(-1))
	for _, c := range []struct {
		w         workload
		x, answer []float32
		want      string // in the error; none if empty
	}{
		{workload{op: "softmax", rows: 1, cols: 3}, []float32{0, 0, inf}, []float32{0.5, 0.5, 0}, ""},
		{workload{op: "softmax", rows: 1, cols: 3}, []float32{0, 0, inf}, []float32{0.5, 0.5001, 0}, "column 1 is 0.5"},
		{workload{op: "softmax", rows: 1, cols: 3}, []float32{0, 0, inf}, []float32{0.5, 0.5, float32(math.NaN())}, "column 2 is NaN"},
		{workload{op: "softmax", rows: 1, cols: 3}, []float32{0, 0, inf}, []float32{0.5, 0.5}, "8 bytes, it must have 12"},
		{workload{op: "log-softmax", rows: 1, cols: 2}, []float32{0, inf}, []float32{0, inf}, ""},
		{workload{op: "log-softmax", rows: 1, cols: 2}, []float32{0, inf}, []float32{0.1, inf}, "column 0 is"},
		{workload{op: "top-k", rows: 1, cols: 3, k: 2}, []float32{inf, 5, 5}, []float32{math.Float32frombits(1), 0.5, math.Float32frombits(2), 0.5}, ""},
		{workload{op: "top-k", rows: 1, cols: 3, k: 2}, []float32{inf, 5, 6}, []float32{math.Float32frombits(1), 0.26894143, math.Float32frombits(2), 0.7310586}, "element 1 of top-k has index 2"},
		{workload{op: "top-k", rows: 1, cols: 1, k: 1}, []float32{5}, []float32{math.Float32frombits(math.MaxUint32), 1}, "element 0 of top-k has index 4294967295"},
	} {
		err := c.w.check(c.x, raw(c.answer))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %v, %v: error %v, want %q", c.w.op, c.x, c.answer, err, c.want)
		}
	}
}

func TestMemoryJudge(t *testing.T) {
	flat := func(n int, grow usage) (m memory) {
		for i := range n {
			f := float64(i)
			m.Samples = append(m.Samples, usage{Seconds: f, Heap: 1e7 + f*grow.Heap, RSS: 5e7 + f*grow.RSS, Goroutines: 50 + f*grow.Goroutines})
		}
		return m
	}
	for _, c := range []struct {
		m    memory
		want string
	}{
		{flat(100, usage{}), ""},
		{flat(100, usage{Heap: 1e4, RSS: 1e4, Goroutines: 0.1}), ""},
		{flat(100, usage{Heap: 1e6}), "heap bytes grow"},
		{flat(100, usage{RSS: 1e6}), "resident bytes grow"},
		{flat(100, usage{Goroutines: 2}), "goroutines grow"},
		{flat(2, usage{}), "2 samples"},
	} {
		got := strings.Join(c.m.judge(), "; ")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestVerdict finds what must not be at the end.
func TestVerdict(t *testing.T) {
	good := line{Msg: "stopped", Accepted: 12, Answered: 11, Cut: 1}
	for _, c := range []struct {
		last  line
		other []string
		n     int // answers that clients have got
		err   error
		want  string
	}{
		{good, nil, 2, nil, ""},
		{good, nil, 1, nil, "2 requests accepted around the shutdown, 1 answered"},
		{line{Msg: "stopped", Accepted: 10, Answered: 9, Cut: 1}, nil, 0, nil, "no requests around the shutdown"},
		{line{Msg: "stopped", Accepted: 12, Answered: 10, Cut: 1}, nil, 2, nil, "accepted 12 requests, answered 10 and cut 1"},
		{line{Msg: "stopping"}, nil, 2, nil, `last word is "stopping"`},
		{good, []string{"panic: x"}, 2, nil, "the service says: panic: x"},
		{good, nil, 2, io.ErrUnexpectedEOF, "the service ends with error"},
	} {
		e := &engineResult{Engine: "native"}
		wave := newTally(workloads("native"))
		for range c.n {
			wave.answered(0, time.Millisecond)
		}
		e.shutdown(wave, 10, &child{last: c.last, other: c.other}, c.err)
		err := (&result{Engines: []*engineResult{e}}).verdict()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestFlags(t *testing.T) {
	for args, want := range map[string]string{
		"-seconds 0":              "-seconds is 0",
		"-seconds NaN":            "-seconds is NaN",
		"-clients 0":              "-clients is 0, it must be from 1 to 200",
		"-clients 1000":           "-clients is 1000",
		"x":                       `unexpected argument "x"`,
		"-engines gpu -seconds 1": "the service does not start: exit status 1: engine \"gpu\" does not exist",
	} {
		if err := command(context.Background(), strings.Fields(args), io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", args, err, want)
		}
	}
}
