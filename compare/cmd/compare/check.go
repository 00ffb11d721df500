package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/compare/results"
)

// errRegressed is returned by check when it has reported regressions.
var errRegressed = errors.New("there are regressions")

// checkOptions are the flags of the check command.
type checkOptions struct {
	percent float64
	force   bool
}

func (a *app) checkCommand() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check BASE.json NEW.json",
		Short: "Report what is worse in new results than in older ones of the same CPU",
		Long: `Report what is worse in new results than in older ones of the same CPU: bits that
differ, comparisons that are missing, and ratios of speed that are higher, by more
than the tolerance and beyond what both confidence intervals allow.

The exit status is 0 if nothing is, 1 if anything is, 2 if the files can't be
compared.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return a.check(args[0], args[1], o) },
	}
	cmd.Flags().Float64Var(&o.percent, "tolerance", 2, "`PERCENT` by which speed may be lower")
	cmd.Flags().BoolVar(&o.force, "force", false, "compare runs on different CPUs or with different references, too")
	return cmd
}

func (a *app) check(base, now string, o checkOptions) error {
	if !(o.percent >= 0) || math.IsInf(o.percent, 0) {
		return fmt.Errorf("tolerance %v %%: it must be at least 0", o.percent)
	}
	if a.json != "" {
		return errors.New("--json: this command measures nothing")
	}
	was, err := results.Read(base)
	if err != nil {
		return err
	}
	is, err := results.Read(now)
	if err != nil {
		return err
	}
	if err := results.Comparable(was, is); err != nil {
		if !o.force {
			return fmt.Errorf("%w (--force compares them all the same)", err)
		}
		a.line("Beware: %v", err)
	}
	regressions, compared, err := results.Check(was, is, o.percent/100)
	if err != nil {
		return err
	}
	width := len("regression")
	for _, r := range regressions {
		width = max(width, len(r.Name))
	}
	if len(regressions) > 0 {
		a.line("%-*s  %-28s %-28s", width, "regression", "was", "is")
	}
	for _, r := range regressions {
		was, is := "", ""
		if r.New.Median > 0 {
			was, is = r.Base.String(), r.New.String()
		}
		a.line("%-*s  %-28s %-28s %s", width, r.Name, was, is, r.What)
	}
	a.line("%s of speed compared, %s.", plural(compared, "measurement", "measurements"), plural(len(regressions), "regression", "regressions"))
	if len(regressions) > 0 {
		return errRegressed
	}
	return nil
}
