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

// What the service is told that matters here.
const (
	stall      = time.Second
	maxJSON    = 1 << 20
	queue      = 256
	maxClients = 200 // with the faulty ones, less than the queue
)

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
func start(engine string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{done: make(chan struct{})}
	c.cmd = exec.Command(self, serveCommand, "-engine", engine, "-addr", "127.0.0.1:0", "-admin", "127.0.0.1:0",
		"-stall", stall.String(), "-queue", fmt.Sprint(queue), "-max-json", fmt.Sprint(maxJSON), "-drain", "500ms")
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
	if err := lines.Err(); err != nil {
		c.other = append(c.other, err.Error())
		_, _ = io.Copy(io.Discard, log) // the service must not wait for us
	}
}

// terminate asks the service to end, as a supervisor does.
func (c *child) terminate() error { return c.cmd.Process.Signal(syscall.SIGTERM) }

// wait waits for its end, and kills it if that does not come.
func (c *child) wait(limit time.Duration) error {
	var late error
	select {
	case <-c.done:
	case <-time.After(limit):
		late = fmt.Errorf("the service was killed %v after it was told to end", limit)
		late = errors.Join(late, c.cmd.Process.Kill())
		<-c.done
	}
	return errors.Join(late, c.cmd.Wait())
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
