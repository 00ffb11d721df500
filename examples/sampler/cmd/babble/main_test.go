package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func babble(t *testing.T, args ...string) (string, error) {
	t.Helper()
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("one two three one two four one five one two one"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err := run(append(args, text), &out)
	return out.String(), err
}

func TestBabble(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-temperature=0", "-n=4"}, "two one two one \n"}, // one, three and four follow two once each
		{[]string{"-top-k=1", "-n=4"}, "two one two one \n"},
		{[]string{"-temperature=0", "-n=3", "-allow=^f"}, "five four four \n"},
	} {
		if got, err := babble(t, test.args...); err != nil || got != test.want {
			t.Errorf("%v: %q, %v; want %q", test.args, got, err, test.want)
		}
	}
	a, err := babble(t, "-seed=5")
	if err != nil || len(strings.Fields(a)) != 40 {
		t.Fatalf("%q, %v; want 40 words", a, err)
	}
	if b, _ := babble(t, "-seed=5"); b != a {
		t.Errorf("the same seed gave %q and %q", a, b)
	}
	if b, _ := babble(t, "-seed=6"); b == a {
		t.Errorf("another seed gave %q again", a)
	}
}

func TestErrors(t *testing.T) {
	for _, test := range []struct{ arg, want string }{
		{"-allow=x", "no token is allowed"},
		{"-allow=(", "-allow: error parsing regexp"},
		{"-top-p=2", "top-p is 2"},
		{"another", "2 arguments, give one"},
	} {
		if _, err := babble(t, test.arg); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want an error with %q", test.arg, err, test.want)
		}
	}
}
