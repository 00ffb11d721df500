// Package results is the JSON document that a run of the command writes.
//
// Its members "schema" and "version" are [Schema] and [Version]. The fields of [Results] and of
// the types in it describe the others. Bit patterns are strings such as "0x7fc00000", times are
// in nanoseconds, and a [speed.Summary] is a median with its confidence interval at 95 %.
package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/twopass-softmax/twopass/compare/accuracy"
	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/internal/atomicfile"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// Schema and Version identify the documents that [Results] describes. A new field leaves Version
// as it is; a field with a new meaning raises it.
const (
	Schema  = "twopass-softmax/compare"
	Version = 1
)

// Results is what one run found. Times are in nanoseconds, sizes in bytes.
type Results struct {
	// [Results.WriteFile] sets Schema and Version.
	Schema  string `json:"schema"`
	Version int    `json:"version"`

	Command []string        `json:"command"`
	Started time.Time       `json:"started"`
	Seconds float64         `json:"seconds"`
	Machine machine.Machine `json:"machine"`
	Build   Build           `json:"build"`
	// Reference is the side that ours was compared with: "upstream", or "model" if
	// upstream's kernels are not linked in. NoUpstream says why they are not.
	Reference  string `json:"reference"`
	NoUpstream string `json:"no_upstream,omitempty"`
	// Peers are the other libraries that were timed or measured.
	Peers []Peer `json:"peers,omitempty"`
	// Seeds are the seeds of the rows whose bits were compared.
	Seeds []uint64 `json:"seeds"`

	// Bits has an entry for each kernel that was compared, Speed for each kernel,
	// algorithm or function that was timed, NotRun for each pair that this CPU can't
	// run and each peer whose results were wrong.
	Bits   []bits.Agreement `json:"bits,omitempty"`
	Speed  []speed.Timing   `json:"speed,omitempty"`
	NotRun []NotRun         `json:"not_run,omitempty"`
	// Comparisons has an entry for each kind, shape and number of threads.
	Comparisons []speed.Comparison `json:"races,omitempty"`
	// ShortCall is the time of a call of native.Softmax on a row of [speed.ShortRow]
	// elements.
	ShortCall *speed.Summary `json:"short_call_ns,omitempty"`
	// UpstreamBest has upstream's fastest kernels of each family, of all variants and
	// ISAs, for each length of rows. "upstream best" algorithms are composed of them.
	UpstreamBest []speed.Choice `json:"upstream_best,omitempty"`
	// Choices has an entry for each group of kernels that tune ranked.
	Choices []speed.Choice `json:"choices,omitempty"`
	// Auto has an entry for each number of threads on which tune timed algorithms.
	Auto []Auto `json:"auto,omitempty"`
	// Accuracy has an entry for each function, class and length.
	Accuracy []accuracy.Errors `json:"accuracy,omitempty"`
	// Frequency is the clock in GHz, Arithmetic what [speed.Arithmetic] says, and Bandwidth that of
	// memory, all measured.
	Frequency  float64     `json:"frequency,omitempty"`
	Arithmetic float64     `json:"arithmetic_ns,omitempty"`
	Bandwidth  []Bandwidth `json:"bandwidth,omitempty"`
	// Overhead is the time of a kernel on a row of one element.
	Overhead *speed.Timing `json:"overhead,omitempty"`
	// Coverage sums Bits up by family and ISA.
	Coverage []bits.Coverage `json:"coverage,omitempty"`
}

// Build identifies the software that was measured.
type Build struct {
	Commit   string `json:"upstream_commit"`
	Compiler string `json:"upstream_compiler,omitempty"`
	Go       string `json:"go"`
	// Native is the version of package native, with the commit if the go command knew it.
	// It is empty in results from before the one arithmetic.
	Native string `json:"native,omitempty"`
	// Level is the setting of GOAMD64 or GOARM64; empty if unknown.
	Level string `json:"go_level,omitempty"`
}

