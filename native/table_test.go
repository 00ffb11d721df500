package native_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

var (
	tableSeed  = flag.Uint64("table.seed", 0, "seed of what TestTable draws; 0 takes one from the clock")
	tableDraws = flag.Int("table.draws", 0, "number of combinations that TestTable draws; 0 is 2000, with -short 100")
	tableCase  = flag.String("table.case", "", "the one combination that TestTable runs, as a failure prints it")
)

// limits are lengths around which the code does something else, or did once: vectors,
// tiles and turns of kernels, buffers, blocks, chunks.
var limits = []int{1, 16, 32, 64, 96, 128, 192, 384, 1 << 12, 1 << 14, 1 << 16, 1 << 17, 1 << 20}

// option is what a combination is about; others are drawn besides.
type option struct {
	name  string
	needs takes // any of these
	set   func(d *drawn)
}

var optionList = []option{
	{"nothing", ^takes(0), func(d *drawn) {}},
	{"special", ^takes(0), func(d *drawn) {
		d.class = inputs.Class(d.pick(int(inputs.Infinities), int(inputs.NaNs), int(inputs.Bits)))
	}},
	{"level", leveled, func(d *drawn) { d.level = levels()[d.IntN(len(levels()))] }},
	{"algorithm", settings, func(d *drawn) { d.algorithm = algorithms()[d.IntN(len(algorithms()))] }},
	{"goroutines", settings, func(d *drawn) { d.goroutines = 2 + d.IntN(3) }},
	{"streaming", settings, func(d *drawn) { d.streaming = true }},
	{"scale", scaling, func(d *drawn) { d.scale = []float32{0.125, 0.37, 1.0 / 3, 2.5, 1e-3}[d.IntN(5)] }},
	{"negative scale", negating, func(d *drawn) { d.scale = []float32{-1, -0.7}[d.IntN(2)] }},
	{"scales", rows, func(d *drawn) {
		d.scales = make([]float32, d.rows)
		for i := range d.scales {
			d.scales[i] = []float32{0, 0.125, 0.125, 0.37, 2.5, -0.7}[d.IntN(6)]
		}
	}},
	{"zero rows", zeroing, func(d *drawn) { d.zeroRows, d.empty = true, true }},
	{"add", masking | noMasking, func(d *drawn) { d.masks(); d.adds() }},
	{"keep", masking | noMasking, func(d *drawn) { d.masks(); d.keeps() }},
	{"causal", masking | noMasking, func(d *drawn) { d.causal, d.offset = true, d.IntN(d.cols+d.rows+2)-d.rows }},
	{"in place", placing, func(d *drawn) { d.inPlace = true }},
}

// combination identifies a line of the table: the rest follows from it.
type combination struct {
	form   *form
	option *option
	cols   int
	seed   uint64
}

func (c combination) String() string {
	return fmt.Sprintf("%s/%s/%d/%d", c.form.name, c.option.name, c.cols, c.seed)
}

// drawn is a combination with all that is drawn for it.
type drawn struct {
	*rand.Rand
	combination
	options
	rows    int
	class   inputs.Class
	ends    []int // of the pieces of an accumulator
	empty   bool  // the first row is -Inf alone
	inPlace bool
}

func (d *drawn) pick(among ...int) int { return among[d.IntN(len(among))] }

func (d *drawn) masks() {
	if d.stride = 0; d.form.takes&rows != 0 && d.IntN(2) == 0 {
		d.stride = d.cols + d.IntN(20)
	}
}

// maskLen is the number of elements of a mask.
func (d *drawn) maskLen() int { return (d.rows-1)*d.stride + d.cols }

func (d *drawn) adds() {
	d.add = inputs.Uniform10.Row(d.seed, d.maskLen())
	d.keep = nil // of the same stride, if there is one
	for i := range d.add {
		if d.IntN(8) == 0 {
			d.add[i] = negInf
		}
	}
}

func (d *drawn) keeps() {
	if d.add != nil && len(d.add) != d.maskLen() {
		d.add = nil
	}
	d.keep = make([]bool, d.maskLen())
	for i := range d.keep {
		d.keep[i] = d.IntN(4) > 0
	}
}

