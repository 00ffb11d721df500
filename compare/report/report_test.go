package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"

	"github.com/twopass-softmax/twopass/compare/accuracy"
	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/ukernel"
)

func around(median float64) speed.Summary {
	return speed.Summary{Median: median, Lo: median * 0.99, Hi: median * 1.01}
}

// measured is a timing with its numbers.
func measured(s speed.Timing, elements int, ref, ours float64) speed.Timing {
	s.Elements, s.OursNS, s.Samples, s.Calls = elements, around(ours), 11, 1
	if ref > 0 {
		s.RefNS, s.Ratio, s.Verdict = around(ref), around(ours/ref), speed.Same
		if ours < 0.9*ref {
			s.Verdict = speed.Faster
		}
	}
	return s
}

// found is what runs on one machine could have found: every section has
// something.
func found(cpu string) *results.Results {
	r := &results.Results{
		Command: []string{"compare", "speed"}, Started: time.Date(2024, 11, 8, 1, 2, 3, 0, time.UTC), Seconds: 59.6,
		Machine: machine.Machine{
			CPU: cpu, Vendor: "V", Family: 6, Model: 1, ISAs: []string{"scalar", "avx2"}, CPUs: 2,
			L1D: 32 << 10, L2: 512 << 10, L3: 8 << 20, Memory: 1 << 30, OS: "linux", Arch: "amd64",
		},
		Build:     results.Build{Commit: "0123456789abcdef", Compiler: "gcc 12.2.0", Go: "go1.24.0", Native: "1.0.0"},
		Reference: "upstream", Frequency: 3.217, Arithmetic: 0.16,
		Bandwidth: []results.Bandwidth{{Name: "read", Threads: 1, GBps: around(12.34)}, {Name: "copy", Threads: 1, GBps: around(9.87)}},
		NotRun:    []results.NotRun{{Kernel: "f32_rmax_ukernel__avx512f_u16", Why: "this CPU has no avx512f"}},
	}
	names := []string{"f32_rmax_ukernel__avx_u32_acc4", "f32_vmulc_ukernel__avx_u16", "f32_raddstoreexpminusmax_ukernel__avx2_rr1_p5_u32",
		"f32_raddexpminusmax_ukernel__avx2_p5_u96", "f32_vscaleexpminusmax_ukernel__avx2_p5_u96"}
	for _, tile := range []int{8, 16, 24, 32, 40} {
		names = append(names, fmt.Sprintf("f32_vscaleextexp_ukernel__avx2_p5_u%d", tile))
	}
	for _, tile := range []string{"u64", "u64_acc2", "u96", "u96_acc3"} {
		names = append(names, "f32_raddextexp_ukernel__avx2_p5_"+tile)
	}
	for i, name := range names {
		for _, n := range []int{2048, 1 << 22} {
			r.Speed = append(r.Speed, measured(speed.Timing{Name: name}, n, 0.5+float64(i)/100, 0.4+float64(i)/50))
		}
		r.Bits = append(r.Bits, bits.Agreement{Kernel: name, Inputs: 1000, Values: 4000})
	}
	for _, threads := range []int{1, 2} {
		for _, n := range []int{256, 2048, 1 << 14, 1 << 18, 1 << 22} {
			base := (0.3 + float64(n)/(1<<22)) / float64(threads)
			for i, a := range ukernel.Algorithms() {
				kernels := []string{"f32_raddextexp_ukernel__avx2_p5_u96", "f32_vscaleextexp_ukernel__avx2_p5_u40"}
				if i > 0 {
					kernels = []string{"f32_rmax_ukernel__avx_u32_acc4", "f32_raddstoreexpminusmax_ukernel__avx2_rr1_p5_u32", "f32_vmulc_ukernel__avx_u16"}
				}
				slow := base * (1 + float64(i)/7)
				if n < 10000 {
					slow = base * (1 - float64(i)/9)
				}
				r.Speed = append(r.Speed,
					measured(speed.Timing{Name: "upstream " + a.String(), Kernels: kernels, Threads: threads}, n, 0, slow*1.2),
					measured(speed.Timing{Name: "native " + a.String(), Kernels: kernels, Threads: threads}, n, slow*1.2, slow))
			}
			auto := measured(speed.Timing{Name: "native.Softmax", Threads: threads}, n, base*1.1, base*0.8)
			if n == 1<<22 {
				auto.LimitShare = 0.625
			}
			r.Speed = append(r.Speed, auto, measured(speed.Timing{Name: "onednn softmax", Threads: threads}, n, 0, base*2))
		}
	}
	call := around(12.5)
	r.ShortCall = &call
	overhead := measured(speed.Timing{Name: "f32_rmax_ukernel__avx_u32_acc4", Where: "one element"}, 1, 76, 22)
	r.Overhead = &overhead
	r.Comparisons = comparisons()
	for i, class := range []string{"uniform10", "normal"} {
		for _, n := range []int{16, 256, 4096} {
			r.Accuracy = append(r.Accuracy,
				accuracy.Errors{Name: "native.Softmax", Class: class, Length: n, Rows: 3, Outputs: int64(3 * n), MaxULP: 1.25 + float64(i), MeanULP: 0.3},
				accuracy.Errors{Name: "upstream two-pass", Class: class, Length: n, Rows: 3, Outputs: int64(3 * n), NaNs: int64(i)})
		}
	}
	return r
}

