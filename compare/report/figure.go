package report

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/twopass-softmax/twopass/compare/speed"
)

// figure is a drawing with what is said about it.
type figure struct {
	// Name is that of the file beside the Markdown, without its suffix.
	Name, Caption string
	// panel is the caption without its machine.
	panel string
	// Drawing is what an <svg> element contains.
	Drawing       string
	Width, Height int
}

// Figures are drawn narrow, so that their text stays legible on a phone.
const figureWidth = 400

// ink stands for the colour of the text around, see render. The others are
// legible on white and on black alike.
var (
	ink     = color.NRGBA{R: 1, G: 2, B: 3, A: 255}
	faint   = color.NRGBA{R: 128, G: 128, B: 128, A: 90}
	palette = []color.Color{
		color.NRGBA{R: 0x2f, G: 0x80, B: 0xd8, A: 255},
		color.NRGBA{R: 0xd8, G: 0x6a, B: 0x12, A: 255},
		color.NRGBA{R: 0x2a, G: 0x9a, B: 0x58, A: 255},
		color.NRGBA{R: 0xc2, G: 0x4d, B: 0x9c, A: 255},
		color.NRGBA{R: 0x8b, G: 0x72, B: 0xd6, A: 255},
		color.NRGBA{R: 0x8a, G: 0x8a, B: 0x8a, A: 255},
		color.NRGBA{R: 0x17, G: 0x9c, B: 0xa5, A: 255},
		color.NRGBA{R: 0xd1, G: 0x44, B: 0x3c, A: 255},
		color.NRGBA{R: 0x9a, G: 0x6e, B: 0x3c, A: 255},
		color.NRGBA{R: 0xa8, G: 0x92, B: 0x00, A: 255},
	}
	glyphs = []draw.GlyphDrawer{
		draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{}, draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{},
	}
)

// sans is the font of all text. The drawing library knows its measures.
func sans(size vg.Length) text.Style {
	return text.Style{
		Color: ink, Font: font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size), Handler: plot.DefaultTextHandler,
	}
}

// sample is a value at x with its confidence interval.
type sample struct{ x, y, lo, hi float64 }

func sampleOf(x int, y speed.Summary) sample { return sample{float64(x), y.Median, y.Lo, y.Hi} }

// series is a curve, or a set of points.
type series struct {
	name    string
	samples []sample
	// style chooses colour and glyph.
	style  int
	dashed bool
	// bare leaves out all but the line between the samples, and plain the name in the legend, too.
	bare, plain bool
}

// Methods of gonum's plotter.XYer and plotter.YErrorer.

func (s series) Len() int                { return len(s.samples) }
func (s series) XY(i int) (x, y float64) { return s.samples[i].x, s.samples[i].y }
func (s series) YError(i int) (lo, hi float64) {
	return s.samples[i].y - s.samples[i].lo, s.samples[i].hi - s.samples[i].y
}

func (s series) line() draw.LineStyle {
	l := draw.LineStyle{Color: palette[s.style%len(palette)], Width: vg.Points(1.6)}
	if s.dashed {
		l.Dashes = []vg.Length{vg.Points(4), vg.Points(3)}
	}
	return l
}

func (s series) glyph() draw.GlyphStyle {
	return draw.GlyphStyle{Color: palette[s.style%len(palette)], Radius: vg.Points(2.6), Shape: glyphs[s.style%len(glyphs)]}
}

// mark is a line across the figure at a value, with a label.
type mark struct {
	at    float64
	label string
}

// drawable is whether any of several series has enough for a curve.
func drawable(all []series) bool {
	return slices.ContainsFunc(all, func(s series) bool { return len(s.samples) > 1 })
}

// chart is a figure with two axes and curves. Logarithmic axes need positive
// samples.
type chart struct {
	name, caption, x, y string
	logX, logY          bool
	// yMin and yMax are what the axis shows at least; both 0 leave it to the
	// samples. Charts to be compared have the same.
	yMin, yMax float64
	series     []series
	// columns are marked values of x; base, if it is not 0, is one of y.
	columns []mark
	base    float64
}

