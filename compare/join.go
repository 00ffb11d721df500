package compare

import (
	"fmt"
	"reflect"
	"slices"
)

// Join puts the results of several runs on one machine, by one build, into one
// document. Its command and beginning are those of the first. It is an error if
// the runs differ in machine, build or reference, or if there are none.
func Join(parts []*Results) (*Results, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("compare: no results to join")
	}
	joined := *parts[0]
	for i, p := range parts[1:] {
		if p.Build != joined.Build || p.Reference != joined.Reference {
			return nil, fmt.Errorf("compare: results %d are of another build than the first: %+v against %s, not %+v against %s",
				i+2, p.Build, p.Reference, joined.Build, joined.Reference)
		}
		if !reflect.DeepEqual(p.Machine, joined.Machine) {
			return nil, fmt.Errorf("compare: results %d are from another machine than the first: %+v, not %+v", i+2, p.Machine, joined.Machine)
		}
		joined.Seconds += p.Seconds
		joined.Bits = slices.Concat(joined.Bits, p.Bits)
		joined.Speed = slices.Concat(joined.Speed, p.Speed)
		joined.Races = slices.Concat(joined.Races, p.Races)
		joined.UpstreamBest = slices.Concat(joined.UpstreamBest, p.UpstreamBest)
		joined.NotRun = slices.Concat(joined.NotRun, p.NotRun)
		joined.Choices = slices.Concat(joined.Choices, p.Choices)
		joined.Auto = slices.Concat(joined.Auto, p.Auto)
		joined.Accuracy = slices.Concat(joined.Accuracy, p.Accuracy)
		joined.Bandwidth = slices.Concat(joined.Bandwidth, p.Bandwidth)
		joined.Coverage = slices.Concat(joined.Coverage, p.Coverage)
		for _, peer := range p.Peers {
			if !slices.Contains(joined.Peers, peer) {
				joined.Peers = append(slices.Clip(joined.Peers), peer)
			}
		}
		if p.Frequency > 0 {
			joined.Frequency = p.Frequency
		}
		if p.ShortCall != nil {
			joined.ShortCall = p.ShortCall
		}
		if p.Overhead != nil {
			joined.Overhead = p.Overhead
		}
		if len(p.Seeds) > 0 {
			joined.Seeds = p.Seeds
		}
	}
	return &joined, nil
}
