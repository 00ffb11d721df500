package main

import (
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/compare/report"
)

func (a *app) reportCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "report RESULTS.json... -o DIR",
		Short: "Make a page of figures and tables, as HTML and as Markdown, from results",
		Long: `Make a page of figures and tables from files that the other commands wrote with
--json. DIR gets index.html, which needs no other file, and report.md, with the
speed, the accuracy and the agreement of each machine first and the rest folded;
details.html and details.md have all figures and measurements.

Files of the same machine, build and level of instruction sets are taken together,
the later counting where several have the same measurement; others stand beside
it. What the results do not have is listed, with the command that measures it.`,
		Example: `  compare info --json info.json
  compare speed --json speed.json
  compare speed --kernels . --sizes L1,memory --json kernels.json
  compare report info.json speed.json kernels.json -o report`,
		Args: func(_ *cobra.Command, files []string) error {
			if len(files) == 0 {
				return errors.New("report needs a file of results at least: see compare report --help")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.json != "" {
				return errors.New("--json: this command measures nothing")
			}
			sources, err := report.Read(args...)
			if err != nil {
				return err
			}
			if err := report.Write(dir, sources); err != nil {
				return err
			}
			a.line("Report written to %s.", filepath.Join(dir, report.HTMLName))
			return nil
		},
	}
	cmd.Flags().StringVarP(&dir, "output", "o", "", "write the report to `DIR`")
	// The flag exists.
	_ = cmd.MarkFlagRequired("output")
	return cmd
}