// add adds a sample to the series of a name, which it makes if need be.
func (c *chart) add(name string, dashed bool, s sample) *series {
	i := slices.IndexFunc(c.series, func(x series) bool { return x.name == name })
	if i < 0 {
		i = len(c.series)
		c.series = append(c.series, series{name: name, style: i, dashed: dashed})
	}
	c.series[i].samples = append(c.series[i].samples, s)
	return &c.series[i]
}

func (c chart) draw() (figure, error) {
	p := newPlot(c.x, c.y)
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks(c.logX), ticks(c.logY)
	if c.logX {
		p.X.Scale = plot.LogScale{}
	}
	if c.logY {
		p.Y.Scale = plot.LogScale{}
	}
	for _, series := range c.series {
		for _, s := range series.samples {
			p.X.Min, p.X.Max = math.Min(p.X.Min, s.x), math.Max(p.X.Max, s.x)
			p.Y.Min, p.Y.Max = math.Min(p.Y.Min, s.lo), math.Max(p.Y.Max, s.hi)
		}
	}
	if c.yMin != 0 || c.yMax != 0 {
		p.Y.Min, p.Y.Max = math.Min(p.Y.Min, c.yMin), math.Max(p.Y.Max, c.yMax)
	}
	if !c.logY {
		p.Y.Min = math.Min(p.Y.Min, 0)
	}
	if c.base != 0 {
		p.Y.Min, p.Y.Max = math.Min(p.Y.Min, c.base), math.Max(p.Y.Max, c.base)
	}
	if len(c.columns) > 0 { // room for their labels above the curves
		if c.logY {
			p.Y.Max *= math.Pow(p.Y.Max/p.Y.Min, 0.08)
		} else {
			p.Y.Max += 0.08 * (p.Y.Max - p.Y.Min)
		}
	}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = nil, faint
	p.Add(grid)
	for _, m := range c.columns {
		if m.at > p.X.Min && m.at < p.X.Max {
			p.Add(column(m))
		}
	}
	if c.base != 0 {
		p.Add(base(c.base))
	}
	var legend []entry
	for _, s := range c.series {
		if len(s.samples) == 0 {
			continue
		}
		l, err := plotter.NewLine(s)
		if err != nil {
			return figure{}, fmt.Errorf("figure %s: %w", c.name, err)
		}
		l.LineStyle = s.line()
		p.Add(l)
		if s.bare {
			legend = append(legend, entry{name: s.name, line: s.line()})
		}
		if s.bare || s.plain {
			continue
		}
		bars, err := plotter.NewYErrorBars(s)
		if err != nil {
			return figure{}, fmt.Errorf("figure %s: %w", c.name, err)
		}
		bars.LineStyle, bars.CapWidth = draw.LineStyle{Color: palette[s.style%len(palette)], Width: vg.Points(1)}, 0
		points, err := plotter.NewScatter(s)
		if err != nil {
			return figure{}, fmt.Errorf("figure %s: %w", c.name, err)
		}
		points.GlyphStyle = s.glyph()
		p.Add(bars, points)
		legend = append(legend, entry{s.name, s.line(), s.glyph()})
	}
	return render(c.name, c.caption, p, 230, legend), nil
}

// column is a dotted line from bottom to top, labelled there.
type column mark

func (m column) Plot(c draw.Canvas, p *plot.Plot) {
	toX, _ := p.Transforms(&c)
	x := toX(m.at)
	c.StrokeLine2(draw.LineStyle{Color: ink, Width: vg.Points(0.7), Dashes: []vg.Length{vg.Points(1), vg.Points(3)}}, x, c.Min.Y, x, c.Max.Y)
	style := sans(9)
	style.XAlign, style.YAlign = draw.XRight, draw.YTop
	c.FillText(style, vg.Point{X: x - vg.Points(2), Y: c.Max.Y}, m.label)
}

// base is a line from left to right.
type base float64

