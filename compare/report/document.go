package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/compare/internal/text"
	"github.com/twopass-softmax/twopass/compare/speed"
)

// document is what both renderings show.
type document struct {
	Title string
	// Fronts are what a reader sees first, one for each set.
	Fronts   []front
	Sections []section
}

// front is a set at a glance.
type front struct {
	Title, About string
	Numbers      []bigNumber
	Figures      []figure
}

// bigNumber is a number with what it is.
type bigNumber struct{ Number, Text string }

type section struct {
	ID, Title string
	Blocks    []block
	// drawn are figures that are not placed yet, err is why one could not be.
	drawn []figure
	err   error
}

// More is whether the second page has more of the section than the first.
func (s section) More() bool {
	return slices.ContainsFunc(s.Blocks, func(b block) bool { return len(b.Figures) > 0 || b.Table != nil && b.Table.Folded })
}

// block is one of a paragraph, a list, a table and a group of figures that
// belong side by side.
type block struct {
	Text    string
	List    []string
	Table   *table
	Figures []figure
}

// table has cells of plain text. A folded one is on the second page alone, and shown
// when the reader asks.
type table struct {
	Caption string
	Folded  bool
	Columns []heading
	Rows    [][]string
}

// heading is a column's name and kind.
type heading struct {
	Name string
	Kind kind
}

type kind string

const (
	words  kind = "words"
	number kind = "number"
	code   kind = "code"
)

// dropSets leaves out the columns that tell sets apart.
func (d *document) dropSets() {
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			if b.Table == nil {
				continue
			}
			i := slices.IndexFunc(b.Table.Columns, func(h heading) bool { return h.Name == "Set" })
			if i < 0 {
				continue
			}
			b.Table.Columns = slices.Delete(b.Table.Columns, i, i+1)
			for r, row := range b.Table.Rows {
				b.Table.Rows[r] = slices.Delete(row, i, i+1)
			}
		}
	}
}

// headings reads names, each preceded by a sign for its kind: "#" for numbers,
// "`" for code.
func headings(names ...string) []heading {
	all := make([]heading, len(names))
	for i, n := range names {
		all[i] = heading{n, words}
		if rest, ok := strings.CutPrefix(n, "#"); ok {
			all[i] = heading{rest, number}
		} else if rest, ok := strings.CutPrefix(n, "`"); ok {
			all[i] = heading{rest, code}
		}
	}
	return all
}

func (s *section) text(paragraph string) {
	s.Blocks = append(s.Blocks, block{Text: paragraph})
}

func (s *section) list(items []string) {
	if len(items) > 0 {
		s.Blocks = append(s.Blocks, block{List: items})
	}
}

// add adds a row of a set.
func (t *table) add(s *set, cells ...any) {
	row := []string{cmp.Or(s.label, "–")}
	for _, c := range cells {
		switch c := c.(type) {
		case int:
			row = append(row, text.Grouped(int64(c)))
		case int64:
			row = append(row, text.Grouped(c))
		default:
			row = append(row, fmt.Sprint(c))
		}
	}
	t.Rows = append(t.Rows, row)
}

func (s *section) table(t *table) {
	if len(t.Rows) > 0 {
		s.Blocks = append(s.Blocks, block{Table: t})
	}
}

// drawing is something that makes a figure.
type drawing interface{ draw() (figure, error) }

// draw makes a figure of a set, which flush will place. A chart without a curve is none.
func (s *section) draw(of *set, d drawing) {
	if c, ok := d.(chart); ok && !drawable(c.series) {
		return
	}
	f, err := d.draw()
	s.err = cmp.Or(s.err, err)
	s.drawn = append(s.drawn, f.of(of))
}

// flush places the figures drawn so far, the same panel of several machines side
// by side.
func (s *section) flush() {
	if len(s.drawn) == 0 {
		return
	}
	first := make(map[string]int)
	for i, f := range s.drawn {
		if _, ok := first[f.panel]; !ok {
			first[f.panel] = i
		}
	}
	slices.SortStableFunc(s.drawn, func(a, b figure) int { return cmp.Compare(first[a.panel], first[b.panel]) })
	s.Blocks = append(s.Blocks, block{Figures: s.drawn})
	s.drawn = nil
}

// nanoseconds writes a time per element.
func nanoseconds(i speed.Summary) string { return fmt.Sprintf("%.3f", i.Median) }

// quotient is the ratio of two times that were not taken in pairs; its interval
// is the widest that theirs allow.
func quotient(a, b speed.Summary) speed.Summary {
	return speed.Summary{Median: a.Median / b.Median, Lo: a.Lo / b.Hi, Hi: a.Hi / b.Lo}
}

// proven says what a ratio of times proves.
func proven(i speed.Summary) speed.Verdict {
	switch {
	case i.Hi < 1:
		return speed.Faster
	case i.Lo > 1:
		return speed.Slower
	case i.Width() > speed.MaxWidth:
		return speed.Noisy
	}
	return speed.Same
}

// distinct are the names of all, each once, in order.
func distinct[T any](all []T, name func(T) string) []string {
	var names []string
	for _, x := range all {
		if n := name(x); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}
