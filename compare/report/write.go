package report

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	texttemplate "text/template"
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

var (
	//go:embed page.html
	htmlPage string
	//go:embed page.md
	markdownPage string
)

var htmlTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	// Element escapes what it does not draw itself.
	"svg":  func(f figure) template.HTML { return template.HTML(f.Element()) },
	"path": figure.path,
}).Parse(htmlPage))

// markdownTemplate is in GitHub's dialect, which has tables and details.
var markdownTemplate = texttemplate.Must(texttemplate.New("page").Funcs(texttemplate.FuncMap{
	"escape": escape, "cell": cell, "path": figure.path,
}).Parse(markdownPage))

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
	files := make(map[string]string)
	for _, p := range []struct {
		template      interface{ Execute(io.Writer, any) error }
		first, second string
	}{{htmlTemplate, HTMLName, WholeHTMLName}, {markdownTemplate, MarkdownName, WholeMarkdownName}} {
		for name, whole := range map[string]bool{p.first: false, p.second: true} {
			var text strings.Builder
			if err := p.template.Execute(&text, struct {
				*document
				Generator, First, Second string
				Whole                    bool
			}{d, generator, p.first, p.second, whole}); err != nil {
				return err
			}
			files[name] = text.String()
		}
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

// cell is the Markdown of a table's cell. In code, characters that can't be escaped are replaced.
func cell(kind kind, text string) string {
	if kind != code || text == "" {
		return escape(text)
	}
	return "`" + strings.NewReplacer("`", "'", "|", "\\|", "\n", " ").Replace(text) + "`"
}

// escape makes text mean itself in Markdown.
func escape(text string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", "&", "&amp;", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "]", "\\]", "\n", " ").Replace(text)
}