// Auto is the length from which native.Auto should recompute exponentials on a CPU. It should
// store them for shorter rows.
type Auto struct {
	ISA     string `json:"isa"` // native's level
	Threads int    `json:"threads"`
	// From is 0 if storing is best for all lengths that were timed.
	From int `json:"from,omitempty"`
	// Ratio is the geometric mean over the lengths of the time by this choice, divided
	// by the time of the faster algorithm.
	Ratio float64 `json:"ratio"`
}

// Peer is another library. The names of its timings and errors begin with its name and a space.
type Peer struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Bandwidth is a measured speed of memory.
type Bandwidth struct {
	// Name is "read", "copy", or "copy, non-temporal".
	Name    string `json:"name"`
	Threads int    `json:"threads"`
	// GBps is 1e9 bytes read and written a second, without the lines fetched before they
	// are written.
	GBps speed.Summary `json:"gb_per_s"`
}

// NotRun is a pair that this CPU can't run, or a peer that was not timed, and why.
type NotRun struct {
	Kernel string `json:"kernel"`
	Why    string `json:"why"`
}

// WriteFile stores r. It replaces the file as a whole or not at all.
func (r *Results) WriteFile(name string) error {
	r.Schema, r.Version = Schema, Version
	return writeJSON(name, r)
}

// Read reads what [Results.WriteFile] wrote. The error distinguishes a truncated file, a file of
// another kind, and one of another version.
func Read(name string) (*Results, error) {
	r := new(Results)
	if err := readJSON(name, Schema, Version, r); err != nil {
		return nil, err
	}
	return r, nil
}

// stateVersion is the version of the documents that [WriteState] stores.
const stateVersion = 1

// storedState is the progress of long work.
type storedState[S any] struct {
	Schema  string `json:"schema"`
	Version int    `json:"version"`
	// Build identifies the program. Parts done by two programs say nothing about either.
	Build string `json:"build"`
	State S      `json:"state"`
}

// WriteState stores the progress of long work. It replaces the file as a whole or not at all.
// Schema identifies the work, build the program.
func WriteState[S any](name, schema, build string, s S) error {
	return writeJSON(name, storedState[S]{schema, stateVersion, build, s})
}

// ReadState reads what [WriteState] wrote. The error wraps [os.ErrNotExist] if there is no such
// file. It is also an error if the file is of other work or by another program.
func ReadState[S any](name, schema, build string) (S, error) {
	var s storedState[S]
	var none S
	if err := readJSON(name, schema, stateVersion, &s); err != nil {
		return none, err
	}
	if s.Build != build {
		return none, fmt.Errorf("%s: made by another build of this program (%.12s, this is %.12s)", name, s.Build, build)
	}
	return s.State, nil
}

func writeJSON(name string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return atomicfile.Write(name, append(text, '\n'))
}

// readJSON decodes a document into v after a check of its schema and version.
func readJSON(name, schema string, version int, v any) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%s: %w", name, fmt.Errorf(format, args...))
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return fail("the file is empty")
	}
	var head struct {
		Schema  string `json:"schema"`
		Version int    `json:"version"`
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&head); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fail("the file is cut off after %d bytes", len(text))
		}
		return fail("no JSON document of schema %q: %w", schema, err)
	}
	if rest := bytes.TrimSpace(text[d.InputOffset():]); len(rest) > 0 {
		return fail("%d bytes follow the document", len(rest))
	}
	if head.Schema != schema {
		return fail("its schema is %q, not %q", head.Schema, schema)
	}
	if head.Version != version {
		return fail("its version is %d, this program reads version %d", head.Version, version)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fail("schema %q: %w", schema, err)
	}
	return nil
}

// ThisBuild describes the running program.
func ThisBuild() Build {
	b := Build{Commit: xnnpack.Commit, Compiler: xnnpack.Compiler(), Go: runtime.Version(), Native: native.Version}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Native = fmt.Sprintf("%s+%.12s", native.Version, s.Value)
		}
		if s.Key == "GOAMD64" || s.Key == "GOARM64" {
			b.Level = s.Key + "=" + s.Value
		}
	}
	return b
}
