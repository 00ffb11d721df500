package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/mod/semver"

	"github.com/twopass-softmax/twopass/tools"
)

func sourceTree(t *testing.T) string {
	t.Helper()
	root, err := tools.Root()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// TestRecord fails when the API is not the recorded one.
func TestRecord(t *testing.T) {
	root := sourceTree(t)
	if err := tools.Watch(packages...); err != nil {
		t.Fatal(err)
	}
	for _, pkg := range packages {
		now, err := describe(root, pkg)
		if err == nil {
			err = check(root, pkg, now)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// TestDescribe reads a package whose files depend on the configuration.
func TestDescribe(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("p/p.go", `package p

// M comes after.
func (b *B) M(x, y int) (n int, err error) { return }

func (b *B) A() {}

func (b *B) hidden() {}

// B has a field and an unexported one.
type B struct {
	X, Y int
	n int
}

type hidden struct{}

func Sum[N int | float64](xs ...N) (n N) { return }

const (
	K = 1 << 3
	k = 2
)
`)
	write("p/cgo.go", "//go:build xnnpack\n\npackage p\n\n// #include <missing.h>\nimport \"C\"\n\nvar x C.int\n\nfunc Lib() string { return C.GoString(C.name()) }\n")
	write("p/none.go", "//go:build !xnnpack\n\npackage p\n\nfunc Lib() string { return \"\" }\n")
	const want = `package p

const (
	K = 1 << 3
)

func Lib() string

func Sum[N int | float64](xs ...N) (n N)

type B struct {
	X, Y int
	// contains filtered or unexported fields
}

func (b *B) A()

func (b *B) M(x, y int) (n int, err error)
`
	got, err := describe(root, "p")
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	write("tools/apicheck/api/p.txt", strings.Replace(want, "X, Y int", "X int", 1))
	if err := check(root, "p", got); err == nil || !strings.Contains(err.Error(), "-\tX int\n+\tX, Y int\n") {
		t.Errorf("another record: error %v", err)
	}
	write("tools/apicheck/api/p.txt", want)
	if err := check(root, "p", got); err != nil {
		t.Error(err)
	}

	write("p/only_arm64.go", "package p\n\nfunc Fast() {}\n")
	if _, err := describe(root, "p"); err == nil || !strings.Contains(err.Error(), "another API for GOARCH=arm64") || !strings.Contains(err.Error(), "+func Fast()") {
		t.Errorf("a function for arm64 only: error %v", err)
	}
}

// heading matches the heading of an entry of the changelog.
var heading = regexp.MustCompile(`(?m)^## (?:(Unreleased)|(\d+\.\d+\.\d+) - \d{4}-\d{2}-\d{2})$`)

// TestVersion ties native.Version to the changelog: it is that of the newest
// entry or, while that is Unreleased, a later one that ends in -dev.
func TestVersion(t *testing.T) {
	root := sourceTree(t)
	if err := tools.Watch(".", "native"); err != nil {
		t.Fatal(err)
	}
	api, err := describe(root, "native")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^const Version = "(.*)"$`).FindStringSubmatch(api)
	if version == nil {
		t.Fatal("native has no constant Version")
	}
	changelog, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		t.Fatal(err)
	}
	if why := checkVersion(version[1], string(changelog)); why != "" {
		t.Error(why)
	}
}

// checkVersion says what is wrong with a version, nothing if it is right.
func checkVersion(version, changelog string) string {
	entries := heading.FindAllStringSubmatch(changelog, -1)
	if len(entries) != len(regexp.MustCompile(`(?m)^## `).FindAllString(changelog, -1)) {
		return `CHANGELOG.md has a heading that is neither "## Unreleased" nor like "## 1.2.3 - 2006-01-02"`
	}
	if !semver.IsValid("v" + version) {
		return "native.Version is " + version + ", which is no semantic version"
	}
	if len(entries) == 0 {
		return "CHANGELOG.md has no entry"
	}
	if newest := entries[0]; newest[1] == "" {
		if version != newest[2] {
			return "native.Version is " + version + ", the newest entry of CHANGELOG.md is " + newest[2]
		}
		entries = entries[1:]
	} else {
		if semver.Prerelease("v"+version) != "-dev" {
			return "native.Version is " + version + ", it must end in -dev while CHANGELOG.md begins with Unreleased"
		}
		entries = entries[1:]
	}
	for _, e := range entries {
		if e[1] != "" {
			return "CHANGELOG.md has Unreleased below the newest entry"
		}
		if semver.Compare("v"+version, "v"+e[2]) <= 0 {
			return "native.Version is " + version + ", which is not later than " + e[2] + " in CHANGELOG.md"
		}
		version = e[2]
	}
	return ""
}

func TestCheckVersion(t *testing.T) {
	const un, one, two = "## Unreleased\n\n### Added\n", "## 0.1.0 - 2026-12-01\n", "## 0.2.0 - 2026-12-24\n"
	for _, c := range []struct{ version, changelog, wrong string }{
		{"0.1.0-dev", un, ""},
		{"0.1.0", one, ""},
		{"0.2.0-dev", un + one, ""},
		{"1.0.0", "# Changelog\n\n## 1.0.0 - 2027-01-01\n" + two + one, ""},
		{"0.1.0", un, "must end in -dev"},
		{"0.1.0-dev", one, "the newest entry of CHANGELOG.md is 0.1.0"},
		{"0.1.0-dev", un + one, "not later than 0.1.0"},
		{"0.1.0", one + two, "not later than 0.2.0"},
		{"0.1.0", one + un, "Unreleased below"},
		{"1", "## 1.0.0 - 2027-01-01\n", "the newest entry"},
		{"x", un, "no semantic version"},
		{"0.1.0", "## 0.1.0\n", "a heading that is neither"},
		{"0.1.0-dev", "# Changelog\n", "no entry"},
	} {
		got := checkVersion(c.version, c.changelog)
		if (got == "") != (c.wrong == "") || !strings.Contains(got, c.wrong) {
			t.Errorf("%s, %q: %q, want %q", c.version, c.changelog, got, c.wrong)
		}
	}
}
