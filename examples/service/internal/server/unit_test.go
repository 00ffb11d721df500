package server

import (
	"bytes"
	"flag"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestTopK(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 3, 10, 1000} {
		for range 200 {
			row := make([]float32, n)
			for i := range row {
				row[i] = float32(rng.IntN(n)) // so that some are equal
				if rng.IntN(8) == 0 {
					row[i] = float32(math.Inf(-1))
				}
			}
			want := make([]uint32, n)
			for i := range want {
				want[i] = uint32(i)
			}
			slices.SortStableFunc(want, func(a, b uint32) int {
				switch {
				case row[a] > row[b]:
					return -1
				case row[a] < row[b]:
					return 1
				}
				return 0
			})
			top := make([]uint32, 1+rng.IntN(n))
			if new(topper).topK(top, row); !slices.Equal(top, want[:len(top)]) {
				t.Fatalf("top %d of %v: %v, want %v", len(top), row, top, want[:len(top)])
			}
		}
	}
}

func TestSwap(t *testing.T) {
	x := []byte{1, 2, 3, 4, 5, 6, 7, 8}
	if swap(x); !bytes.Equal(x, []byte{4, 3, 2, 1, 8, 7, 6, 5}) {
		t.Error(x)
	}
}

func TestFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-workers 0", "-workers is 0, it must be at least 1"},
		{"-queue -1", "-queue is -1, it must be at least 0"},
		{"-max-cols 1000000000", "-max-cols is 1000000000, it must be at most 268435455"},
		{"-max-rows 1000000000", "-max-rows is 1000000000, it must be at most"},
		{"-max-body 3", "-max-body is 3, it must be at least 4"},
		{"-stall 0s", "-stall is 0, it must be at least"},
		{"-admin 0.0.0.0:8081", "it must be a loopback address"},
		{"-admin :8081", "it must be a loopback address"},
		{"-admin example.org:8081", "it must be a loopback address"},
		{"-admin 127.0.0.1", "missing port"},
		{"-log x", "invalid value"},
		{"x", `unexpected argument "x"`},
	} {
		f := flag.NewFlagSet("", flag.ContinueOnError)
		f.SetOutput(io.Discard)
		if _, err := ParseFlags(f, strings.Fields(c.args)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.args, err, c.want)
		}
	}
	for _, args := range []string{"", "-admin [::1]:1", "-admin localhost:1"} {
		if _, err := ParseFlags(flag.NewFlagSet("", flag.ContinueOnError), strings.Fields(args)); err != nil {
			t.Errorf("%q: %v", args, err)
		}
	}
}