// comparisons are some of each kind, the longest beyond the caches.
func comparisons() []speed.Comparison {
	var all []speed.Comparison
	race := func(kind string, rows, cols, threads int, names []string, times []float64, pairs ...[2]int) {
		r := speed.Comparison{Kind: kind, Rows: rows, Cols: cols, Threads: threads, Beyond: cols == 1<<22}
		for i, name := range names {
			r.Entries = append(r.Entries, speed.Entry{Name: name, NS: around(times[i]), MaxULP: 1.5 + float64(i), MeanULP: 0.25})
		}
		for _, p := range pairs {
			r.Ratios = append(r.Ratios, speed.Ratio{Of: names[p[0]], To: names[p[1]], Ratio: around(times[p[0]] / times[p[1]]), Verdict: speed.Faster})
		}
		all = append(all, r)
	}
	for _, threads := range []int{1, 2} {
		for _, cols := range []int{1 << 10, 1 << 14, 1 << 22} {
			race(speed.Functions, 1, cols, threads, []string{speed.NativeSoftmax, speed.NativeLogSoftmax, speed.NativeLogSumExp},
				[]float64{1, 0.9, 0.512}, [2]int{1, 0}, [2]int{2, 0})
		}
		race(speed.Rows, 8192, 128, threads, []string{speed.NativeSoftmaxRows, "upstream best two-pass", "upstream best three-pass-reload", "onednn softmax", "upstream best in C three-pass-reload"},
			[]float64{0.5, 2, 1, 0.625, 0.8}, [2]int{0, 2}, [2]int{0, 4}, [2]int{0, 3})
		race(speed.Rows, 1, 1000, threads, []string{speed.NativeSoftmaxRows, "upstream best two-pass", "onednn softmax"}, []float64{0.5, 0.5, 1}, [2]int{0, 1}, [2]int{0, 2})
	}
	for _, name := range []string{speed.NativeSoftmaxGrad, speed.NativeLogSoftmaxGrad} {
		race(speed.Gradients, 16, 128, 1, []string{name, "C loop", speed.Limit}, []float64{0.5, 1, 0.4}, [2]int{0, 1}, [2]int{0, 2})
	}
	race(speed.Peers, 1, 1000, 1, []string{speed.NativeSoftmax, "upstream best in C two-pass", speed.GoLoop, "onnxruntime softmax"}, []float64{0.5, 0.4, 10, 0.75})
	for _, cols := range []int{1 << 14, 1 << 22} {
		race(speed.OneRow, 1, cols, 2, []string{speed.NativeSoftmax, speed.OneGoroutine, speed.Limit, "onednn softmax", "onednn softmax, 1 thread"},
			[]float64{0.6, 1, 0.5, 1.1, 1.2}, [2]int{0, 1}, [2]int{0, 2}, [2]int{0, 3}, [2]int{3, 4})
	}
	return all
}