func draw(c combination) *drawn {
	d := &drawn{Rand: rand.New(rand.NewPCG(c.seed, uint64(c.cols))), combination: c, rows: 1}
	if c.form.takes&rows != 0 {
		d.rows = 1 + d.IntN(max(1, min(6, (1<<15)/c.cols)))
		if d.IntN(8) == 0 {
			d.rows = 1 + d.IntN(max(1, (1<<14)/c.cols))
		}
	}
	classes := append(inputs.Classes(), inputs.Hard()...)
	d.class = classes[d.IntN(len(classes))]
	d.level = levels()[len(levels())-1]
	d.algorithm = algorithms()[len(algorithms())-1]
	for i := range optionList {
		o := &optionList[i]
		if o == c.option || c.form.takes&o.needs != 0 && d.IntN(4) == 0 {
			o.set(d)
		}
	}
	c.option.set(d) // whatever came after
	if c.form.takes&pieces != 0 {
		for range d.IntN(5) {
			d.ends = append(d.ends, d.IntN(d.cols+1))
		}
		slices.Sort(d.ends)
		d.ends = append(d.ends, d.cols)
	}
	return d
}

// memory is what an operand lies in. Before, between and behind its rows are numbers
// that may not be written, and make NaN where they are read.
type memory struct {
	matrix            // the operand
	all        matrix // with what is around it
	before     matrix // a copy from before the call
	lead       int
	rows, cols int
}

const (
	guard32 = 0x7fd5a5a5
	guard16 = 0x7fda // NaN in both types
)

func (d *drawn) memory(k kind, n, cols int) *memory {
	m := &memory{lead: 1 + d.IntN(40), rows: n, cols: cols}
	m.kind, m.stride = k, cols
	if d.form.takes&rows != 0 {
		m.stride += d.IntN(24)
	}
	n = (n-1)*m.stride + cols
	if k == f32 {
		m.all.f = slices.Repeat([]float32{math.Float32frombits(guard32)}, m.lead+n+40)
		m.f = m.all.f[m.lead : m.lead+n : m.lead+n]
	} else {
		m.all.h = slices.Repeat([]uint16{guard16}, m.lead+n+40)
		m.h = m.all.h[m.lead : m.lead+n : m.lead+n]
	}
	return m
}

// put writes a row and returns its elements as they are then.
func (m *memory) put(i int, x []float32) []float32 {
	if m.kind == f32 {
		copy(m.f[i*m.stride:], x)
		return x
	}
	for j, x := range x {
		m.h[i*m.stride+j] = m.round(x)
	}
	return m.row(i)
}

// row returns a row's elements.
func (m *memory) row(i int) []float32 {
	y := make([]float32, m.cols)
	for j := range y {
		if at := i*m.stride + j; m.kind == f32 {
			y[j] = m.f[at]
		} else {
			y[j] = m.value(m.h[at])
		}
	}
	return y
}

// touched is an error if something changed that should not have; if written, rows may.
func (m *memory) touched(written bool) error {
	for i := range len(m.all.f) + len(m.all.h) {
		at := i - m.lead
		if at >= 0 && written && at < (m.rows-1)*m.stride+m.cols && at%m.stride < m.cols {
			continue
		}
		if m.kind == f32 && math.Float32bits(m.all.f[i]) != math.Float32bits(m.before.f[i]) || m.kind != f32 && m.all.h[i] != m.before.h[i] {
			return fmt.Errorf("element %d, of %d rows of %d with stride %d, was written", at, m.rows, m.cols, m.stride)
		}
	}
	return nil
}

// content draws the rows of the input.
func (d *drawn) content() (src, dy [][]float32) {
	class := d.class
	if d.form.gradient() {
		// Results of a forward pass, and gradients that are no larger than float32.
		for class == inputs.Infinities || class == inputs.NaNs || class == inputs.Bits || class == inputs.Masked {
			class = inputs.Hard()[d.IntN(len(inputs.Hard()))]
		}
	}
	for i := range d.rows {
		x := make([]float32, d.cols)
		if d.empty && i == 0 && !d.form.gradient() {
			for j := range x {
				if x[j] = negInf; d.scaleOf(0) < 0 {
					x[j] = inf
				}
			}
		} else {
			class.Fill(x, d.seed+uint64(i))
		}
		if d.form.gradient() {
			r := newReference(x, 0, nil, nil, d.cols)
			for j, e := range r.d {
				if x[j] = float32(e - r.log); d.form.what == softmaxGrad {
					x[j] = float32(math.Exp(e - r.log))
				}
			}
			c := []inputs.Class{inputs.Uniform10, inputs.Uniform1000, inputs.Normal, inputs.Equal, inputs.Ties, inputs.TwoLevels}
			dy = append(dy, c[d.IntN(len(c))].Row(d.seed+uint64(i)+99, d.cols))
		}
		src = append(src, x)
	}
	return src, dy
}

