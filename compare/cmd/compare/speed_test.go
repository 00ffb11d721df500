package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/results"
)

func TestSpeed(t *testing.T) {
	for _, c := range []struct {
		args  []string
		wants []string
		times int
	}{
		// Two sides of one algorithm and native.Softmax, for two lengths and two
		// numbers of threads.
		{[]string{"--threads", "1,2"}, []string{"16 elements, in L1, 1 thread", "32 elements, in L1, 2 threads",
			"upstream three-pass-reload", "native three-pass-reload", "native.Softmax", "two-pass: not run: no kernel of f32_raddextexp"}, 12 + 4*timedPeers},
		{[]string{"--kernels", "vmulc|rmax"}, []string{mulName, maxName, "geometric mean"}, 4},
	} {
		a, out := testApp()
		json := filepath.Join(t.TempDir(), "speed.json")
		args := append([]string{"speed", "--sizes", "2^4..2^5", "--time", "1ms", "--algorithms", "two-pass, three-pass-reload", "--json", json}, c.args...)
		if err := run(t, a, args...); err != nil {
			t.Fatal(err)
		}
		contains(t, out.String(), c.wants...)
		r, err := results.Read(json)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Speed) != c.times {
			t.Errorf("%v: %d timings, want %d", c.args, len(r.Speed), c.times)
		}
		for _, s := range r.Speed {
			if s.OursNS.Median <= 0 || s.Elements != 16 && s.Elements != 32 {
				t.Errorf("%v: %+v", c.args, s)
			}
		}
	}
}