// report writes a report of results, which go through files, and returns the
// directory, and the HTML and the Markdown with all measurements.
func report(t *testing.T, all ...*results.Results) (dir, html, markdown string) {
	t.Helper()
	var names []string
	in := t.TempDir()
	for i, r := range all {
		name := filepath.Join(in, fmt.Sprintf("r%d.json", i))
		if err := r.WriteFile(name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	sources, err := Read(names...)
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "out")
	if err := Write(dir, sources); err != nil {
		t.Fatal(err)
	}
	return dir, read(t, dir, WholeHTMLName), read(t, dir, WholeMarkdownName)
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func contains(t *testing.T, what, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, what)
		}
	}
}

var ids = regexp.MustCompile(`<section id="([^"]*)">`)

func sections(html string) []string {
	var all []string
	for _, m := range ids.FindAllStringSubmatch(html, -1) {
		all = append(all, m[1])
	}
	return all
}

func TestSections(t *testing.T) {
	dir, html, markdown := report(t, found("CPU X"))
	want := []string{"summary", "machines", "peers", "two-pass", "lengths", "passes", "variants", "cores", "rows", "functions", "gradients", "one-row", "native", "bandwidth", "agreement", "accuracy", "files"}
	if got := sections(html); !slices.Equal(got, want) {
		t.Errorf("sections\n%v\nwant\n%v", got, want)
	}
	figures, err := os.ReadDir(filepath.Join(dir, figuresName))
	if err != nil {
		t.Fatal(err)
	}
	first := read(t, dir, MarkdownName)
	var names []string
	for _, f := range figures {
		names = append(names, f.Name())
		if strings.HasPrefix(f.Name(), "front-") {
			contains(t, "the first Markdown", first, "](figures/"+f.Name()+")")
			continue
		}
		contains(t, "the Markdown", markdown, "](figures/"+f.Name()+")")
	}
	wantFigures := []string{"accuracy-normal.svg", "accuracy-uniform10.svg", "cores-native.svg", "cores-onednn-softmax.svg", "cores-upstream.svg", "front-accuracy-.svg", "front-limits-.svg", "front-speed-.svg", "functions-1.svg", "functions-2.svg", "kernels-2048.svg", "kernels-4194304.svg",
		"lengths-1.svg", "lengths-2.svg", "lengths-3.svg", "lengths-4.svg", "one-row-2.svg", "passes-avx2-2048.svg", "passes-avx2-4194304.svg", "variants-avx2-f32_raddextexp.svg", "variants-avx2-f32_vscaleextexp.svg"}
	if !slices.Equal(names, wantFigures) {
		t.Errorf("figures\n%q\nwant\n%q", names, wantFigures)
	}
	if n := strings.Count(html, "<img "); n != len(names)-3 {
		t.Errorf("%d figures in the page, want %d", n, len(names)-3)
	}
	if n := strings.Count(read(t, dir, HTMLName), "<svg "); n != 3 {
		t.Errorf("%d figures in the first page, want 3", n)
	}
}

