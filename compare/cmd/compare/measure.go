package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/compare/results"
)

// part is a run of another command, with a name for its file.
type part struct {
	name string
	args []string
}

// allParts are what a file in the results folder consists of.
var allParts = []part{
	{"info", []string{"info"}},
	{"bits", []string{"bits"}},
	{"accuracy", []string{"accuracy", "--sizes", "2^4,2^8,2^12,2^16,2^20,2^24"}},
	{"table", []string{"table"}},
	{"softmax", []string{"speed", "--sizes", "2^4..2^26,memory"}},
	{"rows", []string{"speed", "--rows", "65536x10,8192x128,1024x1000,64x32000,1x128256"}},
	{"functions", []string{"speed", "--functions", "--sizes", "2^4..2^26,memory"}},
	{"gradients", []string{"speed", "--gradients", "16x128,1x4000,16384x1000"}},
	{"one-row", []string{"speed", "--goroutines", "all", "--sizes", "2^10..2^26,memory"}},
	{"tune", []string{"tune"}},
	{"kernels", []string{"speed", "--kernels", ".", "--sizes", "L1,L2"}},
	// The narrow kernels are far from any limit of memory, and slow.
	{"passes", []string{"speed", "--kernels", "avx|neon", "--sizes", "memory", "--time", "100ms"}},
}

func (a *app) measureCommand() *cobra.Command {
	var beyond string
	cmd := &cobra.Command{
		Use:   "measure --json FILE",
		Short: "Measure everything that a report shows, into one file",
		Long: `Measure everything that a report shows, into one file: the machine, agreement,
accuracy, the README's table, the algorithms over length, the rows of matrices, the functions, gradients,
one row that goroutines share, what Auto should choose, every kernel in the L1 and the L2 cache, and the passes on
long rows. It takes twenty minutes or more, the longer the larger the caches are;
nothing else should run on the machine meanwhile.

Where the last-level cache is far larger than what one process gets of it, as on
a part of a large machine, --beyond says from which length on rows are out of it.

Each part is kept beside FILE when it is done, in FILE.parts. An interrupted run
goes on with the same command and the same program, and the parts are removed
when FILE is complete.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.measure(cmd.Context(), withBeyond(allParts, beyond))
		},
	}
	cmd.Flags().StringVar(&beyond, "beyond", "", "count rows of this `length` and longer ones as beyond the caches")
	return cmd
}

// withBeyond is the parts with the flag of that name for those that have it.
func withBeyond(parts []part, beyond string) []part {
	if beyond == "" {
		return parts
	}
	parts = slices.Clone(parts)
	for i, p := range parts {
		if p.args[0] == "speed" {
			parts[i].args = slices.Concat(p.args, []string{"--beyond", beyond})
		}
	}
	return parts
}

// measure runs the parts that are not there yet and joins all. Bits that differ
// stop nothing, and are reported at the end.
func (a *app) measure(ctx context.Context, parts []part) error {
	if a.json == "" {
		return errors.New("--json FILE is needed: this command only writes that file")
	}
	build, err := executableHash()
	if err != nil {
		return fmt.Errorf("identifying this program: %w", err)
	}
	dir := filepath.Join(a.json+".parts", build[:16])
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	var all []*results.Results
	var differ error
	for i, p := range parts {
		command := strings.Join(p.args, " ")
		// The same part with other arguments is another one.
		file := filepath.Join(dir, fmt.Sprintf("%d-%s-%.8x.json", i+1, p.name, sha256.Sum256([]byte(command))))
		heading := fmt.Sprintf("Part %d of %d: compare %s", i+1, len(parts), command)
		_, err := os.Stat(file)
		switch {
		case err == nil:
			a.line("%s: done earlier", heading)
		case errors.Is(err, fs.ErrNotExist):
			a.line("%s", heading)
			one := *a
			one.json = ""
			root := one.root()
			root.SetArgs(append(p.args[:len(p.args):len(p.args)], "--json", file))
			err := root.ExecuteContext(ctx)
			if ctx.Err() != nil {
				return fmt.Errorf("stopped in part %d of %d: the parts before it are kept in %s, and the same command continues from there", i+1, len(parts), a.json+".parts")
			}
			if err != nil && !errors.Is(err, errDiffer) {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			a.line("")
		default:
			return err
		}
		r, err := results.Read(file)
		if err != nil {
			return err
		}
		for _, b := range r.Bits {
			if b.Bits != 0 || len(b.Differences) != 0 {
				differ = errDiffer
			}
		}
		all = append(all, r)
	}
	joined, err := results.Join(all)
	if err != nil {
		return err
	}
	if err := joined.WriteFile(a.json); err != nil {
		return fmt.Errorf("writing results: %w", err)
	}
	a.line("Results written to %s.", a.json)
	return errors.Join(differ, os.RemoveAll(a.json+".parts"))
}