// TestSpeedResume interrupts runs, goes on with them, and holds that states of
// other runs are refused.
func TestSpeedResume(t *testing.T) {
	for _, c := range []struct {
		args         []string
		parts, times int
		first        string
	}{
		{[]string{"--threads", "1"}, 2, 2 * (3 + timedPeers), "16 elements, in L1, 1 thread"},
		{[]string{"--kernels", "rmax|vmulc"}, 4, 4, maxName + " on 16 elements"},
	} {
		dir := t.TempDir()
		state, json := filepath.Join(dir, "state.json"), filepath.Join(dir, "speed.json")
		args := append([]string{"speed", "--sizes", "16,32", "--time", "1ms", "--algorithms", "three-pass-reload", "--resume", state, "--json", json}, c.args...)

		// The first run is interrupted before it begins, the second in its first
		// part, which it finishes.
		stopped := func(a *app, ctx context.Context, want string) {
			t.Helper()
			root := a.root()
			root.SetArgs(args)
			if err := root.ExecuteContext(ctx); err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("error %v, want %q", err, want)
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		a, _ := testApp()
		stopped(a, ctx, fmt.Sprintf("stopped after 0 of %d parts, before %s; the same command with --resume %s continues from there", c.parts, c.first, state))
		ctx, cancel = context.WithCancel(context.Background())
		a, out := testApp()
		a.out = writerFunc(func(p []byte) (int, error) {
			if strings.Contains(string(p), "16 elements") {
				cancel()
			}
			return out.Write(p)
		})
		stopped(a, ctx, fmt.Sprintf("stopped after 1 of %d parts", c.parts))

		for _, done := range []int{1, c.parts} {
			a, out = testApp()
			if err := run(t, a, args...); err != nil {
				t.Fatal(err)
			}
			contains(t, out.String(), fmt.Sprintf("Resuming  %s: %d of %d parts are done", state, done, c.parts), "geometric mean")
			r, err := results.Read(json)
			if err != nil {
				t.Fatal(err)
			}
			seen := make(map[string]bool)
			for _, s := range r.Speed {
				seen[fmt.Sprint(s.Name, s.Elements)] = true
			}
			if len(r.Speed) != c.times || len(seen) != c.times {
				t.Errorf("%v: %d timings of %d things after resuming, want %d", c.args, len(r.Speed), len(seen), c.times)
			}
		}

		a, _ = testApp()
		if err := run(t, a, append(args, "--time", "2ms")...); err == nil || !strings.Contains(err.Error(), `"--time=1ms"`) || !strings.Contains(err.Error(), `"--time=2ms"`) {
			t.Errorf("error %v, want one about the options", err)
		}
		text, err := os.ReadFile(state)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []struct{ from, to, want string }{
			{`"cpu": "`, `"cpu": "Other `, "the state is of another machine"},
			{`"build": "`, `"build": "0`, "made by another build"},
			{fmt.Sprintf(`"finished_parts": %d`, c.parts), `"finished_parts": 99`, fmt.Sprintf("it has 99 finished parts, this run is of %d", c.parts)},
			{fmt.Sprintf(`"finished_parts": %d`, c.parts), `"finished_parts": -1`, "it has -1 finished parts"},
			{string(text[40:]), "", "cut off"},
		} {
			other := strings.Replace(string(text), f.from, f.to, 1)
			if other == string(text) {
				t.Fatalf("no %q in the state", f.from)
			}
			if err := os.WriteFile(state, []byte(other), 0o644); err != nil {
				t.Fatal(err)
			}
			a, _ = testApp()
			if err := run(t, a, args...); err == nil || !strings.Contains(err.Error(), f.want) {
				t.Errorf("error %v, want %q", err, f.want)
			}
		}
	}
}

// writerFunc is a function as a writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestSpeedFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--sizes 0", `sizes: "0" is not a length`},
		{"--sizes 2^31", `sizes: "2^31" is not a power`},
		{"--sizes 2^9..2^4", `is not a range of powers`},
		{"--sizes L4", `"L4" is not a length`},
		{"--threads 0", `threads: "0" is not within 1..1024`},
		{"--algorithms four-pass", `"four-pass" is not an algorithm`},
		{"--algorithms auto", `none of the algorithms "auto" can be timed here`},
		{"--kernels nothing", `no kernel that matches "nothing"`},
		{"--rows 3", `rows: "3" is not a shape`},
		{"--rows 0x3", `rows: "0x3" is not a shape`},
		{"--rows 32768x32769", `of at most 2^30 elements`},
		{"--goroutines many", `goroutines: "many" is not an integer`},
		{"--goroutines 0", `goroutines: "0" is not within 1..1024`},
		{"--functions --goroutines 2", `[kernels rows functions gradients goroutines]`},
		{"--beyond x", `beyond: "x" is not a length`},
	} {
		a, _ := testApp()
		if err := run(t, a, append([]string{"speed"}, strings.Fields(c.args)...)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("speed %s: error %v, want %q", c.args, err, c.want)
		}
	}
	a, _ := testApp()
	a.sides.noUpstream = errors.New("built without it")
	if err := run(t, a, "speed"); err == nil || !strings.Contains(err.Error(), "nothing to compare the speed with: built without it") {
		t.Errorf("error %v, want why there is no upstream", err)
	}
}

func TestParseSizes(t *testing.T) {
	got, err := parseSizes("2^3..2^5, L2,7,L1,2^4", machine.Lengths{L1: 100, L2: 200})
	if want := []int{7, 8, 16, 32, 100, 200}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

func TestInfo(t *testing.T) {
	a, out := testApp()
	a.json = filepath.Join(t.TempDir(), "info.json")
	if err := a.info(context.Background(), 1<<12, time.Millisecond); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "GHz as measured", "read ", "copy ", "f32_raddextexp", "runs it", "lacks it", "elements: ")
	r, err := results.Read(a.json)
	if err != nil {
		t.Fatal(err)
	}
	if r.Frequency <= 0 || len(r.Bandwidth) < 2 {
		t.Errorf("frequency %v, %d bandwidths", r.Frequency, len(r.Bandwidth))
	}
	for _, b := range r.Bandwidth {
		if b.GBps.Lo <= 0 || b.GBps.Lo > b.GBps.Median || b.GBps.Hi < b.GBps.Median {
			t.Errorf("%+v", b)
		}
	}
}