// TestSelfContained holds that the page needs no other file, no network and no
// script, and that its figures take the page's colours.
func TestSelfContained(t *testing.T) {
	dir, whole, _ := report(t, found("CPU X"), found("CPU Y"))
	html := read(t, dir, HTMLName)
	for _, bad := range []string{"<script", "<link", "<img", " src=", "@import", "url(", "xlink:href", "NaN,", "Inf,", "#010203"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page has %q in it", bad)
		}
	}
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		if id, ok := strings.CutPrefix(m[1], WholeHTMLName+"#"); !ok || !strings.Contains(whole, `id="`+id+`"`) {
			t.Errorf("a link to %s, which is not in the page", m[1])
		}
	}
	contains(t, "the page", html, "prefers-color-scheme: dark", `name="viewport"`, "currentColor")
	figures, err := filepath.Glob(filepath.Join(dir, figuresName, "*.svg"))
	if err != nil || len(figures) == 0 {
		t.Fatalf("figures %v, error %v", figures, err)
	}
	for _, name := range figures {
		text := read(t, "", name)
		contains(t, name, text, "prefers-color-scheme: dark", "currentColor")
		for d := xml.NewDecoder(strings.NewReader(text)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
		}
	}
}

// TestNumbers holds that the numbers that people read are those of the results.
func TestNumbers(t *testing.T) {
	r := found("CPU X")
	var ratios []float64
	for _, s := range r.Speed {
		if strings.HasPrefix(s.Name, "f32_") && s.Elements == 2048 {
			ratios = append(ratios, s.Ratio.Median)
		}
	}
	timing := func(name string, elements, threads int) speed.Timing {
		i := slices.IndexFunc(r.Speed, func(s speed.Timing) bool { return s.Name == name && s.Elements == elements && s.Threads == threads })
		if i < 0 {
			t.Fatalf("no %s of %d elements", name, elements)
		}
		return r.Speed[i]
	}
	two, reload, recompute := timing("native two-pass", 1<<22, 2), timing("native three-pass-reload", 1<<22, 2), timing("native three-pass-recompute", 1<<22, 2)
	near := timing("native two-pass", 2048, 1)
	one, fast := timing("native.Softmax", 1<<14, 1), timing("native.Softmax", 1<<14, 2)
	wants := []string{
		"13 kernels compared with upstream and 1 of our own with the model, 14,000 inputs of 56,000 elements in all: 0 bits differ.",
		fmt.Sprintf("native, avx2, 2 threads, 4,194,304 elements in memory: two-pass takes %.3f of three-pass-recompute's (faster) and %.3f of three-pass-reload's (faster).",
			two.OursNS.Median/recompute.OursNS.Median, two.OursNS.Median/reload.OursNS.Median),
		fmt.Sprintf("over 14 kernels of 2,048 elements: geometric mean %.3f, least %.3f, most %.3f; 5 faster, 9 the same, 0 slower, 0 too noisy to tell.",
			stat.GeometricMean(ratios, nil), slices.Min(ratios), slices.Max(ratios)),
		"Greatest and mean errors in ULP, on rows of uniform10: native.Softmax 1.25 (0.30), upstream two-pass 0.00 (0.00).",
		"two-pass has the least median from 16,384 elements on",
		fmt.Sprintf("%.3f (%.3f to %.3f)", near.Ratio.Median, near.Ratio.Lo, near.Ratio.Hi),
		fmt.Sprintf("%.3f", one.OursNS.Median/fast.OursNS.Median),
		"3.22 GHz", "12.34 (12.22 to 12.46)", "XNNPACK 0123456789ab", "32 KiB, 512 KiB, 8 MiB", "this CPU has no avx512f",
		"| 8,192 | 128 | L3 | 2 | native.SoftmaxRows | 0.500 | 1.50, 0.25 |  |  |",
		"| 8,192 | 128 | L3 | 2 | upstream best three-pass-reload | 1.000 | 3.50, 0.25 | 0.500 (0.495 to 0.505) | faster |",
		"| 8,192 | 128 | L3 | 2 | oneDNN | 0.625 | 4.50, 0.25 | 0.800 (0.792 to 0.808) | faster |",
		"| 1 | 1,000 | L1 | 1 | ONNX Runtime | 0.750 | 4.50, 0.25 | 0.667 (0.653 to 0.680) | faster |",
		// No pair of the race: of two medians.
		"| 8,192 | 128 | L3 | 2 | upstream best two-pass | 2.000 | 2.50, 0.25 | 0.250 (0.245 to 0.255) | faster |",
		"| 4,194,304 | memory | 2 | 1.000 | 1.50, 0.25 | 0.900 | 2.50, 0.25 | 0.900 (0.891 to 0.909) | faster | 0.512 | 3.50, 0.25 | 0.512 (0.507 to 0.517) | faster |",
		"| 1 | 4,194,304 | memory | 2 | limit | 0.500 | 3.50, 0.25 | 1.200 (1.188 to 1.212) | faster |",
		"A call of native.Softmax on a row of 8 takes 12.5 ns (12.4 to 12.6).",
		"takes 76 ns upstream and 22 ns in native",
		// A pass's traffic: 8 bytes in 0.46 ns, of 9.87 GB/s.
		fmt.Sprintf("%.2f", 8/timing("f32_vmulc_ukernel__avx_u16", 1<<22, 0).OursNS.Median),
		fmt.Sprintf("%.0f %%", 100*8/timing("f32_vmulc_ukernel__avx_u16", 1<<22, 0).OursNS.Median/9.87),
	}
	_, html, markdown := report(t, r)
	for _, want := range wants {
		if !strings.HasPrefix(want, "|") {
			contains(t, "the page", html, strings.ReplaceAll(want, "'", "&#39;"))
		}
		contains(t, "the Markdown", markdown, want)
	}
}

