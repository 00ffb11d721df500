package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// memory is what the service takes, over time.
type memory struct {
	Samples []usage `json:"samples"`
	// The medians of the first and the last third of the samples.
	First usage `json:"first_third"`
	Last  usage `json:"last_third"`
}

// usage is a sample. RSS is what the kernel says, so C's memory is in it.
type usage struct {
	Seconds    float64 `json:"seconds"`
	Heap       float64 `json:"heap_bytes"`
	RSS        float64 `json:"rss_bytes"`
	Goroutines float64 `json:"goroutines"`
}

// sample takes about a hundred samples while the load lasts.
func sample(ctx context.Context, c *child, d time.Duration, t *tally) (samples []usage) {
	began := time.Now()
	for {
		select {
		case <-ctx.Done():
			return samples
		case <-time.After(max(d/100, 10*time.Millisecond)):
		}
		m, err := c.metrics()
		if err != nil {
			t.problem("metrics: %v", err)
			return samples
		}
		samples = append(samples, usage{
			Seconds:    time.Since(began).Seconds(),
			Heap:       m["go_memstats_heap_inuse_bytes"],
			RSS:        m["process_resident_memory_bytes"],
			Goroutines: m["go_goroutines"],
		})
	}
}

// judge compares the thirds; each problem is one with the service.
func (m *memory) judge() (problems []string) {
	third := len(m.Samples) / 3
	if third == 0 {
		return []string{fmt.Sprintf("%d samples of memory, there must be at least 3", len(m.Samples))}
	}
	m.First, m.Last = median(m.Samples[:third]), median(m.Samples[len(m.Samples)-third:])
	// A leak grows with the number of requests, and there have been many.
	for _, c := range []struct {
		what        string
		first, last float64
		slack       float64
	}{
		{"heap bytes", m.First.Heap, m.Last.Heap, 16 << 20},
		{"resident bytes", m.First.RSS, m.Last.RSS, 16 << 20},
		{"goroutines", m.First.Goroutines, m.Last.Goroutines, 32},
	} {
		if limit := c.first*1.25 + c.slack; c.last > limit {
			problems = append(problems, fmt.Sprintf("%s grow from %.0f in the first third to %.0f in the last, the limit is %.0f", c.what, c.first, c.last, limit))
		}
	}
	return problems
}

func median(s []usage) usage {
	of := func(f func(usage) float64) float64 {
		var all []float64
		for _, u := range s {
			all = append(all, f(u))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return usage{
		Seconds:    of(func(u usage) float64 { return u.Seconds }),
		Heap:       of(func(u usage) float64 { return u.Heap }),
		RSS:        of(func(u usage) float64 { return u.RSS }),
		Goroutines: of(func(u usage) float64 { return u.Goroutines }),
	}
}
