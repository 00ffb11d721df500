package main

import (
	"fmt"

	"github.com/twopass-softmax/twopass/compare"
)

// functionParts are the parts that time native's functions against each other.
func (r *speedRun) functionParts() []speedPart {
	var parts []speedPart
	for _, n := range r.state.Sizes {
		for _, t := range r.threads {
			heading := fmt.Sprintf("%s elements, in %s, %s", grouped(int64(n)), r.results.Machine.Where(n), plural(t, "goroutine", "goroutines"))
			parts = append(parts, speedPart{heading, func() (compare.Found, error) { return r.timeFunctions(n, t, heading) }})
		}
	}
	return parts
}

// sink keeps a result that nothing needs.
var sink float32

func (r *speedRun) timeFunctions(n, goroutines int, heading string) (compare.Found, error) {
	s, err := softmaxer(goroutines)
	if err != nil {
		return compare.Found{}, err
	}
	several := goroutines > 1
	race := compare.Race{Kind: compare.RaceFunctions, Rows: 1, Cols: n, Threads: goroutines, Beyond: n >= r.state.Beyond}
	return r.race(race, heading, []compare.Contestant{
		{Name: compare.NativeSoftmax, Goroutines: several, Run: s.Softmax},
		{Name: compare.NativeLogSoftmax, Goroutines: several, Run: s.LogSoftmax},
		{Name: compare.NativeLogSumExp, Goroutines: several, Run: func(_, src []float32) { sink = s.LogSumExp(src) }},
	}, func(*compare.Race) []pairing { return []pairing{{1, 0}, {2, 0}} })
}