// run calls the form on these rows, which change to what the type of elements makes of
// them, and returns the results. The error tells what was written that should not have
// been.
func (d *drawn) run(input, grads [][]float32) (results [][]float32, err error) {
	d.Rand = rand.New(rand.NewPCG(d.seed, uint64(d.cols)+1))
	n := len(input)
	src := d.memory(d.form.src, n, d.cols)
	for i, x := range input {
		input[i] = src.put(i, x)
	}
	c := &call{rows: n, cols: d.cols, src: src.matrix, ends: d.ends}
	memories := []*memory{src}
	dst := src
	if d.form.gradient() {
		dy := d.memory(f32, n, d.cols)
		for i, x := range grads {
			dy.put(i, x)
		}
		c.dy, memories = dy.matrix, append(memories, dy)
		if d.seed%2 == 0 {
			dst = dy
		}
	}
	switch {
	case d.form.what == logSumExp:
		dst = d.memory(f32, 1, n)
		memories = append(memories, dst)
	case !d.inPlace:
		dst = d.memory(d.form.dst, n, d.cols)
		memories = append(memories, dst)
	}
	c.dst = dst.matrix
	for _, m := range memories {
		m.before.f, m.before.h = slices.Clone(m.all.f), slices.Clone(m.all.h)
	}
	add, keep := slices.Clone(d.add), slices.Clone(d.keep)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	d.form.run(d.options, c)
	for i, m := range memories {
		if err := m.touched(m == dst); err != nil {
			return nil, fmt.Errorf("operand %d: %w", i, err)
		}
	}
	if !slices.EqualFunc(add, d.add, same) || !slices.Equal(keep, d.keep) {
		return nil, fmt.Errorf("the mask was written")
	}
	dst.kind = d.form.dst // in place it was that of src
	for i := range dst.rows {
		results = append(results, dst.row(i))
	}
	if d.form.what == logSumExp {
		results = slices.Collect(slices.Chunk(results[0], 1))
	}
	return results, nil
}

// maskRow is row i of the mask, as far as the form looks at it.
func (d *drawn) maskRow(i int) (m mask) {
	if d.add != nil {
		m.add = d.add[i*d.stride:][:d.cols]
	}
	if d.keep != nil {
		m.keep = d.keep[i*d.stride:][:d.cols]
	}
	if len(d.scales) > 0 {
		m.scales = d.scales[i : i+1]
	}
	m.causal, m.offset = d.causal, d.offset+i
	return m
}

// check runs a combination and compares its results with the reference, and their bits
// with those of each row alone, by one goroutine, through the caches, not in place, and,
// with one arithmetic, at the first level by the first algorithm.
func (d *drawn) check() error {
	input, grads := d.content()
	if d.goroutines > 1 { // first by one, as a panic in another would end the program here
		one := *d
		one.goroutines = 1
		if _, err := one.run(input, grads); err != nil {
			return fmt.Errorf("by one goroutine: %w", err)
		}
	}
	results, err := d.run(input, grads)
	if err != nil {
		return err
	}
	empty := nan
	if d.zeroRows {
		empty = 0
	}
	for i, x := range input {
		if d.form.gradient() {
			_, err = gradientError(d.form.what, results[i], x, grads[i], d.scaleOf(i))
		} else {
			m, visible := d.maskRow(i), d.cols
			if d.form.takes&masking == 0 {
				m = mask{}
			}
			if m.causal {
				visible = m.offset + 1
			}
			_, err = newReference(x, d.scaleOf(i), m.add, m.keep, visible).check(d.form.what, d.form.dst, results[i], empty)
		}
		if err != nil {
			return fmt.Errorf("row %d of %d: %w", i, d.rows, err)
		}
	}
	one := *d
	one.inPlace, one.goroutines, one.streaming = false, min(1, d.goroutines), false
	one.level, one.algorithm = levels()[0], algorithms()[0]
	if d.rows == 1 && reflect.DeepEqual(one, *d) {
		return nil
	}
	for i := range input {
		one.mask = d.maskRow(i)
		alone, err := one.run(input[i:i+1], grads[min(i, len(grads)):min(i+1, len(grads))])
		if err != nil {
			return fmt.Errorf("row %d of %d alone: %w", i, d.rows, err)
		}
		for j, y := range alone[0] {
			if !same(results[i][j], y) {
				return fmt.Errorf("row %d of %d: element %d is %v; alone, by one goroutine and not in place it is %v", i, d.rows, j, results[i][j], y)
			}
		}
	}
	return nil
}

func formNamed(name string) *form {
	for i := range forms {
		if forms[i].name == name {
			return &forms[i]
		}
	}
	return nil
}

