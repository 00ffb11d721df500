package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// workload is one kind of good requests.
type workload struct {
	name    string
	path    string
	targets []vegeta.Target
}

// workloads are what an engine is asked for, each in several variants.
func workloads(addr, engine string) []workload {
	w := []workload{
		raw(addr, "softmax, 8 x 1,000", "/v1/softmax?cols=1000", 8*1000),
		raw(addr, "softmax, 64 x 4,096", "/v1/softmax?cols=4096", 64*4096),
		raw(addr, "top-k, 1 x 32,000, k = 40", "/v1/top-k?cols=32000&k=40", 32_000),
		infer(addr, "softmax, 4 x 100, JSON", 4, 100),
	}
	if engine == "native" { // upstream has none
		w = append(w, raw(addr, "log-softmax, 8 x 1,000", "/v1/log-softmax?cols=1000", 8*1000))
	}
	return w
}

// variants is how many different requests a workload has. A number in the query
// that the service does not know tells their answers apart.
const variants = 4

func elements(n int, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64() * 4)
	}
	return x
}

func encode(x []float32) []byte {
	out, _ := binary.Append(nil, binary.LittleEndian, x) // numbers can't fail
	return out
}

func post(addr, path, kind string, body []byte) vegeta.Target {
	return vegeta.Target{Method: http.MethodPost, URL: "http://" + addr + path, Body: body, Header: http.Header{"Content-Type": {kind}}}
}

// raw is a workload of rows as they are.
func raw(addr, name, path string, n int) workload {
	w := workload{name: name, path: path}
	for i := range uint64(variants) {
		w.targets = append(w.targets, post(addr, fmt.Sprintf("%s&variant=%d", path, i), "application/octet-stream", encode(elements(n, i))))
	}
	return w
}

// infer is a workload of rows in JSON.
func infer(addr, name string, rows, cols int) workload {
	const path = "/v2/models/softmax/infer"
	w := workload{name: name, path: path}
	for i := range uint64(variants) {
		data := strings.Join(strings.Fields(fmt.Sprint(elements(rows*cols, i))), ",")
		body := fmt.Sprintf(`{"inputs": [{"name": "logits", "datatype": "FP32", "shape": [%d, %d], "data": %s}]}`, rows, cols, data)
		w.targets = append(w.targets, post(addr, fmt.Sprintf("%s?variant=%d", path, i), "application/json", []byte(body)))
	}
	return w
}

// clients send requests and compare the answers with those that they got when
// the service had nothing else to do. That these are right is what the tests of
// package server are for.
type clients struct {
	loads   []workload
	answers map[string][]byte // by URL
}

func newClients(ctx context.Context, loads ...workload) (*clients, error) {
	c := &clients{loads, make(map[string][]byte)}
	for _, w := range loads {
		for _, t := range w.targets {
			req, err := t.Request()
			if err != nil {
				return nil, err
			}
			resp, err := http.DefaultClient.Do(req.WithContext(ctx))
			if err != nil {
				return nil, err
			}
			answer, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil {
				return nil, err
			}
			if resp.StatusCode != http.StatusOK {
				return nil, fmt.Errorf("%s: status %d: %.200s", w.name, resp.StatusCode, answer)
			}
			c.answers[t.URL] = answer
		}
	}
	return c, nil
}

// tally is what clients have seen.
type tally struct {
	all   vegeta.Metrics
	loads []vegeta.Metrics
	codes map[int]int // 0 for no answer
	wrong int         // answers that differ from the first ones
	err   string      // what one of those without the right answer got
}

// run sends requests until d is over or ctx is done: at a rate a second, or, if
// that is 0, each of n clients when it has its last answer.
func (c *clients) run(ctx context.Context, n, rate int, d time.Duration, from string) *tally {
	var targets []vegeta.Target // in turn
	for i := range variants {
		for _, w := range c.loads {
			targets = append(targets, w.targets[i%len(w.targets)])
		}
	}
	// Of our own, so that no connection stays open.
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	transport := &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: max(n, 100)}
	defer transport.CloseIdleConnections()
	options := []func(*vegeta.Attacker){vegeta.Client(&http.Client{Transport: transport, Timeout: 30 * time.Second})}
	if rate == 0 {
		options = append(options, vegeta.Workers(uint64(n)), vegeta.MaxWorkers(uint64(n)))
	}
	attacker := vegeta.NewAttacker(options...)
	defer context.AfterFunc(ctx, func() { attacker.Stop() })()
	t := &tally{loads: make([]vegeta.Metrics, len(c.loads)), codes: make(map[int]int)}
	for r := range attacker.Attack(vegeta.NewStaticTargeter(targets...), vegeta.Rate{Freq: rate, Per: time.Second}, d, "") {
		t.codes[int(r.Code)]++
		switch {
		case r.Code != http.StatusOK:
			t.err = fmt.Sprintf("%s %s", r.Error, r.Body)
		case r.Code == http.StatusOK && !bytes.Equal(r.Body, c.answers[r.URL]):
			t.wrong++
		}
		t.all.Add(r)
		for i, w := range c.loads {
			if strings.Contains(r.URL, w.path) {
				t.loads[i].Add(r)
			}
		}
	}
	t.all.Close()
	for i := range t.loads {
		t.loads[i].Close()
	}
	return t
}

// served is the share of requests with the right answer.
func (t *tally) served() float64 {
	return float64(t.codes[http.StatusOK]-t.wrong) / float64(max(1, t.all.Requests))
}
