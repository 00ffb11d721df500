package main

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/ukernel"
)

// run runs the command with arguments as a user gives them.
func run(t *testing.T, a *app, args ...string) error {
	t.Helper()
	root := a.root()
	root.SetArgs(args)
	root.SetOut(new(bytes.Buffer))
	root.SetErr(new(bytes.Buffer))
	return root.ExecuteContext(context.Background())
}

func TestBits(t *testing.T) {
	a, out := testApp()
	json := filepath.Join(t.TempDir(), "bits.json")
	if err := run(t, a, "bits", "--lengths", "1..3,9", "--offsets", "0,4", "--classes", "normal,nans", "--json", json); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "f32_raddstoreexpminusmax", "the others have no twins", "for ", "three-pass-reload", "ran against upstream",
		"2 classes x 2 seeds x lengths 1..3,9 x offsets 0,4", "two-pass", "no kernel of f32_raddextexp")
}

func TestBitsFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--lengths 0..3", `lengths: "0..3" is not within 1..67108864`},
		{"--lengths x", `lengths: "x" is not an integer`},
		{"--offsets 16", `offsets: "16" is not within 0..15`},
		{"--classes norml", `"norml" is not a class of inputs: it must be one of [uniform10`},
		{"--seeds -1", `"-1" is not an integer from 0`},
		{"--kernels (", "missing closing )"},
		{"--kernels nothing", `no kernel that matches "nothing"`},
		{"--exhaustive --lengths 3", "lengths"},
		{"--exhaustive --shard 0/4", `shard "0/4" is not I/N`},
		{"--exhaustive --shard 5/4", `shard "5/4" is not I/N`},
		{"--shard 1/4", "--shard and --resume need --exhaustive"},
		{"--values 12", `values "12" are not FIRST+N`},
		{"--workers 0", "0 workers"},
		{"--reference x", `"x" is not a reference`},
		{"--tested x", `"x" can't be tested`},
		{"surplus", "surplus"},
	} {
		a, _ := testApp()
		err := run(t, a, append([]string{"bits"}, strings.Fields(c.args)...)...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("bits %s: error %v, want %q", c.args, err, c.want)
		}
	}
	a, _ := testApp()
	a.sides.noUpstream = errors.New("built without it")
	if err := run(t, a, "bits", "--tested", "upstream"); err == nil || !strings.Contains(err.Error(), "built without it") {
		t.Errorf("error %v, want why there is no upstream", err)
	}
}

// TestBitsRepeat holds that the command which a difference names finds the same
// difference again.
func TestBitsRepeat(t *testing.T) {
	fault := func(a *app) {
		lookup := a.sides.ours.Lookup
		a.sides.ours.Lookup = func(name string) (ukernel.Func, error) {
			f, err := lookup(name)
			if name == mulName {
				mul := f.VMulC
				f.VMulC = func(dst, src []float32, c float32) {
					mul(dst, src, c)
					for i, x := range src {
						if x == 1 || len(src) == 5 && i == 4 {
							dst[i] = math.Float32frombits(math.Float32bits(dst[i]) ^ 3)
						}
					}
				}
			}
			return f, err
		}
	}
	for _, args := range [][]string{
		{"bits", "--lengths", "1..6", "--classes", "uniform10"},
		{"bits", "--kernels", "vmulc", "--exhaustive", "--shard", "255/1024"},
	} {
		a, out := testApp()
		fault(a)
		if err := run(t, a, args...); !errors.Is(err, errDiffer) {
			t.Fatalf("error %v, want errDiffer", err)
		}
		contains(t, out.String(), "DIFFERENT: "+mulName)
		_, again, _ := strings.Cut(out.String(), "again: ")
		again, _, _ = strings.Cut(again, "\n")
		words := strings.Fields(strings.ReplaceAll(again, "'", ""))
		words = words[slices.Index(words, "bits"):]
		b, second := testApp()
		fault(b)
		if err := run(t, b, words...); !errors.Is(err, errDiffer) {
			t.Errorf("%v: error %v, want errDiffer", words, err)
		}
		_, first, _ := strings.Cut(out.String(), "The first:\n")
		first, _, _ = strings.Cut(first, "\n")
		contains(t, second.String(), first)
	}
}

// TestBitsResume interrupts an exhaustive run, goes on with it, and holds that
// states of other runs are refused.
func TestBitsResume(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	args := []string{"bits", "--kernels", "rmax", "--exhaustive", "--shard", "1/1024", "--resume", state}
	a, _ := testApp()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	root := a.root()
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err == nil || !strings.Contains(err.Error(), "stopped after 0 parts; the same command with --resume "+state) {
		t.Errorf("error %v, want where it stopped and how to go on", err)
	}
	a, out := testApp()
	if err := run(t, a, args...); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "Resuming  "+state+": 0 parts are done", "4,194,304")
	a, out = testApp()
	if err := run(t, a, args...); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), ": 1 parts are done", "4,194,304")

	a, _ = testApp()
	if err := run(t, a, append(args, "--shard", "2/1024")...); err == nil || !strings.Contains(err.Error(), "the state is of shard 1/1024, this run is of 2/1024") {
		t.Errorf("error %v, want one about the shard", err)
	}
	if err := os.WriteFile(state, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	a, _ = testApp()
	if err := run(t, a, args...); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("error %v, want that the state is cut off", err)
	}
}

// TestBitsOurs holds that kernels which upstream lacks are compared with the
// model.
func TestBitsOurs(t *testing.T) {
	var ours []string
	for _, k := range side.Native().Kernels {
		if k.Ours && k.ISA == ukernel.Scalar && k.Family == ukernel.RAddExtExp {
			ours = append(ours, k.Name)
		}
	}
	if len(ours) == 0 {
		t.Fatal("native has no scalar f32_raddextexp")
	}
	a, out := testApp()
	a.sides.ours = sideOf("native", append(ours, mulName)...)
	if err := run(t, a, "bits", "--lengths", "1..5", "--classes", "normal"); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "also compared", "f32_raddextexp_ukernel__", strings.TrimPrefix(ours[0], "f32_raddextexp_ukernel__")+" 80 240 0")
}