// try runs a combination as a part of the test.
func (c combination) try(t *testing.T) {
	t.Helper()
	d := draw(c)
	if err := d.check(); err != nil {
		o := d.options
		o.mask = mask{causal: o.causal, offset: o.offset, stride: o.stride, scales: o.scales}
		t.Errorf("%v\nclass %v, %d rows, in place %v, %+v, added mask %v, keep mask %v\nagain: go test ./native -run TestTable -table.case='%v'",
			err, d.class, d.rows, d.inPlace, o, d.add != nil, d.keep != nil, c)
	}
}

// TestTable is the one table of every public form, every option that it takes, lengths
// around every limit in the code and classes of input, against the reference. Each
// option meets each form at some length, in the full run at each limit up to 2^12 and at
// one of those above; the rest is drawn. The full run takes rows of up to 2^20 elements,
// with -short, but for those of -Inf alone, up to 2^12.
func TestTable(t *testing.T) {
	if *tableCase != "" {
		c, err := parse(*tableCase)
		if err != nil {
			t.Fatal(err)
		}
		c.try(t)
		return
	}
	seed, draws := *tableSeed, *tableDraws
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	if draws == 0 {
		if draws = 2000; testing.Short() {
			draws = 100
		}
	}
	r := rand.New(rand.NewPCG(seed, 0))
	n := 0
	try := func(f *form, o *option, cols int) {
		combination{f, o, cols, r.Uint64N(1e6)}.try(t)
		n++
	}
	around := func(limit int) int { return max(1, limit-1+r.IntN(3)) }
	for i := range forms {
		f := &forms[i]
		for j := range optionList {
			o := &optionList[j]
			if o.needs != ^takes(0) && f.takes&o.needs == 0 {
				continue
			}
			if testing.Short() && r.IntN(2) == 0 {
				try(f, o, around(limits[r.IntN(9)]))
			} else {
				try(f, o, 1+r.IntN(400))
			}
			if !testing.Short() {
				for _, limit := range limits[:9] {
					try(f, o, around(limit))
				}
				try(f, o, around(limits[9+r.IntN(3)]))
			}
			// Rows of -Inf alone take little time.
			if last := limits[len(limits)-1]; !testing.Short() && (o.name == "zero rows" || r.IntN(20) == 0) {
				try(f, o, last+1)
			} else if testing.Short() && o.name == "zero rows" && f.what == softmax && f.dst != f32 {
				try(f, o, 1<<17+1) // which 16-bit results do otherwise
			}
		}
	}
	for range draws {
		f, o := &forms[r.IntN(len(forms))], &optionList[r.IntN(len(optionList))]
		if o.needs != ^takes(0) && f.takes&o.needs == 0 {
			o = &optionList[0]
		}
		most := limits[8]
		if !testing.Short() && r.IntN(4) == 0 {
			most = 1 << 18
		}
		try(f, o, int(math.Exp2(r.Float64()*math.Log2(float64(most)))))
	}
	t.Logf("%d combinations of %d forms and %d options, -table.seed=%d", n, len(forms), len(optionList), seed)
}

// parse reads what a combination prints.
func parse(text string) (c combination, err error) {
	parts := strings.Split(text, "/")
	if len(parts) != 4 {
		return c, fmt.Errorf("%q is no combination: it must be form/option/columns/seed", text)
	}
	if c.form = formNamed(parts[0]); c.form == nil {
		return c, fmt.Errorf("%q is no form", parts[0])
	}
	for i := range optionList {
		if optionList[i].name == parts[1] {
			c.option = &optionList[i]
		}
	}
	if c.option == nil {
		return c, fmt.Errorf("%q is no option", parts[1])
	}
	if _, err = fmt.Sscan(parts[2]+" "+parts[3], &c.cols, &c.seed); err == nil && c.cols < 1 {
		err = fmt.Errorf("%d columns", c.cols)
	}
	return c, err
}

// computes are parts of the names of what computes.
var computes = regexp.MustCompile("Softmax|LogSumExp|LogProbs|TopK")

// TestForms holds that the table has every exported function and method that computes.
func TestForms(t *testing.T) {
	pkg, err := parser.ParseDir(token.NewFileSet(), ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range pkg["native"].Files {
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || !computes.MatchString(f.Name.Name) {
				continue
			}
			name := f.Name.Name
			if f.Recv != nil {
				name = "Accumulator." + name
			}
			if !slices.ContainsFunc(forms, func(f form) bool {
				return f.name == name || strings.HasPrefix(f.name, name+" ") || strings.HasPrefix(f.name, name+"[")
			}) {
				t.Errorf("%s is in no form of the table", name)
			}
		}
	}
}
