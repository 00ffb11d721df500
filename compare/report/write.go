package report

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What [Write] puts into its directory.
const (
	HTMLName     = "index.html"
	MarkdownName = "report.md"
	// The same with all figures and measurements.
	WholeHTMLName     = "details.html"
	WholeMarkdownName = "details.md"
	figuresName       = "figures"
)

// generator marks pages that Write may replace.
const generator = "twopass-softmax compare report"

//go:embed page.html
var page string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	// Element escapes what it does not draw itself.
	"svg":  func(f figure) template.HTML { return template.HTML(f.Element()) },
	"path": figure.path,
}).Parse(page))

// Write makes a directory with a report of results: index.html, which needs no
// other file, and report.md have what a reader wants first; details.html and
// details.md have all measurements and figures, which are in figures/. It replaces an
// earlier report there, and nothing else: it is an error if dir has other files in it.
// The directory appears as a whole or not at all.
func Write(dir string, sources []Source) (err error) {
	d, err := compose(sources)
	if err != nil {
		return err
	}
	replace, err := replaceable(dir)
	if err != nil {
		return err
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(parent, ".report-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	made := filepath.Join(temporary, "new")
	if err := d.write(made); err != nil {
		return err
	}
	if replace {
		old := filepath.Join(temporary, "old")
		if err := os.Rename(dir, old); err != nil {
			return err
		}
		if err := os.Rename(made, dir); err != nil {
			return errors.Join(err, os.Rename(old, dir))
		}
		return nil
	}
	return os.Rename(made, dir)
}

// replaceable says whether dir is there and may be replaced; it is an error if
// it is there and may not.
func replaceable(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if len(entries) == 0 {
		return true, nil
	}
	for _, e := range entries {
		if !slices.Contains([]string{HTMLName, MarkdownName, WholeHTMLName, WholeMarkdownName, figuresName}, e.Name()) {
			return false, fmt.Errorf("report: %s contains %s, which is not part of a report: name a new directory", dir, e.Name())
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, HTMLName))
	if err != nil || !bytes.Contains(text, []byte(generator)) {
		return false, fmt.Errorf("report: %s is not a report: name a new directory", dir)
	}
	return true, nil
}

func (d *document) write(dir string) error {
	files := map[string]string{MarkdownName: d.markdown(false), WholeMarkdownName: d.markdown(true)}
	for name, whole := range map[string]bool{HTMLName: false, WholeHTMLName: true} {
		var html bytes.Buffer
		if err := pageTemplate.Execute(&html, struct {
			*document
			Generator, First, Second string
			Whole                    bool
		}{d, generator, HTMLName, WholeHTMLName, whole}); err != nil {
			return err
		}
		files[name] = html.String()
	}
	for _, f := range d.figures() {
		files[f.path()] = f.File()
	}
	if err := os.MkdirAll(filepath.Join(dir, figuresName), 0o777); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// path is the figure's place beside the Markdown.
func (f figure) path() string { return figuresName + "/" + f.Name + ".svg" }

// figures are all of the document.
func (d *document) figures() []figure {
	var all []figure
	for _, f := range d.Fronts {
		all = append(all, f.Figures...)
	}
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			all = append(all, b.Figures...)
		}
	}
	return all
}

// markdown is the document in GitHub's dialect, which has tables and details: its first
// page, with what follows the front folded, or the whole.
func (d *document) markdown(whole bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", escape(d.Title))
	if whole {
		fmt.Fprintf(&b, "\nAll figures and measurements; [what matters first](%s).\n", MarkdownName)
	}
	for _, f := range d.Fronts {
		if whole {
			break
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", escape(f.Title), escape(f.About))
		for _, n := range f.Numbers {
			fmt.Fprintf(&b, "\n**%s** %s\n", escape(n.Number), escape(n.Text))
		}
		for _, figure := range f.Figures {
			figure.markdown(&b)
		}
	}
	for _, s := range d.Sections {
		if whole {
			fmt.Fprintf(&b, "\n## %s\n", escape(s.Title))
		} else {
			fmt.Fprintf(&b, "\n<details>\n<summary>%s</summary>\n", escape(s.Title))
		}
		for _, block := range s.Blocks {
			if block.Text != "" {
				fmt.Fprintf(&b, "\n%s\n", escape(block.Text))
			}
			if len(block.List) > 0 {
				b.WriteString("\n")
			}
			for _, item := range block.List {
				fmt.Fprintf(&b, "- %s\n", escape(item))
			}
			for _, f := range block.Figures {
				if whole {
					f.markdown(&b)
				}
			}
			if block.Table != nil && (whole || !block.Table.Folded) {
				block.Table.markdown(&b)
			}
		}
		if !whole {
			if s.More() {
				fmt.Fprintf(&b, "\n[Figures and all measurements](%s)\n", WholeMarkdownName)
			}
			b.WriteString("\n</details>\n")
		}
	}
	return b.String()
}

func (f figure) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s\n\n![%[1]s](%s)\n", escape(f.Caption), f.path())
}

func (t *table) markdown(b *strings.Builder) {
	if t.Folded {
		fmt.Fprintf(b, "\n<details>\n<summary>%s (%d rows)</summary>\n", escape(t.Caption), len(t.Rows))
	} else if t.Caption != "" {
		fmt.Fprintf(b, "\n**%s**\n", escape(t.Caption))
	}
	b.WriteString("\n|")
	for _, c := range t.Columns {
		fmt.Fprintf(b, " %s |", escape(c.Name))
	}
	b.WriteString("\n|")
	for _, c := range t.Columns {
		if c.Kind == number {
			b.WriteString("---:|")
		} else {
			b.WriteString("---|")
		}
	}
	b.WriteString("\n")
	for _, row := range t.Rows {
		b.WriteString("|")
		for i, cell := range row {
			switch {
			case cell == "":
				b.WriteString("  |")
			case t.Columns[i].Kind == code:
				// Neither can be escaped within code.
				fmt.Fprintf(b, " `%s` |", strings.NewReplacer("`", "'", "|", "\\|", "\n", " ").Replace(cell))
			default:
				fmt.Fprintf(b, " %s |", escape(cell))
			}
		}
		b.WriteString("\n")
	}
	if t.Folded {
		b.WriteString("\n</details>\n")
	}
}

// escape makes text mean itself in Markdown.
func escape(text string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", "&", "&amp;", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "]", "\\]", "\n", " ").Replace(text)
}
