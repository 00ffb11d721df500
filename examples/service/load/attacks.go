package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// The attackers have one address; honest clients have that, or another one.
const (
	attackers = "127.0.0.1"
	others    = "127.0.0.2"
)

// attack is what hostile clients do until ctx is done. Run returns how often they
// got which status, 0 for none.
type attack struct {
	name   string
	honest string // the address of honest clients
	want   []int  // statuses that must be among those
	run    func(ctx context.Context, addr string) map[int]int
}

// attackCommand is this program's argument that makes it the attackers: in a
// process of their own they do not delay the honest clients' clocks.
const attackCommand = "attack"

// attackAs is that process: it runs the attack of a number until its standard
// input ends, and prints what it got.
func attackAs(args []string) int {
	number, err := strconv.Atoi(args[0])
	if err != nil {
		panic(err)
	}
	interval, err := time.ParseDuration(args[1])
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := json.NewEncoder(os.Stdout).Encode(attacks(interval)[number].run(ctx, args[2])); err != nil {
		return 1
	}
	return 0
}

// launch starts the attack of a number. The function that it returns ends it.
func launch(number int, interval time.Duration, addr string) (end func() (map[int]int, error), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, attackCommand, strconv.Itoa(number), interval.String(), addr)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return func() (counts map[int]int, err error) {
		err = errors.Join(stdin.Close(), json.NewDecoder(stdout).Decode(&counts))
		return counts, errors.Join(err, cmd.Wait())
	}, cmd.Start()
}

// attacks are bounded by the number of their clients. A dripping client sends a
// byte at these intervals, which are shorter than the service's -stall.
func attacks(interval time.Duration) []attack {
	ascending := elements(1<<18, 1)
	slices.Sort(ascending)
	ones := strings.Repeat("1,", 500_000) + "1"
	large := fmt.Sprintf(`{"inputs": [{"name": "logits", "datatype": "FP32", "shape": [3, 166667], "data": [%s]}]}`, ones)
	return []attack{
		{"66 bodies that drip", attackers, []int{408}, func(ctx context.Context, addr string) map[int]int { return drip(ctx, addr, 66, interval) }},
		{"faulty requests", attackers, []int{400, 413}, disturb}, // and 408, if a run is long enough for a stall
		{"2,000 clients, 1 x 100", others, []int{200, 503}, func(ctx context.Context, addr string) map[int]int {
			return flood(ctx, 2000, post(addr, "/v1/softmax?cols=100", "application/octet-stream", encode(elements(100, 1))))
		}},
		{"66 clients, 1 MB of JSON", others, []int{503}, func(ctx context.Context, addr string) map[int]int {
			return flood(ctx, 66, post(addr, "/v2/models/softmax/infer", "application/json", []byte(large)))
		}},
		{"66 clients, top-k of 2^18 ascending, k = 1,024", others, []int{200}, func(ctx context.Context, addr string) map[int]int {
			return flood(ctx, 66, post(addr, "/v1/top-k?cols=262144&k=1024", "application/octet-stream", encode(ascending)))
		}},
	}
}

// flood is n clients that send the same request again and again.
func flood(ctx context.Context, n int, target vegeta.Target) map[int]int {
	c := &clients{loads: []workload{{targets: []vegeta.Target{target}}}}
	return c.run(ctx, n, 0, 0, attackers).codes
}

const rawHead = "POST /v1/softmax?cols=1000 HTTP/1.1\r\nHost: load\r\nContent-Type: application/octet-stream\r\n"

// dial returns a connection on which text has been sent, and that ends with ctx.
func dial(ctx context.Context, addr, text string) (*net.TCPConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { conn.Close() })
	_, err = io.WriteString(conn, text)
	return conn.(*net.TCPConn), err
}

// status reads an answer.
func status(conn net.Conn) int {
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// again calls each client over and over, all side by side, until ctx is done. It counts their results by value.
func again(ctx context.Context, clients ...func(context.Context) int) map[int]int {
	counts := make(map[int]int)
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, do := range clients {
		all.Add(1)
		go func() {
			defer all.Done()
			for {
				once, cancel := context.WithCancel(ctx)
				code := do(once)
				cancel() // closes connections
				if ctx.Err() != nil {
					return
				}
				mu.Lock()
				counts[code]++
				mu.Unlock()
			}
		}()
	}
	all.Wait()
	return counts
}

// drip is n clients whose bodies come a byte at a time.
func drip(ctx context.Context, addr string, n int, interval time.Duration) map[int]int {
	client := func(ctx context.Context) int {
		conn, err := dial(ctx, addr, rawHead+"Content-Length: 1000000\r\n\r\n")
		if err != nil {
			return 0
		}
		go func() {
			for err := error(nil); err == nil; _, err = conn.Write([]byte{0}) {
				time.Sleep(interval)
			}
		}()
		return status(conn)
	}
	return again(ctx, slices.Repeat([]func(context.Context) int{client}, n)...)
}

// fault is a request that must have a certain status.
type fault struct {
	text   string
	half   bool // the client ends its side
	status int  // 0 if it is gone, or can't be told
}

var faults = []fault{
	{rawHead + "Content-Length: 8000\r\n\r\n" + strings.Repeat("x", 100), false, http.StatusRequestTimeout},
	{rawHead + "Transfer-Encoding: chunked\r\n\r\n1f40\r\n" + strings.Repeat("x", 4100), false, http.StatusRequestTimeout},
	{rawHead + "Transfer-Encoding: chunked\r\n\r\n64\r\n" + strings.Repeat("x", 100) + "\r\n", true, http.StatusBadRequest},
	{rawHead + "Content-Length: 8000\r\n\r\n" + strings.Repeat("x", 5000), true, http.StatusOK}, // and is cut
	{rawHead + "Content-Length: 7\r\n\r\n1234567", false, http.StatusBadRequest},
	{rawHead + "Content-Length: 2000000000\r\n\r\n", false, http.StatusRequestEntityTooLarge},
	{"POST /v1/softmax?cols=4611686018427387905&rows=4 HTTP/1.1\r\nHost: load\r\nContent-Type: application/octet-stream\r\nContent-Length: 4\r\n\r\n1234", false, http.StatusRequestEntityTooLarge},
	{"POST /v2/models/softmax/infer HTTP/1.1\r\nHost: load\r\nContent-Length: 9\r\n\r\n{\"inputs\"", false, http.StatusBadRequest},
	{"POST /v2/models/softmax/infer HTTP/1.1\r\nHost: load\r\nContent-Length: 2000000\r\n\r\n", false, http.StatusRequestEntityTooLarge},
}

// disturb runs all faults, and a client that takes nothing. A status that is not
// the right one counts negatively.
func disturb(ctx context.Context, addr string) map[int]int {
	var clients []func(context.Context) int
	for _, f := range faults {
		clients = append(clients, func(ctx context.Context) int {
			defer time.Sleep(20 * time.Millisecond) // they are no load
			conn, err := dial(ctx, addr, f.text)
			if err != nil {
				return 0
			}
			if f.half {
				err = conn.CloseWrite()
			}
			if code := status(conn); code != f.status || err != nil {
				return -code
			}
			return f.status
		})
	}
	clients = append(clients, func(ctx context.Context) int {
		conn, err := dial(ctx, addr, rawHead+"Transfer-Encoding: chunked\r\n\r\n")
		for err == nil { // until the service ends it
			_, err = fmt.Fprintf(conn, "%x\r\n%s\r\n", 40_000, make([]byte, 40_000))
		}
		return 0
	})
	return again(ctx, clients...)
}
