package results

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/speed"
)

func TestResultsFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "r.json")
	want := &Results{
		Command: []string{"compare"}, Started: time.Date(2024, 11, 8, 1, 2, 3, 0, time.UTC), Seconds: 1.5,
		Machine: machine.This(), Build: ThisBuild(), Reference: "upstream", Seeds: []uint64{0, 1<<64 - 1},
		Bits: []bits.Agreement{{Kernel: "k", Inputs: 1, Values: 2, Bits: 3, Differences: []bits.Difference{
			{Kernel: "k", Row: "r", Repeat: "x", Place: "dst[1]", Index: 1, Input: 0x7fc00000, Ref: 1, Ours: 0x80000000},
		}}},
		Speed:  []speed.Timing{{Name: "k", Where: "L1", Elements: 5, OursNS: speed.Summary{Median: 1, Lo: 2, Hi: 3}}},
		NotRun: []NotRun{{"n", "this CPU has no avx512f"}},
	}
	if err := want.WriteFile(name); err != nil {
		t.Fatal(err)
	}
	got, err := Read(name)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%+v\nwrote\n%+v", got, want)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"ref": "0x00000001"`) {
		t.Errorf("bits are not written in hexadecimal:\n%s", text)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("%d files in the directory, want 1", len(entries))
	}

	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "the file is empty"},
		{"truncated", string(text[:len(text)/2]), "cut off after"},
		{"foreign", "MZ\x00\x01", "no JSON document of schema"},
		{"list", "[1, 2]", "no JSON document of schema"},
		{"other schema", `{"schema": "a/b", "version": 1}`, `its schema is "a/b"`},
		{"no schema", `{"version": 1}`, `its schema is ""`},
		{"newer", strings.Replace(string(text), `"version": 1`, `"version": 2`, 1), "its version is 2, this program reads version 1"},
		{"two documents", string(text) + string(text), "bytes follow the document"},
		{"wrong type", strings.Replace(string(text), `"seconds": 1.5`, `"seconds": "x"`, 1), "seconds"},
		{"wrong bits", strings.Replace(string(text), `"0x00000001"`, `"1"`, 1), "not a bit pattern"},
	} {
		if err := os.WriteFile(name, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Read(name)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: error %v, want %s: ... %s", c.name, err, name, c.want)
		}
	}
	if _, err := Read(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want one that there is no such file", err)
	}
}

func TestStateFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "state.json")
	want := bits.State{Shard: 1, Shards: 2, Kernels: []bits.Agreement{{Kernel: "k", Inputs: 7}}, Finished: []int{0, 4}}
	if err := WriteState(name, "twopass-softmax/sweep", "build", want); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadState[bits.State](name, "twopass-softmax/sweep", "build"); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if _, err := ReadState[Results](name, "twopass-softmax/speed", "build"); err == nil || !strings.Contains(err.Error(), `"twopass-softmax/sweep", not "twopass-softmax/speed"`) {
		t.Errorf("error %v, want that the state is of other work", err)
	}
	if _, err := ReadState[bits.State](name, "twopass-softmax/sweep", "other"); err == nil || !strings.Contains(err.Error(), "another build") {
		t.Errorf("error %v, want one about another build", err)
	}
	if _, err := Read(name); err == nil || !strings.Contains(err.Error(), `its schema is "twopass-softmax/sweep"`) {
		t.Errorf("error %v, want one about the schema", err)
	}
}