func TestMachinesSideBySide(t *testing.T) {
	other := found("CPU Y")
	other.Build.Compiler = "clang 16"
	later := &results.Results{Started: other.Started.Add(time.Hour), Machine: other.Machine, Build: other.Build, Reference: "upstream",
		Speed: []speed.Timing{measured(speed.Timing{Name: "native two-pass", Threads: 2, Kernels: []string{"f32_raddextexp_ukernel__avx2_p5_u96", "f32_vscaleextexp_ukernel__avx2_p5_u40"}}, 1<<22, 0, 7.654)}}
	// The files come in any order; the later measurement counts.
	_, html, markdown := report(t, later, found("CPU X"), other)
	contains(t, "the page", html, `<th class=w>A<th class=w>B`, `<td class=w>CPU X<td class=w>CPU Y`,
		`<td class=w>gcc 12.2.0<td class=w>clang 16`, "A: native, avx2", "B: native, avx2", "machine A, native, avx2, 1 thread", "7.654 (")
	contains(t, "the Markdown", markdown, "| CPU | CPU X | CPU Y |", "figures/lengths-a1.svg", "figures/lengths-b1.svg")
	if a, b, next := strings.Index(markdown, "figures/lengths-a1.svg"), strings.Index(markdown, "figures/lengths-b1.svg"), strings.Index(markdown, "figures/lengths-a2.svg"); a > b || b > next {
		t.Errorf("the first panels of the two machines, at %d and %d, are not side by side: the second is at %d", a, b, next)
	}
	if n := strings.Count(markdown, "7.654 ("); n != 1 {
		t.Errorf("%d times 7.654, want 1", n)
	}
	for _, r := range other.Speed {
		if r.Name == "native two-pass" && r.Elements == 1<<22 && r.Threads == 2 && strings.Contains(markdown, "| B | native | two-pass | avx2 | 2 | 4,194,304 | memory | "+r.OursNS.String()) {
			t.Error("the earlier measurement is still there")
		}
	}
}

