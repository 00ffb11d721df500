package server

import (
	"bytes"
	"flag"
	"io"
	"strings"
	"testing"
)

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
