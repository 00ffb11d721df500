package main

import (
	"go/constant"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/semver"
)

func sourceTree(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	root, err := findRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// TestRecord fails when the API is not the recorded one, and says whether users
// would notice.
func TestRecord(t *testing.T) {
	root := sourceTree(t)
	for _, pkg := range packages {
		now, err := describe(root, pkg)
		if err != nil {
			t.Fatal(err)
		}
		recorded, err := os.ReadFile(recordFile(root, pkg))
		if err != nil {
			t.Fatal(err)
		}
		if string(recorded) == now {
			continue
		}
		d, err := compare(root, pkg, string(recorded), now)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.incompatible) > 0 {
			t.Errorf("the API of %s has changed so that programs may no longer compile; see docs/releases.md:\n%s", pkg, d.text(pkg))
		} else {
			t.Errorf("the record of the API is not up to date; run go run ./tools/apicheck -update:\n%s", d.text(pkg))
		}
	}
}

// TestCompare changes an API in one way after another.
func TestCompare(t *testing.T) {
	const api = `package native

import "io"

const Name = "x"
const Version = "1.0.0"
const A Kind = 0
const B Kind = 1

func F(x float32) float32

type Kind uint8

func (Kind) String() string

type S struct {
	X int
	_ struct{}
}

type I interface {
	io.Reader
	M()
}
`
	for _, c := range []struct {
		old, new   string
		compatible bool
		message    string
	}{
		{"func F(", "func G()\nfunc F(", true, "G: added"},
		{"const B Kind = 1", "const B Kind = 2\nconst C Kind = 1", true, "B: value changed"},
		{"1.0.0", "1.1.0", true, "Version: value changed"},
		{"X int", "X int; Y int", true, "S.Y: added"},
		{"func (Kind) String", "func (Kind) Int() int\nfunc (Kind) String", true, "Kind.Int: added"},

		{`"x"`, `"y"`, false, "Name: value changed"},
		{"func F(x float32) float32", "", false, "F: removed"},
		{"func F(x float32)", "func F(x float64)", false, "F: changed"},
		{"func F(x float32)", "func F(x ...float32)", false, "F: changed"},
		{"const A Kind = 0", "", false, "A: removed"},
		{"X int", "X int64", false, "S.X: changed"},
		{"X int", "", false, "S.X: removed"},
		{"_ struct{}", "_ [0]func()", false, "S: old is comparable"},
		{"type S struct {\n\tX int\n\t_ struct{}\n}", "type S func()", false, "S: changed"},
		{"M()", "M(); N()", false, "I.N: added"},
		{"func (Kind) String", "func (*Kind) String", false, "Kind.String: removed"},
	} {
		changed := strings.Replace(api, c.old, c.new, 1)
		d, err := compare(sourceTree(t), "native", api, changed)
		if err != nil {
			t.Fatal(err)
		}
		has := func(lines []string) bool {
			return slices.ContainsFunc(lines, func(s string) bool { return strings.HasPrefix(s, c.message) })
		}
		if c.compatible && (len(d.incompatible) > 0 || !has(d.compatible)) || !c.compatible && !has(d.incompatible) {
			t.Errorf("%q for %q: %+v, want %q, compatible: %v", c.new, c.old, d, c.message, c.compatible)
		}
	}
	if d, err := compare(sourceTree(t), "native", api, api); err != nil || len(d.compatible)+len(d.incompatible) > 0 {
		t.Errorf("no change: %+v, %v", d, err)
	}
}

// TestDescribe reads a package of which files depend on the configuration.
func TestDescribe(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := writeFile(filepath.Join(root, filepath.FromSlash(name)), text); err != nil {
			t.Fatal(err)
		}
	}
	write("q/q.go", "package q\n\n// T is.\ntype T struct{ hidden []int }\n")
	write("p/p.go", `package p

import (
	"io"

	"`+module+`/q"
)

// M comes after.
func (b *B) M(x, y int) (n int, err error) { return }

func (b *B) A() {}

func (b *B) hidden() {}

// B has two fields and an unexported one.
type B struct {
	X, Y int `+"`json:\"x\"`"+`
	q.T
	n int
}

type hidden struct{}

// Number is a constraint.
type Number interface{ ~int | ~float64 }

func Sum[N Number](xs ...N) (n N) { return }

type List[N Number] struct{ First N }

func (l *List[N]) Len() int { return 0 }

const (
	K    = 1 << 3
	L B2 = iota
)

type B2 = int

var R io.Reader
`)
	write("p/cgo.go", "//go:build xnnpack\n\npackage p\n\n// #include <missing.h>\nimport \"C\"\n\nvar x C.int\n\nfunc Lib() string { return C.GoString(C.name()) }\n")
	write("p/none.go", "//go:build !xnnpack\n\npackage p\n\nfunc Lib() string { return \"\" }\n")
	want := `package p

import "` + module + `/q"
import "io"

const K = 8
const L B2 = 1

var R io.Reader

func Lib() string
func Sum[N Number](xs ...N) (n N) {}

type B struct {
	X int "json:\"x\""
	Y int "json:\"x\""
	q.T
	_ struct{} // unexported, comparable
}

func (*B) A()
func (*B) M(x int, y int) (n int, err error)

type B2 = int

type List[N Number] struct {
	First N
}

func (*List[N]) Len() int {}

type Number interface{ ~int | ~float64 }
`
	got, err := describe(root, "p")
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if d, err := compare(root, "p", got, got); err != nil || d.incompatible != nil {
		t.Errorf("what was written can't be read: %v, %v", d, err)
	}

	write("p/only_arm64.go", "package p\n\nfunc Fast() {}\n")
	if _, err := describe(root, "p"); err == nil || !strings.Contains(err.Error(), "another API for GOARCH=arm64") || !strings.Contains(err.Error(), "Fast: added") {
		t.Errorf("a function for arm64 only: error %v", err)
	}
	write("p/only_arm64.go", "package p\n\ntype E struct{ hidden }\n")
	if _, err := describe(root, "p"); err == nil || !strings.Contains(err.Error(), "E embeds the unexported hidden") {
		t.Errorf("an unexported type embedded: error %v", err)
	}
}

// heading matches the heading of an entry of the changelog.
var heading = regexp.MustCompile(`(?m)^## (?:(Unreleased)|(\d+\.\d+\.\d+) - \d{4}-\d{2}-\d{2})$`)

// TestVersion ties native.Version to the changelog: it is that of the newest
// entry or, while that is Unreleased, a later one that ends in -dev.
func TestVersion(t *testing.T) {
	root := sourceTree(t)
	p, err := newLoader(root, configurations[0].context()).load("native")
	if err != nil {
		t.Fatal(err)
	}
	c, ok := p.Scope().Lookup("Version").(*types.Const)
	if !ok {
		t.Fatal("native has no constant Version")
	}
	changelog, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		t.Fatal(err)
	}
	if why := checkVersion(constant.StringVal(c.Val()), string(changelog)); why != "" {
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
