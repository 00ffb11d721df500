package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// fault is one kind of faulty client.
type fault struct {
	name string
	// run is such a client once; its error is what the service did wrong.
	run func(ctx context.Context, addr string, client *http.Client) error
}

var faults = []fault{
	{"stalled body: 408", stalledBody},
	{"half-sent body: 400", halfSent},
	{"client gone", clientGone},
	{"stalled reader: cut", stalledReader},
	{"cancelled request", cancelled},
	{"oversized: 413", oversized},
	{"malformed: 400, 415, 422", malformed},
	{"NaN and Inf: 200", specials},
}

// pause is what each faulty client leaves between two faults: they are there to
// disturb, not to be the load.
const pause = 20 * time.Millisecond

// disturb runs all faulty clients until ctx is done. What has begun by then ends
// as it must.
func disturb(ctx context.Context, addr string, t *tally) {
	var wg sync.WaitGroup
	for _, f := range faults {
		wg.Add(1)
		go func() {
			defer wg.Done()
			client := newClient(1)
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				// Not ctx: faults are held to their outcome, and end soon.
				once, cancel := context.WithTimeout(context.Background(), requestLimit)
				err := f.run(once, addr, client)
				cancel()
				t.fault(f.name, err)
				select {
				case <-ctx.Done():
				case <-time.After(pause):
				}
			}
		}()
	}
	wg.Wait()
}

const rawHead = "POST /v1/softmax?cols=1000 HTTP/1.1\r\nHost: load\r\nContent-Type: application/octet-stream\r\n"

// dial returns a connection on which the text has been sent.
func dial(ctx context.Context, addr, text string) (*net.TCPConn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		err = conn.SetDeadline(deadline)
	}
	if err == nil {
		_, err = io.WriteString(conn, text)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn.(*net.TCPConn), nil
}

// expect reads an answer of a status, and the end of the connection.
func expect(conn io.Reader, status int) error {
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != status {
		return fmt.Errorf("status %d instead of %d: %.200s", resp.StatusCode, status, text)
	}
	if _, err := r.ReadByte(); err != io.EOF {
		return fmt.Errorf("the connection goes on after status %d: %v", status, err)
	}
	return nil
}

func stalledBody(ctx context.Context, addr string, _ *http.Client) error {
	conn, err := dial(ctx, addr, rawHead+"Content-Length: 8000\r\n\r\n"+strings.Repeat("x", 100))
	if err != nil {
		return err
	}
	defer conn.Close()
	return expect(conn, http.StatusRequestTimeout)
}

func halfSent(ctx context.Context, addr string, _ *http.Client) error {
	conn, err := dial(ctx, addr, rawHead+"Transfer-Encoding: chunked\r\n\r\n64\r\n"+strings.Repeat("x", 100)+"\r\n")
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.CloseWrite(); err != nil {
		return err
	}
	return expect(conn, http.StatusBadRequest)
}

func clientGone(ctx context.Context, addr string, _ *http.Client) error {
	conn, err := dial(ctx, addr, rawHead+"Content-Length: 8000\r\n\r\n"+strings.Repeat("x", 5000))
	if err != nil {
		return err
	}
	return conn.Close()
}

// stalledReader sends rows and takes nothing, so that the service must end it.
func stalledReader(ctx context.Context, addr string, _ *http.Client) error {
	conn, err := dial(ctx, addr, rawHead+"Transfer-Encoding: chunked\r\n\r\n")
	if err != nil {
		return err
	}
	defer conn.Close()
	chunk := []byte(fmt.Sprintf("%x\r\n%s\r\n", 40_000, make([]byte, 40_000)))
	for {
		if _, err := conn.Write(chunk); err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				return errors.New("the service waits for a client that takes nothing")
			}
			return nil
		}
	}
}

// cancelled gives up a request of which one row has been answered.
func cancelled(ctx context.Context, addr string, client *http.Client) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	body, send := io.Pipe()
	defer body.Close()
	go send.Write(make([]byte, 6000))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/v1/softmax?cols=1000", body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 4000)); err != nil {
		return err
	}
	cancel()
	if _, err := io.ReadAll(resp.Body); !errors.Is(err, context.Canceled) {
		return fmt.Errorf("a cancelled request ends with error %v", err)
	}
	return nil
}

// refusal posts a body that must be refused.
func refusal(ctx context.Context, client *http.Client, url, kind string, body io.Reader, status int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != status {
		return fmt.Errorf("%s: status %d instead of %d: %.200s", url, resp.StatusCode, status, text)
	}
	return nil
}

func oversized(ctx context.Context, addr string, client *http.Client) error {
	base := "http://" + addr + "/v1/softmax"
	const kind = "application/octet-stream"
	return errors.Join(
		refusal(ctx, client, base, "application/json", bytes.NewReader(make([]byte, maxJSON+1)), 413),
		refusal(ctx, client, base, "application/json", io.MultiReader(strings.NewReader(`{"rows": [[`), strings.NewReader(strings.Repeat("1,", maxJSON))), 413),
		refusal(ctx, client, base+"?cols=4611686018427387905&rows=4", kind, strings.NewReader("1234"), 413),
		refusal(ctx, client, base+"?cols=18446744073709551617", kind, strings.NewReader("1234"), 413),
	)
}

func malformed(ctx context.Context, addr string, client *http.Client) error {
	base := "http://" + addr + "/v1/softmax"
	var errs []error
	for _, c := range []struct {
		query, kind, body string
		status            int
	}{
		{"", "application/json", `{"rows": [[1, NaN]]}`, 400},
		{"", "application/json", `{"rows": [[1], [1, 2]]}`, 400},
		{"", "application/json", `{"rows": [[1e39]]}`, 400},
		{"", "application/json", `{"rows": [[null]]}`, 422},
		{"", "application/json", `{"rows": [[1`, 400},
		{"", "text/csv", "1,2,3", 415},
		{"?cols=3", "application/octet-stream", "12345678", 400},
		{"?cols=-1", "application/octet-stream", "12345678", 400},
	} {
		errs = append(errs, refusal(ctx, client, base+c.query, c.kind, strings.NewReader(c.body), c.status))
	}
	return errors.Join(errs...)
}

// specials sends a row with NaN, one with +Inf, one of -Inf, and one of zeros,
// which must not suffer from the others.
func specials(ctx context.Context, addr string, client *http.Client) error {
	x := make([]float32, 4*8)
	x[3], x[8] = float32(math.NaN()), float32(math.Inf(1))
	for i := range 8 {
		x[16+i] = float32(math.Inf(-1))
	}
	q := request{url: "http://" + addr + "/v1/softmax?cols=8", kind: "application/octet-stream", body: raw(x)}
	var buf bytes.Buffer
	if err := q.do(ctx, client, &buf); !errors.Is(err, errAnswer) { // which is not known
		return err
	}
	answer := floats(buf.Bytes())
	if len(answer) != len(x) {
		return fmt.Errorf("%d elements instead of %d", len(answer), len(x))
	}
	for i, p := range answer {
		if want := i < 24; want != (p != p) || !want && p != 1.0/8 {
			return fmt.Errorf("element %d is %v", i, p)
		}
	}
	return nil
}