func (b base) Plot(c draw.Canvas, p *plot.Plot) {
	_, toY := p.Transforms(&c)
	y := toY(float64(b))
	c.StrokeLine2(draw.LineStyle{Color: ink, Width: vg.Points(0.9)}, c.Min.X, y, c.Max.X, y)
}

// strip is a figure with a row for each of several groups of values.
type strip struct {
	name, caption, x string
	// kinds are the names of the kinds of values; none if there is one.
	kinds []string
	rows  []stripRow
	log   bool
	// reference is a value marked in all rows if log.
	reference float64
}

// stripRow has values by kind.
type stripRow struct {
	name    string
	samples [][]float64
}

func (s strip) draw() (figure, error) {
	p := newPlot(s.x, "")
	p.X.Tick.Marker = ticks(s.log)
	if s.log {
		p.X.Scale = plot.LogScale{}
		p.X.Min, p.X.Max = s.reference, s.reference
	}
	names := make([]string, len(s.rows))
	// Later kinds are drawn first: rings, for those that dots may hide.
	kinds := make([]series, max(len(s.kinds), 1))
	for i, r := range s.rows {
		row := len(s.rows) - 1 - i // the first on top
		names[row] = r.name
		for kind, samples := range r.samples {
			for _, v := range samples {
				kinds[kind].samples = append(kinds[kind].samples, sample{x: v, y: float64(row)})
				p.X.Min, p.X.Max = math.Min(p.X.Min, v), math.Max(p.X.Max, v)
			}
		}
	}
	p.X.Max *= 1.03
	if s.log {
		p.X.Min /= 1.03
	} else {
		p.X.Min = 0
	}
	grid := plotter.NewGrid()
	grid.Vertical.Color, grid.Horizontal.Color = faint, faint
	p.Add(grid)
	if s.log {
		p.Add(column{at: s.reference})
	}
	legend := make([]entry, len(s.kinds))
	for i := range slices.Backward(kinds) {
		scatter, err := plotter.NewScatter(kinds[i])
		if err != nil {
			return figure{}, fmt.Errorf("figure %s: %w", s.name, err)
		}
		scatter.GlyphStyle = draw.GlyphStyle{Color: palette[i], Radius: vg.Points(3), Shape: ring{}}
		if i == 0 && len(s.kinds) > 1 {
			scatter.GlyphStyle.Shape = draw.CircleGlyph{}
		}
		p.Add(scatter)
		if len(legend) > 0 {
			legend[i] = entry{name: s.kinds[i], glyph: scatter.GlyphStyle}
		}
	}
	p.NominalY(names...)
	p.Y.Tick.Label.Font.Size = 10
	p.Y.Min, p.Y.Max = -0.6, float64(len(names))-0.4
	return render(s.name, s.caption, p, 50+16*len(names), legend), nil
}

// ring is a circle thick enough to have a colour.
type ring struct{}

func (ring) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	c.SetLineStyle(draw.LineStyle{Color: style.Color, Width: vg.Points(1.3)})
	var p vg.Path
	p.Move(vg.Point{X: at.X + style.Radius, Y: at.Y})
	p.Arc(at, style.Radius, 0, 2*math.Pi)
	p.Close()
	c.Stroke(p)
}

// bars is a figure of horizontal bars made of parts, with a diamond at each
// bar's limit.
type bars struct {
	name, caption, x string
	rows             []barRow
	// parts names the parts.
	parts []string
	limit string
}

type barRow struct {
	name  string
	parts []float64
	// limit is 0 if there is none.
	limit float64
}

