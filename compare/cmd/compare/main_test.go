package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

const (
	maxName   = "f32_rmax_ukernel__scalar_u4_acc4"
	storeName = "f32_raddstoreexpminusmax_ukernel__scalar_rr2_p5_u4_acc2"
	mulName   = "f32_vmulc_ukernel__scalar_u4"
)

// sideOf is a side with the native kernels of these names.
func sideOf(name string, kernels ...string) side.Side {
	s := side.Native()
	s.Name, s.Kernels = name, nil
	for _, k := range kernels {
		s.Kernels = append(s.Kernels, ukernel.MustParse(k))
	}
	return s
}

// testApp compares native kernels with themselves.
func testApp() (*app, *bytes.Buffer) {
	out := new(bytes.Buffer)
	return &app{
		screen: &screen{out: out, progress: new(bytes.Buffer)},
		sides: sides{
			ref:  sideOf("upstream", maxName, storeName, mulName),
			ours: sideOf("native", maxName, storeName, mulName),
		},
		libraries: testLibraries(),
	}, out
}

func testOptions() summaryOptions {
	plan := bits.Plan{
		Classes: []inputs.Class{inputs.Normal, inputs.Bits}, Seeds: []uint64{0, 1},
		Lengths: []int{1, 2, 3, 17}, Offsets: []int{0, 3},
	}
	return summaryOptions{
		plan: plan, modelPlan: plan, lengths: machine.Lengths{L1: 64, L2: 128, Memory: 256},
		kernelTime: time.Millisecond, softmaxTime: time.Millisecond, workers: 2,
	}
}

// contains looks for words, wherever the lines are folded, and for kernels by their whole names.
func contains(t *testing.T, text string, wants ...string) {
	t.Helper()
	words := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, "__\n  ", "__")), " ") }
	for _, want := range wants {
		if !strings.Contains(words(text), words(want)) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestSummary(t *testing.T) {
	a, out := testApp()
	a.json = filepath.Join(t.TempDir(), "out.json")
	if err := a.summary(context.Background(), testOptions()); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), maxName, storeName, mulName, "three-pass-reload",
		"two-pass: not run: no kernel of f32_raddextexp", "3 kernels compared with upstream", "0 bits differ",
		"geometric mean", "2 classes x 2 seeds x lengths 1..3,17 x offsets 0,3", "CPU  ", "Caches  ", "Upstream  XNNPACK 4ea82e595b36")
	narrow(t, out.String())

	r, err := results.Read(a.json)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Bits) != 6 || len(r.Speed) != 6 || len(r.NotRun) != 2 || r.Reference != "upstream" {
		t.Errorf("%d agreements, %d timings, %d not run, reference %q", len(r.Bits), len(r.Speed), len(r.NotRun), r.Reference)
	}
	for _, s := range r.Speed {
		if s.Verdict == "" || s.OursNS.Median <= 0 || s.RefNS.Median <= 0 {
			t.Errorf("%s: no comparison of speed: %+v", s.Name, s)
		}
	}
}

// narrow holds that lines fit, but for words that are longer.
func narrow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if n := len([]rune(line)); n > columns && !strings.HasPrefix(line, "|") && strings.Contains(strings.TrimSpace(line), " ") {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// TestSummaryDifferent holds that a flipped bit makes the run fail, by name.
func TestSummaryDifferent(t *testing.T) {
	a, out := testApp()
	lookup := a.sides.ours.Lookup
	a.sides.ours.Lookup = func(name string) (ukernel.Func, error) {
		f, err := lookup(name)
		if name == maxName {
			rmax := f.RMax
			f.RMax = func(src []float32) float32 {
				return math.Float32frombits(math.Float32bits(rmax(src)) ^ 1)
			}
		}
		return f, err
	}
	if err := a.summary(context.Background(), testOptions()); !errors.Is(err, errDiffer) {
		t.Errorf("error %v, want errDiffer", err)
	}
	contains(t, out.String(), "DIFFERENT: "+maxName, "again: ", "bits --kernels '^"+maxName+"$' --lengths 1 --offsets 0 --classes normal --seeds 0")
	if strings.Contains(out.String(), "DIFFERENT: "+mulName) {
		t.Errorf("a kernel without a fault is reported:\n%s", out)
	}
}

// TestSummaryWithoutUpstream holds that the model's agreement is not passed off
// as upstream's.
func TestSummaryWithoutUpstream(t *testing.T) {
	a, out := testApp()
	a.sides.ref = side.Model(a.sides.ours.Kernels)
	a.sides.noUpstream = errors.New("built without it")
	if err := a.summary(context.Background(), testOptions()); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "Upstream  NOT COMPARED: built without it", "compared with model")
	if strings.Contains(out.String(), "geometric mean") {
		t.Errorf("speed is compared with the model's:\n%s", out)
	}
}

// TestSummaryNotRun holds that a kernel that can't run is listed as such.
func TestSummaryNotRun(t *testing.T) {
	a, out := testApp()
	lookup := a.sides.ours.Lookup
	a.sides.ours.Lookup = func(name string) (ukernel.Func, error) {
		if name == maxName {
			return ukernel.Func{}, errors.New("the test forbids it")
		}
		return lookup(name)
	}
	if err := a.summary(context.Background(), testOptions()); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), maxName+" ", "not run: the test forbids it", "2 kernels compared", "were not run here")
}

