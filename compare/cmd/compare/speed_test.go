package main

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/compare"
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
			"upstream three-pass-reload", "native three-pass-reload", "native.Softmax", "two-pass: not run: no kernel of f32_raddextexp"}, 12},
		{[]string{"--kernels", "vmulc|rmax"}, []string{mulName, maxName, "geometric mean"}, 4},
	} {
		a, out := testApp()
		json := filepath.Join(t.TempDir(), "speed.json")
		args := append([]string{"speed", "--sizes", "2^4..2^5", "--time", "1ms", "--algorithms", "two-pass, three-pass-reload", "--json", json}, c.args...)
		if err := run(t, a, args...); err != nil {
			t.Fatal(err)
		}
		contains(t, out.String(), c.wants...)
		r, err := compare.ReadFile(json)
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

func TestSpeedFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--sizes 0", `sizes: "0" is no length`},
		{"--sizes 2^31", `sizes: "2^31" is no power`},
		{"--sizes 2^9..2^4", `is no range of powers`},
		{"--sizes L4", `"L4" is no length`},
		{"--threads 0", `threads: "0" is not within 1..1024`},
		{"--algorithms four-pass", `"four-pass" is no algorithm`},
		{"--algorithms auto", `none of the algorithms "auto" can be timed here`},
		{"--kernels nothing", `no kernel that matches "nothing"`},
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
	got, err := parseSizes("2^3..2^5, L2,7,L1,2^4", compare.Lengths{L1: 100, L2: 200})
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
	contains(t, out.String(), "GHz as measured", "read ", "copy ", "f32_raddextexp", "runs it", "has no ", "elements: ")
	r, err := compare.ReadFile(a.json)
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
