package results

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
)

// Join merges the results of several runs on one machine by one build. Command and Started are
// those of the first run. It is an error if the runs differ in machine, build or reference, or if
// there are none.
func Join(parts []*Results) (*Results, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("no results to join")
	}
	joined := *parts[0]
	for i, p := range parts[1:] {
		if p.Build != joined.Build || p.Reference != joined.Reference {
			return nil, fmt.Errorf("results %d are of another build than the first: %+v against %s, not %+v against %s",
				i+2, p.Build, p.Reference, joined.Build, joined.Reference)
		}
		if !reflect.DeepEqual(p.Machine, joined.Machine) {
			return nil, fmt.Errorf("results %d are from another machine than the first: %+v, not %+v", i+2, p.Machine, joined.Machine)
		}
		joined.Add(p)
	}
	return &joined, nil
}

// Add appends what another run found.
func (r *Results) Add(p *Results) {
	r.Seconds += p.Seconds
	r.Bits = slices.Concat(r.Bits, p.Bits)
	r.Speed = slices.Concat(r.Speed, p.Speed)
	r.Comparisons = slices.Concat(r.Comparisons, p.Comparisons)
	r.UpstreamBest = slices.Concat(r.UpstreamBest, p.UpstreamBest)
	r.NotRun = slices.Concat(r.NotRun, p.NotRun)
	r.Choices = slices.Concat(r.Choices, p.Choices)
	r.Auto = slices.Concat(r.Auto, p.Auto)
	r.Accuracy = slices.Concat(r.Accuracy, p.Accuracy)
	r.Bandwidth = slices.Concat(r.Bandwidth, p.Bandwidth)
	r.Coverage = slices.Concat(r.Coverage, p.Coverage)
	for _, peer := range p.Peers {
		if !slices.Contains(r.Peers, peer) {
			r.Peers = append(slices.Clip(r.Peers), peer)
		}
	}
	r.Frequency, r.Arithmetic = cmp.Or(p.Frequency, r.Frequency), cmp.Or(p.Arithmetic, r.Arithmetic)
	r.ShortCall, r.Overhead = cmp.Or(p.ShortCall, r.ShortCall), cmp.Or(p.Overhead, r.Overhead)
	if len(p.Seeds) > 0 {
		r.Seeds = p.Seeds
	}
}