func TestInterrupted(t *testing.T) {
	a, _ := testApp()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := a.summary(ctx, testOptions()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestFold(t *testing.T) {
	words := strings.TrimSpace(strings.Repeat("word ", 18))
	for _, c := range []struct{ in, want string }{
		{"short", "short"},
		{words, words[:79] + "\n  word word"},
		{"    " + words, "    " + words[:74] + "\n      word word word"},
		{"CPU       " + words, "CPU       " + words[:69] + "\n          word word word word"},
		{"| " + words + " |", "| " + words + " |"},
		{again + words, again + words},
		{strings.Repeat("x", 90), strings.Repeat("x", 90)},
		{words[:75] + strings.Repeat("µ", 5), words[:75] + strings.Repeat("µ", 5)},
	} {
		if got := fold(c.in); got != c.want {
			t.Errorf("%q:\n%q, want\n%q", c.in, got, c.want)
		}
	}
}

func TestPlain(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want bool
	}{
		{map[string]string{"LANG": "en_US.UTF-8"}, false},
		{map[string]string{"LANG": "C.utf8"}, false},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, true},
		{map[string]string{"LANG": "de_DE.UTF-8", "NO_COLOR": "1"}, true},
		{nil, true},
	} {
		if got := plain(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v: %v", c.env, got)
		}
	}
}

// TestComplete: what a shell offers for flags' values.
func TestComplete(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"bits", "--reference", ""}, "upstream\nmodel\n"},
		{[]string{"accuracy", "--classes", "normal,uni"}, "normal,uniform10\n"},
		{[]string{"speed", "--algorithms", "two-pass,"}, "two-pass,three-pass-reload\n"},
		{[]string{"tune", "--kernels", "f32_rm"}, "f32_rmax\n"},
		{[]string{"speed", "--sizes", "L1,m"}, "L1,memory\n"},
	} {
		a, _ := testApp()
		root, out := a.root(), new(bytes.Buffer)
		root.SetArgs(append([]string{"__complete"}, c.args...))
		root.SetOut(out)
		root.SetErr(new(bytes.Buffer))
		if err := root.Execute(); err != nil || !strings.Contains(out.String(), c.want) || !strings.Contains(out.String(), ":4\n") {
			t.Errorf("%q: %q, %v; want %q and no files", c.args, out, err, c.want)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{grouped(0), "0"}, {grouped(999), "999"}, {grouped(1000), "1,000"}, {grouped(-123456), "-123,456"}, {grouped(1234567), "1,234,567"},
		{size(0), "unknown"}, {size(512), "512 B"}, {size(48 << 10), "48 KiB"}, {size(272629760), "260 MiB"}, {size(3 << 30), "3 GiB"},
		{plural(1, "bit", "bits"), "1 bit"}, {plural(1200, "bit", "bits"), "1,200 bits"},
		{ranges([]int{1, 2, 3, 7, 9, 10}), "1..3,7,9..10"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

// TestMistakes holds that what is typed wrongly is refused before anything runs, by the
// name that was typed.
func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	socket, err := net.Listen("unix", filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"speed", "--json", dir}, "--json: " + dir + " is a directory"},
		{[]string{"info", "--json", socket.Addr().String()}, "--json: " + socket.Addr().String() + " is no regular file"},
		{[]string{"accuracy", "--json", dir + "/none/x.json"}, "--json: " + dir + "/none/x.json can't be written: no such file or directory"},
		{[]string{"bits", "--kernels", "("}, "--kernels: error parsing regexp"},
		{[]string{"speed", "--kernels", "("}, "--kernels: error parsing regexp"},
		{[]string{"tune", "--kernels", "("}, "--kernels: error parsing regexp"},
		{[]string{"bits", "--kernels", "vcvt"}, `--kernels: there is no kernel that matches "vcvt": names begin with f32_rmax, `},
		{[]string{"speed", "--sise", "3"}, "unknown flag: --sise: see compare speed --help"},
		{[]string{"bots"}, `unknown command "bots" for "compare": see compare --help`},
		{[]string{"bits", "x"}, `unknown command "x" for "compare bits": see compare bits --help`},
		{[]string{"report"}, "report needs a file of results at least: see compare report --help"},
	} {
		a, _ := testApp()
		if err := run(t, a, c.args...); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q: error %v, want %q", c.args, err, c.want)
		}
	}
	left, err := filepath.Glob(dir + "/.*")
	if err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestMessage(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("the state is of x"), "compare: the state is of x"},
		{fmt.Errorf("--resume: %w", errors.New("the state")), "compare: --resume: the state"},
		{fmt.Errorf("x: %w", context.Canceled), "compare: stopped, and nothing was kept"},
	} {
		if got := message(c.err); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestFullDisk holds that output that can't be written is noticed.
func TestFullDisk(t *testing.T) {
	a, _ := testApp()
	r, w := io.Pipe()
	r.CloseWithError(io.ErrShortWrite)
	a.out = w
	a.line("a line")
	if !errors.Is(a.failed, io.ErrShortWrite) {
		t.Errorf("the error is %v", a.failed)
	}
}
