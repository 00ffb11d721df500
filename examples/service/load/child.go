package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/twopass-softmax/twopass/examples/service/internal/server"
)

// serveCommand is this program's argument that makes it the service.
const serveCommand = "serve"

// serve is the service, as the command runs it, but that it ends with its parent
// at the latest.
func serve(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	if err := server.Main(ctx, args, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child is a service that runs.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	addr  string
	admin string
	last  line          // of the log
	other []string      // what is worth a look: no line of the log, or a warning
	done  chan struct{} // closed when the log has ended
}

// line is a line of the service's log.
type line struct {
	Level, Msg, Addr, Admin string
	Accepted, Answered, Cut int
}

// start starts a service on ports of its own choice.
func start(args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{done: make(chan struct{})}
	c.cmd = exec.Command(self, append([]string{serveCommand, "-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0", "-drain", "500ms"}, args...)...)
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	log, err := c.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	serving := make(chan line, 1)
	go c.read(log, serving)
	select {
	case l := <-serving:
		c.addr, c.admin = l.Addr, l.Admin
		return c, nil
	case <-c.done:
		return nil, fmt.Errorf("the service does not start: %w: %s", c.cmd.Wait(), strings.Join(c.other, "; "))
	}
}

// read reads the log to its end.
func (c *child) read(log io.Reader, serving chan<- line) {
	defer close(c.done)
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l line
		if json.Unmarshal(lines.Bytes(), &l) != nil || l.Level != "INFO" {
			c.other = append(c.other, lines.Text())
			continue
		}
		c.last = l
		if l.Msg == "serving" {
			serving <- l
		}
	}
	_, _ = io.Copy(io.Discard, log) // the service must not wait for us
}

// end asks the service to end, as a supervisor does, and kills it if it does not.
// The error tells what it did wrong.
func (c *child) end() error {
	err := c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(time.Minute):
		err = errors.Join(err, errors.New("the service did not end within a minute"), c.cmd.Process.Kill())
		<-c.done
	}
	err = errors.Join(err, c.stdin.Close(), c.cmd.Wait())
	switch {
	case c.last.Msg != "stopped":
		err = errors.Join(err, fmt.Errorf("the service's last word is %q instead of \"stopped\"", c.last.Msg))
	case c.last.Accepted != c.last.Answered+c.last.Cut:
		err = errors.Join(err, fmt.Errorf("the service has accepted %d requests, answered %d and cut %d", c.last.Accepted, c.last.Answered, c.last.Cut))
	}
	if len(c.other) > 0 {
		err = errors.Join(err, fmt.Errorf("the service says: %s", strings.Join(c.other[:min(len(c.other), 5)], "; ")))
	}
	return err
}

// metrics are those of the service, summed over their labels.
func (c *child) metrics() (map[string]float64, error) {
	resp, err := http.Get("http://" + c.admin + "/metrics")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		return nil, err
	}
	sums := make(map[string]float64)
	for name, family := range families {
		for _, m := range family.GetMetric() {
			sums[name] += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sums, nil
}

// watch samples the service's memory until stop is called, which returns the
// most that was resident, in bytes.
func (c *child) watch() (stop func() (peak float64, err error)) {
	ctx, cancel := context.WithCancel(context.Background())
	peaks := make(chan float64, 1)
	var failed error
	go func() {
		peak := 0.0
		for {
			m, err := c.metrics()
			if err != nil {
				failed = err
			}
			peak = max(peak, m["process_resident_memory_bytes"])
			select {
			case <-ctx.Done():
				peaks <- peak
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() (float64, error) {
		cancel()
		return <-peaks, failed
	}
}
