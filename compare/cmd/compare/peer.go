package main

import (
	"math"
	"slices"
	"time"

	"github.com/twopass-softmax/twopass/compare"
	"github.com/twopass-softmax/twopass/compare/onednn"
)

// onednnSoftmax is what the results call the peer's function, onednnOne the same
// on one thread beside one on several.
const (
	onednnSoftmax = "onednn softmax"
	onednnOne     = "onednn softmax, 1 thread"
)

// openMPRest is how long OpenMP's threads may wait busily for more work: GCC's
// library has them look 300,000 times, which takes 20 ms on CPUs whose PAUSE is
// long.
const openMPRest = 30 * time.Millisecond

// bindONEDNN prepares oneDNN's softmax of rows.
func bindONEDNN(dst, src []float32, rows, cols, threads int) (run, done func(), err error) {
	s, err := onednn.New(dst, src, rows, cols, threads)
	if err != nil {
		return nil, nil, err
	}
	return s.Run, s.Close, nil
}

// hasPeer says, and records, whether the other library is linked in. How says how
// it is used.
func (a *app) hasPeer(r *compare.Results, how string) bool {
	if err := onednn.Available(); err != nil {
		a.line("oneDNN    not compared: %v", err)
		return false
	}
	a.line("oneDNN    %s, %s", onednn.Version(), how)
	r.Peers = append(r.Peers, compare.Peer{Name: "onednn", Version: onednn.Version()})
	return true
}

// peerOnRow is the other library on one row, on one thread: where a contest has
// several, each has a row of its own.
func peerOnRow() compare.Contestant {
	return compare.Contestant{Name: onednnSoftmax, Bind: func(dst, src []float32) (run, done func(), err error) {
		return bindONEDNN(dst, src, 1, len(src), 1)
	}}
}

// peerOnRows is the other library on rows, on a number of threads of its own.
func peerOnRows(name string, rows, cols, threads int) compare.Contestant {
	c := compare.Contestant{Name: name, Bind: func(dst, src []float32) (run, done func(), err error) {
		return bindONEDNN(dst, src, rows, cols, threads)
	}}
	if threads > 1 {
		c.Rest = openMPRest
	}
	return c
}

// peerRatios prints the mean of native.Softmax's ratios to the peer.
func (a *app) peerRatios(speed []compare.Timing) {
	var ratios []float64
	for _, t := range speed {
		if t.NativeRatio != nil {
			ratios = append(ratios, t.NativeRatio.Median)
		}
	}
	if len(ratios) > 0 {
		a.line("Time of native.Softmax / %s: geometric mean %.3f of %d.", onednnSoftmax, geometricMean(ratios), len(ratios))
	}
}

func geometricMean(values []float64) float64 {
	logs := 0.0
	for _, v := range values {
		logs += math.Log(v)
	}
	return math.Exp(logs / float64(len(values)))
}

// raceMeans prints the mean of each ratio over races of one kind and number of
// threads.
func (a *app) raceMeans(races []compare.Race) {
	type key struct {
		kind    compare.RaceKind
		of, to  string
		threads int
	}
	var keys []key
	ratios := make(map[key][]float64)
	for _, r := range races {
		for _, x := range r.Ratios {
			k := key{r.Kind, x.Of, compare.Opponent(x.To), r.Threads}
			if !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
			ratios[k] = append(ratios[k], x.Ratio.Median)
		}
	}
	for _, k := range keys {
		all := ratios[k]
		a.line("Time of %s / %s, %s: geometric mean %.3f of %d, least %.3f, most %.3f.", k.of, k.to,
			plural(k.threads, "thread", "threads"), geometricMean(all), len(all), slices.Min(all), slices.Max(all))
	}
}
