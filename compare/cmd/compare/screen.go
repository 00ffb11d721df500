package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/twopass-softmax/twopass/compare/internal/text"
)

// screen is where output goes: lines to the one writer, progress to the other,
// as a bar if that is a terminal and as a line every few seconds if it is not.
type screen struct {
	out, progress io.Writer
	terminal      bool

	bar   *progressbar.ProgressBar
	title string
	total int64
	done  int64
	said  time.Time
}

// quiet is how long work goes on between two lines of progress.
const quiet = 10 * time.Second

func newScreen(out, progress *os.File) *screen {
	return &screen{out: out, progress: progress, terminal: term.IsTerminal(int(progress.Fd()))}
}

// line prints a line above the progress bar, if there is one.
func (s *screen) line(format string, args ...any) {
	if s.bar != nil {
		// The bar is drawn again when it next moves.
		_ = s.bar.Clear()
	}
	fmt.Fprintln(s.out, strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

// start begins a piece of work of a number of steps.
func (s *screen) start(title string, total int64) {
	s.title, s.total, s.done, s.said = title, total, 0, time.Now()
	if s.terminal {
		s.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(s.progress),
			progressbar.OptionSetDescription(title), progressbar.OptionSetWidth(30),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
	}
}

// step counts steps done.
func (s *screen) step(n int64) {
	s.done += n
	if s.bar != nil {
		_ = s.bar.Add64(n)
		return
	}
	if time.Since(s.said) >= quiet {
		s.said = time.Now()
		fmt.Fprintf(s.progress, "%s: %d of %d\n", s.title, s.done, s.total)
	}
}

// finish ends the piece of work.
func (s *screen) finish() {
	if s.bar != nil {
		_ = s.bar.Clear()
		s.bar = nil
	}
}

// How numbers are written.
var (
	grouped = text.Grouped
	size    = text.Size
	plural  = text.Plural
)
