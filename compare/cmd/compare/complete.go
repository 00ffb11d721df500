package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// completions are the values of flags that a shell can offer, by the flags' names. Where
// several may stand with commas between them, each is offered after those that are there.
func completions() map[string][]string {
	names := map[string][]string{
		"sizes":     {"L1", "L2", "memory", "2^4..2^26"},
		"reference": {"upstream", "model"},
		"tested":    {"native", "upstream"},
		"classes":   {"all"},
	}
	for _, c := range inputs.Classes() {
		names["classes"] = append(names["classes"], c.String())
	}
	for _, a := range ukernel.Algorithms() {
		names["algorithms"] = append(names["algorithms"], a.String())
	}
	for _, f := range ukernel.Families() {
		names["kernels"] = append(names["kernels"], f.String())
	}
	for _, isa := range ukernel.ISAs() {
		names["kernels"] = append(names["kernels"], isa.String())
	}
	return names
}

// completeValues lets shells complete the values of the flags of all commands.
func completeValues(root *cobra.Command) {
	for name, values := range completions() {
		complete := func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			before := typed[:strings.LastIndex(typed, ",")+1]
			var all []string
			for _, v := range values {
				all = append(all, before+v)
			}
			return all, cobra.ShellCompDirectiveNoFileComp
		}
		for _, cmd := range root.Commands() {
			if cmd.Flags().Lookup(name) != nil {
				// The flag exists, and has no other function.
				_ = cmd.RegisterFlagCompletionFunc(name, complete)
			}
		}
	}
}
