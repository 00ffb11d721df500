// Package results is the JSON document that a run of the command leaves.
//
// Its members "schema" and "version" are [Schema] and [Version]; the fields of [Results]
// and of the types in it describe the others. Bit patterns are strings such as
// "0x7fc00000", times are nanoseconds, and a [speed.Summary] is a median with a
// confidence interval at 95 %.
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

	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/accuracy"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/compare/speed"
	"github.com/twopass-softmax/twopass/internal/atomicfile"
	"github.com/twopass-softmax/twopass/native"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// Schema and Version identify the documents that [Results] describes. A new
// field leaves the version; a changed meaning raises it.
const (
	Schema  = "twopass-softmax/compare"
	Version = 1
)

// Results is what one run found. Times are in nanoseconds, sizes in bytes.
type Results struct {
	// Schema and Version are set by [Results.WriteFile].
	Schema  string `json:"schema"`
	Version int    `json:"version"`

	Command []string        `json:"command"`
	Started time.Time       `json:"started"`
	Seconds float64         `json:"seconds"`
	Machine machine.Machine `json:"machine"`
	Build   Build           `json:"build"`
	// Reference is the side that ours was compared with: "upstream", or "model"
	// where upstream's kernels are not linked in, for the reason that
	// NoUpstream gives.
	Reference  string `json:"reference"`
	NoUpstream string `json:"no_upstream,omitempty"`
	// Peers are other libraries that were timed or measured beside both sides.
	Peers []Peer `json:"peers,omitempty"`
	// Seeds are those of the rows.
	Seeds []uint64 `json:"seeds"`

	// Bits has an entry per kernel that was compared, Speed one per kernel or
	// algorithm that was timed, and NotRun one per pair that this CPU can't run, and
	// per peer that was wrong on rows that it should have been timed on.
	Bits   []bits.Agreement `json:"bits,omitempty"`
	Speed  []speed.Timing   `json:"speed,omitempty"`
	NotRun []NotRun         `json:"not_run,omitempty"`
	// Races has an entry per shape, number of threads, and kind of race.
	Comparisons []speed.Comparison `json:"races,omitempty"`
	// ShortCall is the time of one call of native.Softmax on a row of
	// [speed.ShortRow] elements.
	ShortCall *speed.Summary `json:"short_call_ns,omitempty"`
	// UpstreamBest has the fastest of upstream's kernels of each family, of all
	// variants and ISAs, by the length of the row that they were timed on. The
	// algorithms that "upstream best" names are composed of them.
	UpstreamBest []speed.Choice `json:"upstream_best,omitempty"`
	// Choices has an entry per group of kernels among which tune chose.
	Choices []speed.Choice `json:"choices,omitempty"`
	// Auto has an entry per number of threads for which tune timed algorithms.
	Auto []Auto `json:"auto,omitempty"`
	// Accuracy has an entry per function, class and length.
	Accuracy []accuracy.Errors `json:"accuracy,omitempty"`
	// Frequency is the measured clock in GHz, Bandwidth that of memory.
	Frequency float64     `json:"frequency,omitempty"`
	Bandwidth []Bandwidth `json:"bandwidth,omitempty"`
	// Overhead is the time of a kernel's call on a row of one element.
	Overhead *speed.Timing `json:"overhead,omitempty"`
	// Coverage sums Bits up by family and ISA.
	Coverage []bits.Coverage `json:"coverage,omitempty"`
}

// Build is what was measured.
type Build struct {
	Commit   string `json:"upstream_commit"`
	Compiler string `json:"upstream_compiler,omitempty"`
	Go       string `json:"go"`
	// Native is the version of package native, with the commit if the go command knew
	// it. Results from before the one arithmetic have none.
	Native string `json:"native,omitempty"`
	// Level is the setting of GOAMD64 or GOARM64; empty if unknown.
	Level string `json:"go_level,omitempty"`
}

// Auto is the length from which native's Auto should recompute exponentials on a CPU: it
// stores them for shorter rows.
type Auto struct {
	ISA     string `json:"isa"` // native's level
	Threads int    `json:"threads"`
	// From is 0 if storing them is the best for all lengths that were timed.
	From int `json:"from,omitempty"`
	// Ratio is the geometric mean, over the lengths, of the time of this choice to
	// that of the faster algorithm at each length.
	Ratio float64 `json:"ratio"`
}

// Peer is another library. Its timings and errors are those whose name begins
// with its name and a space.
type Peer struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Bandwidth is what memory can do.
type Bandwidth struct {
	// Name is "read", "copy", or "copy, non-temporal".
	Name    string `json:"name"`
	Threads int    `json:"threads"`
	// GBps counts 1e9 bytes read and written a second, without what is fetched
	// before a line is written.
	GBps speed.Summary `json:"gb_per_s"`
}

// NotRun is a pair that this CPU can't run, or a peer that was not timed.
type NotRun struct {
	Kernel string `json:"kernel"`
	Why    string `json:"why"`
}

// WriteFile stores r, all of it or nothing: an interrupted program leaves the
// file as it was.
func (r *Results) WriteFile(name string) error {
	r.Schema, r.Version = Schema, Version
	return writeJSON(name, r)
}

// Read reads what [Results.WriteFile] wrote. The error tells a file that is
// cut off from one of another kind and from one of another version.
func Read(name string) (*Results, error) {
	r := new(Results)
	if err := readJSON(name, Schema, Version, r); err != nil {
		return nil, err
	}
	return r, nil
}

// stateVersion is the version of the documents that [WriteState] stores.
const stateVersion = 1

// storedState is how far long work has come.
type storedState[S any] struct {
	Schema  string `json:"schema"`
	Version int    `json:"version"`
	// Build identifies the program: parts of the work that two programs did don't
	// add up to a statement on either.
	Build string `json:"build"`
	State S      `json:"state"`
}

// WriteState stores how far long work has come, all of it or nothing. Schema
// identifies the work, build the program.
func WriteState[S any](name, schema, build string, s S) error {
	return writeJSON(name, storedState[S]{schema, stateVersion, build, s})
}

// ReadState reads what [WriteState] wrote. The error wraps [os.ErrNotExist] if
// there is no such file; it is an error, too, if another program made it.
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

// readJSON decodes a document into v after a look at what it says that it is.
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
