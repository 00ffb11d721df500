package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/compare"
)

// errRegressed is returned by check when it has reported regressions.
var errRegressed = errors.New("there are regressions")

func (a *app) checkCommand() *cobra.Command {
	var percent float64
	cmd := &cobra.Command{
		Use:   "check BASE.json NEW.json",
		Short: "Report what is worse in new results than in older ones of the same CPU",
		Long: `Report what is worse in new results than in older ones of the same CPU: bits that
differ, comparisons that are missing, and ratios of speed that are higher, by more
than the tolerance and beyond what both confidence intervals allow.

The exit status is 0 if nothing is, 1 if anything is, 2 if the files can't be
compared.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return a.check(args[0], args[1], percent) },
	}
	cmd.Flags().Float64Var(&percent, "tolerance", 2, "`PERCENT` by which speed may be lower")
	return cmd
}

func (a *app) check(base, now string, percent float64) error {
	if percent < 0 {
		return fmt.Errorf("tolerance %v %%: it must be at least 0", percent)
	}
	was, err := compare.ReadFile(base)
	if err != nil {
		return err
	}
	is, err := compare.ReadFile(now)
	if err != nil {
		return err
	}
	regressions, compared, err := compare.Check(was, is, percent/100)
	if err != nil {
		return err
	}
	for _, r := range regressions {
		what := r.What
		if r.New.Median > 0 {
			what = fmt.Sprintf("%s: %.3f (%.3f to %.3f), was %.3f (%.3f to %.3f)", what,
				r.New.Median, r.New.Lo, r.New.Hi, r.Base.Median, r.Base.Lo, r.Base.Hi)
		}
		a.line("%s: %s", r.Name, what)
	}
	a.line("%s of speed compared, %s.", plural(compared, "measurement", "measurements"), plural(len(regressions), "regression", "regressions"))
	if len(regressions) > 0 {
		return errRegressed
	}
	return nil
}
