package main

import (
	"fmt"
	"slices"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/compare/results"
	"github.com/twopass-softmax/twopass/compare/speed"
)

// kernelParts are the parts that time pairs of kernels, on one thread.
func (r *speedRun) kernelParts() ([]speedPart, error) {
	chosen, err := kernelFilter(r.o.kernels)
	if err != nil {
		return nil, err
	}
	can, _ := side.Runnable(side.Match(r.sides.ref, r.sides.ours))
	can = slices.DeleteFunc(can, func(p side.Pair) bool { return !chosen(p.Name) })
	if len(can) == 0 {
		return nil, fmt.Errorf("no kernel that matches %q can be timed here", r.o.kernels)
	}
	r.overhead(r.results, can)
	const width = 38
	var parts []speedPart
	// The pairs of one length share a workload, and a heading.
	var work *speed.Workload
	last := ""
	for _, n := range r.state.Sizes {
		for _, p := range can {
			parts = append(parts, speedPart{fmt.Sprintf("%s on %s elements", p.Name, grouped(int64(n))), func() (results.Results, error) {
				if work == nil || work.Elements() != n {
					work, last = speed.NewWorkload(n), ""
					r.line("")
					r.line("%-*s %8s %8s %6s", width, grouped(int64(n))+" elements, in "+r.results.Machine.Where(n), r.sides.ref.Name, r.sides.ours.Name, "ratio")
				}
				t := work.Time(speed.Timer{Budget: 2 * r.o.budget}, p)
				r.line("%-*s %8.3f %8.3f %6.3f %6s %s", width, r.short(&last, p.Name), t.RefNS.Median, t.OursNS.Median, t.Ratio.Median, noise(t.Ratio), t.Verdict)
				return results.Results{Speed: []speed.Timing{t}}, nil
			}})
		}
	}
	return parts, nil
}

func noise(i speed.Summary) string { return fmt.Sprintf("±%.1f%%", 50*i.Width()) }