func TestDeterministic(t *testing.T) {
	r := found("CPU X")
	a, _, _ := report(t, r)
	b, _, _ := report(t, r)
	err := filepath.WalkDir(a, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(a, path)
		if err == nil && read(t, a, name) != read(t, b, name) {
			t.Errorf("%s differs between two reports of the same results", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMissing(t *testing.T) {
	r := found("CPU X")
	r.Speed, r.Accuracy, r.Bandwidth, r.Comparisons, r.ShortCall = nil, nil, nil, nil, nil
	dir, html, markdown := report(t, r)
	if got, want := sections(html), []string{"summary", "machines", "agreement", "missing", "files"}; !slices.Equal(got, want) {
		t.Errorf("sections %v, want %v", got, want)
	}
	contains(t, "the Markdown", markdown, "## Not in these results", "- One core against all: a run of “compare speed” has it.", "- Accuracy: a run of “compare accuracy” has it.")
	if figures, err := os.ReadDir(filepath.Join(dir, figuresName)); err != nil || len(figures) != 0 {
		t.Errorf("figures %v, error %v, want none", figures, err)
	}

	// What the summary alone measures: both sides of an algorithm in one entry.
	r.Bits, r.NotRun = nil, nil
	r.Speed = []speed.Timing{measured(speed.Timing{Name: "two-pass", Where: "L1"}, 2048, 0.6, 0.5), measured(speed.Timing{Name: "three-pass-reload", Where: "L1"}, 2048, 0.5, 0.4)}
	_, html, markdown = report(t, r)
	if got, want := sections(html), []string{"summary", "machines", "two-pass", "lengths", "native", "missing", "files"}; !slices.Equal(got, want) {
		t.Errorf("sections %v, want %v", got, want)
	}
	contains(t, "the Markdown", markdown, "native, AVX2, 1 thread, 2,048 elements in L1: two-pass takes 1.250 of three-pass-reload's (slower).", "| upstream | two-pass |")
}

// TestLevels holds that runs at another level of instruction sets, on the same
// machine, are shown beside each other, and named for what they lack.
func TestLevels(t *testing.T) {
	narrow, wide := found("CPU X"), found("CPU X")
	narrow.Machine.Level, wide.Machine.Level = 4, 4
	wide.Machine.ISAs = append(wide.Machine.ISAs, "avx512f")
	wide.Started = narrow.Started.Add(time.Hour)
	wide.Speed = nil
	for _, n := range []int{2048, 1 << 22} {
		wide.Speed = append(wide.Speed, measured(speed.Timing{Name: "native.Softmax", Threads: 1}, n, 0.3, 0.2),
			measured(speed.Timing{Name: "native two-pass", Threads: 1,
				Kernels: []string{"f32_raddextexp_ukernel__avx512f_p5_scalef_u144_acc3", "f32_vscaleextexp_ukernel__avx512f_p5_scalef_u16"}}, n, 0.3, 0.25))
	}
	// A run that lists no kernels has the level's name.
	narrow.Speed = append(narrow.Speed, measured(speed.Timing{Name: "native two-pass", Threads: 3}, 2048, 0, 0.25),
		measured(speed.Timing{Name: "native three-pass-reload", Threads: 3}, 2048, 0, 0.5))
	dir, _, markdown := report(t, narrow, wide)
	contains(t, "the Markdown", markdown, "| Level | AVX-512 | without AVX-512 |", "| Instruction sets | scalar, avx2, avx512f | scalar, avx2 |",
		"machine A, native, avx512f, 1 thread", "| B | native | auto | avx2 | 1 | 2,048 |", "| A | native | auto | avx512f | 1 | 2,048 |",
		"| B | native | without AVX-512 | 3 | 2,048 | L1 |")
	contains(t, "the first Markdown", read(t, dir, MarkdownName), "## A: CPU X, AVX-512\n", "## B: CPU X, without AVX-512\n")
}

// TestFront holds what a reader sees first, in as little as is promised.
func TestFront(t *testing.T) {
	r := found("CPU X")
	for i := range r.Speed {
		if s := &r.Speed[i]; s.Name == speed.NativeSoftmax {
			s.Against = "upstream best in C two-pass"
		} else if s.Name == "onednn softmax" {
			x := around(0.4)
			s.NativeRatio = &x
		}
	}
	empty := &results.Results{Started: r.Started.Add(time.Hour), Machine: r.Machine, Build: r.Build, Reference: "upstream"}
	empty.Machine.CPU, empty.Build.Native = "CPU Y", ""
	dir, _, _ := report(t, r, empty)
	html, markdown := read(t, dir, HTMLName), read(t, dir, MarkdownName)
	contains(t, "the page", html, `<div class="big">0.80</div>`,
		"time of native.Softmax / upstream&#39;s best, called from C: geometric mean of 6 lengths, 256 to 4,194,304 elements, one thread",
		`<div class="big">2.2</div>`, "greatest error of native.Softmax", "on rows in [-10, 10) it is 1.2, beside upstream two-pass 0.0",
		`<div class="big">0</div>`, "bits differ: 14 kernels compared with upstream on rows of 56,000 elements in all",
		">upstream&#39;s best</text>", ">oneDNN</text>", ">native.Softmax</text>", "CPU Y, go1.24.0, native before the one arithmetic. These results compare it with nothing.")
	contains(t, "the Markdown", markdown, "\n**0.80** time of native.Softmax / upstream's best", "![Speed on one thread: below 1 native is faster](figures/front-speed-a.svg)",
		"<details>\n<summary>Two passes against three</summary>", "[Figures and all measurements](details.md)")
	for _, text := range []string{html, markdown} {
		if strings.Contains(text, "All times of softmax") {
			t.Error("the first page has a table that is for the second")
		}
	}
	// A CPU with every section has some 25 KB.
	if len(html) > 60_000 {
		t.Errorf("the first page has %d bytes", len(html))
	}
}

// TestJoinPaths: what is drawn stays the same in less text.
func TestJoinPaths(t *testing.T) {
	in := `<path d="M1,2L3,4" style="a" />
<path d="M5,6L5,6" style="a" />
<path d="M7,8Z" style="a" />
<path d="M1,2L3,4" style="b" />
<text x="1">L</text>
<path d="M9,9L1,1" style="b" />`
	want := `<path d="M1,2L3,4M7,8Z" style="a" />
<path d="M1,2L3,4" style="b" />
<text x="1">L</text>
<path d="M9,9L1,1" style="b" />`
	if got := joinPaths(in); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestTune holds that the variants that tune timed are shown where nothing else
// timed them.
func TestTune(t *testing.T) {
	r := found("CPU X")
	r.Speed = slices.DeleteFunc(r.Speed, func(s speed.Timing) bool { return s.Name == "f32_raddextexp_ukernel__avx2_p5_u96_acc3" })
	choice := speed.Choice{Elements: 2048}
	for i, name := range []string{"f32_raddextexp_ukernel__avx2_p5_u96_acc3", "f32_raddextexp_ukernel__avx2_p5_u64"} {
		choice.Candidates = append(choice.Candidates, speed.Candidate{Kernel: name, NS: around(0.0123 + float64(i)/1e4)})
	}
	r.Choices = []speed.Choice{choice}
	_, _, markdown := report(t, r)
	contains(t, "the Markdown", markdown, "| f32\\_raddextexp | avx2 | 2,048 | 4 | `p5_u96_acc3` | 0.012 |")
	if strings.Contains(markdown, choice.Candidates[1].NS.String()) {
		t.Error("a timing against upstream gave way to tune's")
	}
}

func TestDifferencesAreShown(t *testing.T) {
	r := found("<b>CPU</b> | *X*")
	r.Bits[0].Bits = 7
	r.Bits[0].Differences = []bits.Difference{{Kernel: r.Bits[0].Kernel, Row: "length 3", Place: "value", Index: -1, Ref: 0x3f800000, Ours: 0x3f800001}}
	_, html, markdown := report(t, r)
	contains(t, "the page", html, "7 bits differ", "length 3: value is 0x3f800001", "&lt;b&gt;CPU&lt;/b&gt; | *X*")
	contains(t, "the Markdown", markdown, "7 bits differ", "length 3: value is 0x3f800001", `&lt;b>CPU&lt;/b> \| \*X\*`)
}

func TestUnusableResults(t *testing.T) {
	if err := Write(filepath.Join(t.TempDir(), "out"), nil); err == nil || !strings.Contains(err.Error(), "no results") {
		t.Errorf("no files: error %v", err)
	}
	for _, c := range []struct {
		want string
		do   func(*results.Results)
	}{
		{"bad.json: speed[0] (f32_rmax_ukernel__avx_u32_acc4): time is 0 (0 to 0): it must be positive", func(r *results.Results) { r.Speed[0].OursNS = speed.Summary{} }},
		{"time is 1, outside its interval from 2 to 3", func(r *results.Results) { r.Speed[0].OursNS = speed.Summary{Median: 1, Lo: 2, Hi: 3} }},
		{"ratio is 0 (0 to 0)", func(r *results.Results) { r.Speed[0].Ratio = speed.Summary{} }},
		{"reference's time is -1", func(r *results.Results) { r.Speed[0].RefNS.Median = -1 }},
		{"0 elements: at least 1 is needed", func(r *results.Results) { r.Speed[0].Elements = 0 }},
		{"races[0] (functions): time of native.Softmax is 0", func(r *results.Results) { r.Comparisons[0].Entries[0].NS = speed.Summary{} }},
		{"races[1] (functions): ratio of native.LogSumExp to native.Softmax is -1", func(r *results.Results) { r.Comparisons[1].Ratios[1].Ratio.Median = -1 }},
		{"races[2] (functions): 0 x 4194304 elements, 1 threads: at least 1 of each", func(r *results.Results) { r.Comparisons[2].Rows = 0 }},
		{"short_call_ns is 0", func(r *results.Results) { r.ShortCall = &speed.Summary{} }},
		{"bandwidth[1] (copy) is 0", func(r *results.Results) { r.Bandwidth[1].GBps = speed.Summary{} }},
	} {
		r := found("CPU X")
		c.do(r)
		parent := t.TempDir()
		err := Write(filepath.Join(parent, "out"), []Source{{"bad.json", r}})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
		if entries, _ := os.ReadDir(parent); len(entries) != 0 {
			t.Errorf("%s: %v is left behind", c.want, entries)
		}
	}
	name := filepath.Join(t.TempDir(), "cut.json")
	if err := os.WriteFile(name, []byte(`{"schema": "twopass-softmax/compare", "ver`), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(name); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("a file that is cut off: error %v", err)
	}
}

func TestReplace(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "deep", "out")
	first, second := []Source{{"r.json", found("first CPU")}}, []Source{{"r.json", found("second CPU")}}
	for _, sources := range [][]Source{first, second} {
		if err := Write(dir, sources); err != nil {
			t.Fatal(err)
		}
	}
	if text := read(t, dir, HTMLName); strings.Contains(text, "first CPU") || !strings.Contains(text, "second CPU") {
		t.Error("the second report did not replace the first")
	}
	if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) != 1 {
		t.Errorf("%v are beside the report", entries)
	}

	note := filepath.Join(dir, "note.txt")
	if err := os.WriteFile(note, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, first); err == nil || !strings.Contains(err.Error(), "note.txt") {
		t.Errorf("a directory with other files: error %v", err)
	}
	if !bytes.Contains([]byte(read(t, dir, HTMLName)), []byte("second CPU")) {
		t.Error("the report was changed all the same")
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, HTMLName), []byte("<p>mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Write(foreign, first); err == nil || !strings.Contains(err.Error(), "is not a report") {
		t.Errorf("someone's page: error %v", err)
	}
	if err := Write(t.TempDir(), first); err != nil {
		t.Errorf("an empty directory: %v", err)
	}
}
