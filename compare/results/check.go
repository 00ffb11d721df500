package results

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/text"
	"github.com/twopass-softmax/twopass/compare/speed"
)

// Regression is something that is worse in new results than in base.
type Regression struct {
	// Name is what got worse, with its length and its number of threads.
	Name string
	// Base and New are ratios of our time to the reference's, or our times where there
	// is no reference. Both are zero if the regression is not one of speed.
	Base, New speed.Summary
	// What describes the regression.
	What string
}

// Comparable returns an error if two runs are on different kinds of CPU, or have different
// references or builds of upstream: speed is relative to these.
func Comparable(base, now *Results) error {
	a, b := base.Machine, now.Machine
	if a.Arch != b.Arch || a.CPU != b.CPU || a.Family != b.Family || a.Model != b.Model {
		return fmt.Errorf("the runs are of different CPUs: %s (family %d, model %d, %s) and %s (family %d, model %d, %s)",
			a.CPU, a.Family, a.Model, a.Arch, b.CPU, b.Family, b.Model, b.Arch)
	}
	if base.Reference != now.Reference {
		return fmt.Errorf("the runs have different references: %s and %s", base.Reference, now.Reference)
	}
	if x, y := base.Build, now.Build; x.Commit != y.Commit || x.Compiler != y.Compiler {
		return fmt.Errorf("the runs have different builds of upstream: %.12s by %s and %.12s by %s", x.Commit, x.Compiler, y.Commit, y.Compiler)
	}
	return nil
}

// Check lists the regressions of new results against base: bits that differ, comparisons that are
// missing, and speed that is lower by more than the given share and beyond both confidence
// intervals. Speed is the ratio to the reference, which a busy machine changes little; times are
// compared only where the reference is the model, which is not timed. Compared is the number of
// timings that were compared.
//
// The runs should be [Comparable]. It is an error if there is nothing to compare.
func Check(base, now *Results, share float64) (regressions []Regression, compared int, err error) {
	for _, g := range now.Bits {
		if g.Bits != 0 || len(g.Differences) != 0 {
			regressions = append(regressions, Regression{Name: g.Kernel, What: fmt.Sprintf("%d bits differ from the reference", g.Bits)})
		}
	}
	for _, g := range base.Bits {
		if !slices.ContainsFunc(now.Bits, func(n bits.Agreement) bool { return n.Kernel == g.Kernel }) && len(now.Bits) > 0 {
			regressions = append(regressions, Regression{Name: g.Kernel, What: "its bits were not compared"})
		}
	}
	type key struct {
		name, where       string
		elements, threads int
	}
	times := make(map[key]speed.Timing)
	for _, t := range now.Speed {
		times[key{t.Name, t.Where, t.Elements, t.Threads}] = t
	}
	for _, t := range base.Speed {
		if strings.HasPrefix(speed.Opponent(t.Name), speed.UpstreamBest) {
			continue // there is one where other kernels are faster than the preferred ones
		}
		n, ok := times[key{t.Name, t.Where, t.Elements, t.Threads}]
		name := fmt.Sprintf("%s, %d elements", t.Name, t.Elements)
		if t.Threads > 1 {
			name += fmt.Sprintf(", %d threads", t.Threads)
		}
		if !ok {
			if len(now.Speed) > 0 {
				regressions = append(regressions, Regression{Name: name, What: "it was not timed"})
			}
			continue
		}
		was, is := t.Ratio, n.Ratio
		if (t.Against == "") != (n.Against == "") || strings.Contains(t.Against, speed.InC) != strings.Contains(n.Against, speed.InC) {
			continue // the ratios are to other things
		}
		if t.Verdict == "" || n.Verdict == "" {
			if now.Reference != "model" {
				continue
			}
			was, is = t.OursNS, n.OursNS
		}
		compared++
		regressions = append(regressions, slower(name, was, is, share)...)
	}
	for _, b := range base.Comparisons {
		i := slices.IndexFunc(now.Comparisons, b.Like)
		for _, x := range b.Ratios {
			name := fmt.Sprintf("%s / %s, %d x %d elements, %s", x.Of, speed.Opponent(x.To), b.Rows, b.Cols, text.Plural(b.Threads, "thread", "threads"))
			var found *speed.Ratio
			if i >= 0 {
				found = now.Comparisons[i].RatioOf(x.Of, speed.Opponent(x.To))
			}
			if found == nil {
				if len(now.Comparisons) > 0 {
					regressions = append(regressions, Regression{Name: name, What: "it was not timed"})
				}
				continue
			}
			compared++
			regressions = append(regressions, slower(name, x.Ratio, found.Ratio, share)...)
		}
	}
	if b, n := base.ShortCall, now.ShortCall; b != nil && n != nil {
		compared++
		regressions = append(regressions, slower(fmt.Sprintf("a call on a row of %d", speed.ShortRow), *b, *n, share)...)
	}
	if len(now.Bits)+compared == 0 {
		return nil, 0, errors.New("nothing to compare: the new results have no bits, and no speed that the earlier ones have")
	}
	return regressions, compared, nil
}

// slower returns the regression from was to is, if it is one.
func slower(name string, was, is speed.Summary, share float64) []Regression {
	if is.Lo <= was.Hi || is.Median <= was.Median*(1+share) {
		return nil
	}
	return []Regression{{Name: name, Base: was, New: is, What: fmt.Sprintf("slower by %.1f %%", 100*(is.Median/was.Median-1))}}
}