func (b bars) draw() (figure, error) {
	p := newPlot(b.x, "")
	p.X.Tick.Marker = ticks(false)
	n := len(b.rows)
	names := make([]string, n)
	columns := make([]plotter.Values, len(b.parts))
	for i := range columns {
		columns[i] = make(plotter.Values, n)
	}
	var limits series
	for i, r := range b.rows {
		row := n - 1 - i
		names[row] = r.name
		for k, v := range r.parts {
			columns[k][row] = v
		}
		if r.limit > 0 {
			limits.samples = append(limits.samples, sample{x: r.limit, y: float64(row)})
		}
	}
	var legend []entry
	var below *plotter.BarChart
	for k, values := range columns {
		chart, err := plotter.NewBarChart(values, vg.Points(13))
		if err != nil {
			return figure{}, fmt.Errorf("figure %s: %w", b.name, err)
		}
		chart.Horizontal, chart.Color, chart.LineStyle.Width = true, palette[k], 0
		if below != nil {
			chart.StackOn(below)
		}
		below = chart
		p.Add(chart)
		legend = append(legend, entry{name: b.parts[k], glyph: draw.GlyphStyle{Color: palette[k], Radius: vg.Points(4), Shape: draw.BoxGlyph{}}})
	}
	if len(limits.samples) > 0 {
		scatter, err := plotter.NewScatter(limits)
		if err != nil {
			return figure{}, fmt.Errorf("figure %s: %w", b.name, err)
		}
		scatter.GlyphStyle = draw.GlyphStyle{Color: ink, Radius: vg.Points(5), Shape: draw.PlusGlyph{}}
		p.Add(scatter)
		legend = append(legend, entry{name: b.limit, glyph: scatter.GlyphStyle})
	}
	p.NominalY(names...)
	p.Y.Tick.Label.Font.Size = 10
	p.X.Min, p.X.Max = 0, 1.03*p.X.Max
	p.Y.Min, p.Y.Max = -0.6, float64(n)-0.4
	return render(b.name, b.caption, p, 56+22*n, legend), nil
}

// newPlot is a plot in this package's style.
func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		label, tick := &a.Label.TextStyle, &a.Tick.Label
		label.Font, label.Color = sans(11).Font, ink
		tick.Font, tick.Color = sans(10.5).Font, ink
		a.LineStyle.Color, a.Tick.LineStyle.Color = ink, ink
		a.Tick.Length = vg.Points(4)
		a.Padding = vg.Points(4)
	}
	return p
}

// entry is a line of the legend: a sample of line and glyph, if set, and a name.
type entry struct {
	name  string
	line  draw.LineStyle
	glyph draw.GlyphStyle
}

// render draws a plot below its legend.
func render(name, caption string, p *plot.Plot, height int, legend []entry) figure {
	const rowHeight, thumbnail, gap = 15, 22, 14
	style := sans(10.5)
	style.YAlign = draw.YCenter
	// Entries from left to right, in as many rows as they need.
	type place struct{ x, row vg.Length }
	places := make([]place, len(legend))
	var at place
	for i, e := range legend {
		// The reader's font may be wider than the one that is measured.
		width := thumbnail + 5 + 1.2*style.Width(e.name)
		if at.x > 0 && at.x+width > figureWidth {
			at = place{0, at.row + 1}
		}
		places[i] = at
		at.x += width + gap
	}
	top := vg.Length(0)
	if len(legend) > 0 {
		top = (at.row+1)*rowHeight + 6
	}
	total := vg.Length(height) + top
	canvas := vgsvg.New(figureWidth, total)
	all := draw.New(canvas)
	for i, e := range legend {
		x, y := places[i].x, total-(places[i].row+0.5)*rowHeight
		if e.line.Width > 0 {
			all.StrokeLine2(e.line, x, y, x+thumbnail, y)
		}
		if e.glyph.Shape != nil {
			all.DrawGlyph(e.glyph, vg.Point{X: x + thumbnail/2, Y: y})
		}
		all.FillText(style, vg.Point{X: x + thumbnail + 5, Y: y}, e.name)
	}
	p.Draw(draw.Crop(all, 0, -2, 0, -top))

	var out bytes.Buffer
	// A buffer does not fail.
	_, _ = canvas.WriteTo(&out)
	_, drawing, _ := strings.Cut(out.String(), "<svg")
	_, drawing, _ = strings.Cut(drawing, ">")
	drawing = strings.TrimSuffix(strings.TrimSpace(drawing), "</svg>")
	drawing = strings.NewReplacer(
		"#010203", "currentColor",
		// The library names the font that it measures with; few have it.
		"font-family:Liberation Sans;", "", // see fonts
		"font-variant:normal;font-weight:normal;font-style:normal;", "",
		"\n\t", " ",
	).Replace(drawing)
	return figure{Name: slug(name), Caption: caption, Drawing: joinPaths(strings.TrimSpace(drawing)), Width: figureWidth, Height: int(math.Ceil(float64(total)))}
}

