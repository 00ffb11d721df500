package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
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
	failed        error // the first of writing to out

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

// columns is how wide output is.
const columns = 80

// line prints a line above the progress bar, if there is one, folded where it is too wide.
func (s *screen) line(format string, args ...any) {
	if s.bar != nil {
		// The bar is drawn again when it next moves.
		_ = s.bar.Clear()
	}
	for line := range strings.SplitSeq(fmt.Sprintf(format, args...), "\n") {
		if _, err := fmt.Fprintln(s.out, fold(strings.TrimRight(line, " "))); err != nil && s.failed == nil {
			s.failed = err
		}
	}
}

// markdown prints a table. All columns but the first are of numbers.
func (s *screen) markdown(head []string, rows [][]string) {
	s.line("| %s |", strings.Join(head, " | "))
	s.line("|---|%s", strings.Repeat("---:|", len(head)-1))
	for _, row := range rows {
		s.line("| %s |", strings.Join(row, " | "))
	}
}

// fold breaks a line between words. What follows is indented, as far as the text if the line
// is a heading's: "CPU       ...". Tables in Markdown, and commands to copy, stay whole.
func fold(line string) string {
	if strings.HasPrefix(line, "|") || strings.HasPrefix(line, again) {
		return line
	}
	indent := strings.Repeat(" ", len(line)-len(strings.TrimLeft(line, " "))+2)
	if _, text, ok := strings.Cut(line, "  "); ok && len(line)-len(strings.TrimLeft(text, " ")) == len(heading) {
		indent = heading
	}
	var all []string
	for {
		runes := []rune(line)
		at := -1
		for i := min(columns, len(runes)-1); len(runes) > columns && i > len(indent); i-- {
			if runes[i] == ' ' {
				at = i
				break
			}
		}
		if at < 0 {
			return strings.Join(append(all, line), "\n")
		}
		all = append(all, strings.TrimRight(string(runes[:at]), " "))
		line = indent + strings.TrimLeft(string(runes[at:]), " ")
	}
}

const (
	heading = "          "
	again   = "    again: "
)

// short is a kernel's name without what it begins with, which stands in a line above where
// it is not that of last, the name before.
func (s *screen) short(last *string, name string) string {
	before, _, _ := strings.Cut(*last, "__")
	*last = name
	family, rest, ok := strings.Cut(name, "__")
	if !ok {
		return name
	}
	if family != before {
		s.line("%s__", family)
	}
	return "  " + rest
}

// plain is whether the user wants, or can see, ASCII alone.
func plain(env func(string) string) bool {
	if env("NO_COLOR") != "" {
		return true
	}
	locale := strings.ToLower(cmp.Or(env("LC_ALL"), env("LC_CTYPE"), env("LANG")))
	return !strings.Contains(locale, "utf-8") && !strings.Contains(locale, "utf8")
}

// start begins a piece of work of a number of steps.
func (s *screen) start(title string, total int64) {
	s.title, s.total, s.done, s.said = title, total, 0, time.Now()
	if s.terminal {
		theme := progressbar.ThemeDefault
		if plain(os.Getenv) {
			theme = progressbar.ThemeASCII
		}
		s.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(s.progress),
			progressbar.OptionSetDescription(title), progressbar.OptionSetTheme(theme), progressbar.OptionSetWidth(30),
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

// progress goes over all, a step for each, until ctx ends.
func progress[T any](ctx context.Context, s *screen, title string, all []T) iter.Seq[T] {
	return func(yield func(T) bool) {
		s.start(title, int64(len(all)))
		defer s.finish()
		for _, v := range all {
			if ctx.Err() != nil || !yield(v) {
				return
			}
			s.step(1)
		}
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