// fonts are for all text of a figure.
const fonts = `font-family="Liberation Sans,Arimo,Arial,Helvetica,sans-serif"`

// joinPaths makes one path of neighbours that look the same, such as a curve's points, and
// leaves out those without extent: bars of intervals that are points.
func joinPaths(drawing string) string {
	const begin, middle = `<path d="`, `" style="`
	var lines []string
	last := "" // the style of the last line, if it is a path
	for line := range strings.SplitSeq(drawing, "\n") {
		d, style, ok := strings.Cut(strings.TrimPrefix(line, begin), middle)
		if ok = ok && strings.HasPrefix(line, begin); !ok {
			style = ""
		} else if from, to, found := strings.Cut(d, "L"); found && from[1:] == to {
			continue
		}
		if ok && style == last {
			i := len(lines) - 1
			before, _, _ := strings.Cut(lines[i], middle)
			lines[i] = before + d + middle + style
		} else {
			lines = append(lines, line)
		}
		last = style
	}
	return strings.Join(lines, "\n")
}

// slug makes a file's name out of what may come from a file of results.
func slug(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(name))
}

// of says which set of several a figure is of.
func (f figure) of(s *set) figure {
	f.panel = f.Caption
	if s.label != "" {
		f.Caption = join("machine "+s.label, f.Caption)
	}
	return f
}

// Element is the drawing as an element of a page, in the page's colours.
func (f figure) Element() string {
	return fmt.Sprintf(`<svg viewBox="0 0 %d %d" role="img" aria-label="%s" `+fonts+` xmlns="http://www.w3.org/2000/svg">`+"\n%s\n</svg>",
		f.Width, f.Height, html.EscapeString(f.Caption), f.Drawing)
}

// File is the drawing as a file of its own, in colours that follow the reader's.
func (f figure) File() string {
	return fmt.Sprintf(`<svg width="%d" height="%d" viewBox="0 0 %[1]d %d" `+fonts+` xmlns="http://www.w3.org/2000/svg">
<title>%s</title>
<style>svg { color: #1c2024 } @media (prefers-color-scheme: dark) { svg { color: #d8dce2 } }</style>
%s
</svg>
`, f.Width, f.Height, html.EscapeString(f.Caption), f.Drawing)
}

// ticks marks round numbers: powers of ten, with 2 and 5 times them where there
// is room, or the library's choice on a linear axis.
func ticks(log bool) plot.Ticker {
	if !log {
		return plot.TickerFunc(func(lo, hi float64) []plot.Tick {
			all := plot.DefaultTicks{}.Ticks(lo, hi)
			for i := range all {
				if !all[i].IsMinor() {
					all[i].Label = short(all[i].Value)
				}
			}
			return all
		})
	}
	return plot.TickerFunc(func(lo, hi float64) []plot.Tick {
		steps := []float64{1}
		switch decades := math.Log10(hi / lo); {
		case decades < 0.2:
			steps = []float64{1, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.5, 6, 6.5, 7, 7.5, 8, 8.5, 9, 9.5}
		case decades < 0.8:
			steps = []float64{1, 1.2, 1.5, 2, 3, 4, 6, 8}
		case decades < 3:
			steps = []float64{1, 2, 5}
		}
		var all []plot.Tick
		for e := math.Floor(math.Log10(lo)); math.Pow(10, e) <= hi; e++ {
			for _, s := range steps {
				if v := s * math.Pow(10, e); v >= lo && v <= hi {
					all = append(all, plot.Tick{Value: v, Label: short(v)})
				}
			}
		}
		return all
	})
}

// short writes a number in little room: 0.05, 200, 1k, 5M.
func short(v float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.size {
			return fmt.Sprintf("%.4g%s", v/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.3g", v)
}
