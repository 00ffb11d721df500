package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twopass-softmax/twopass/compare/bits"
	"github.com/twopass-softmax/twopass/compare/internal/machine"
	"github.com/twopass-softmax/twopass/native/twins"
	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
)

// list reads each part of a text with commas.
func list[T any](text string, parse func(part string) (T, error)) ([]T, error) {
	var all []T
	for part := range strings.SplitSeq(text, ",") {
		x, err := parse(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		all = append(all, x)
	}
	return all, nil
}

// parseRanges reads what ranges writes: integers and from..to, with commas, each
// from least to most. It sorts them and drops repetitions.
func parseRanges(text string, least, most int) ([]int, error) {
	var ns []int
	for part := range strings.SplitSeq(text, ",") {
		from, to, ok := strings.Cut(part, "..")
		if !ok {
			to = from
		}
		lo, err1 := strconv.Atoi(strings.TrimSpace(from))
		hi, err2 := strconv.Atoi(strings.TrimSpace(to))
		if err1 != nil || err2 != nil || lo > hi {
			return nil, fmt.Errorf("%q is not an integer or a range such as 1..512", part)
		}
		if lo < least || hi > most {
			return nil, fmt.Errorf("%q is not within %d..%d", part, least, most)
		}
		ns = append(ns, bits.Span(lo, hi)...)
	}
	slices.Sort(ns)
	return slices.Compact(ns), nil
}

func parseSeed(text string) (uint64, error) {
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		err = fmt.Errorf("%q is not an integer from 0 to 2^64-1", text)
	}
	return seed, err
}

func parseClasses(text string) ([]inputs.Class, error) {
	if text == "all" {
		return inputs.Classes(), nil
	}
	return list(text, func(part string) (inputs.Class, error) {
		c, ok := inputs.Parse(part)
		if !ok {
			return c, fmt.Errorf("%q is not a class of inputs: it must be one of %v", part, inputs.Classes())
		}
		return c, nil
	})
}

// parseShard reads I/N; empty is 1/1.
func parseShard(text string) (shard, shards int, err error) {
	if text == "" {
		return 1, 1, nil
	}
	i, n, ok := strings.Cut(text, "/")
	shard, err1 := strconv.Atoi(i)
	shards, err2 := strconv.Atoi(n)
	if !ok || err1 != nil || err2 != nil || shard < 1 || shard > shards || shards > 1024 {
		return 0, 0, fmt.Errorf("shard %q is not I/N with 1 <= I <= N <= 1024", text)
	}
	return shard, shards, nil
}

// parseValues reads FIRST+N, N consecutive bit patterns.
func parseValues(text string) (bits.Case, error) {
	from, count, ok := strings.Cut(text, "+")
	first, err1 := strconv.ParseUint(from, 0, 32)
	n, err2 := strconv.Atoi(count)
	if !ok || err1 != nil || err2 != nil || n < 1 || n > 1<<20 {
		return bits.Case{}, fmt.Errorf("values %q are not FIRST+N such as 0x3f800000+256, with N from 1 to %d", text, 1<<20)
	}
	return bits.Consecutive(uint32(first), n), nil
}

// kernelFilter reads the flag --kernels, a regular expression that matches anywhere in
// a name.
func kernelFilter(text string) (func(string) bool, error) {
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("--kernels: %w", err)
	}
	var families []string
	for _, f := range ukernel.Families() {
		families = append(families, f.String())
	}
	matches := func(k ukernel.Kernel) bool { return re.MatchString(k.Name) }
	if !slices.ContainsFunc(ukernel.Upstream(), matches) && !slices.ContainsFunc(twins.Kernels(), matches) &&
		!slices.ContainsFunc(ukernel.Algorithms(), func(a ukernel.Algorithm) bool { return re.MatchString(a.String()) }) {
		return nil, fmt.Errorf("--kernels: there is no kernel that matches %q: names begin with %s", text, strings.Join(families, ", "))
	}
	return re.MatchString, nil
}

// parseSizes reads the flag of that name.
func parseSizes(text string, l machine.Lengths) ([]int, error) {
	var sizes []int
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		lo, hi, isRange := strings.Cut(part, "..")
		switch {
		case part == "L1":
			sizes = append(sizes, l.L1)
		case part == "L2":
			sizes = append(sizes, l.L2)
		case part == "memory":
			sizes = append(sizes, l.Memory)
		case isRange:
			from, err1 := power(lo)
			to, err2 := power(hi)
			if err1 != nil || err2 != nil || from > to {
				return nil, fmt.Errorf("%q is not a range of powers such as 2^4..2^26", part)
			}
			for e := from; e <= to; e++ {
				sizes = append(sizes, 1<<e)
			}
		case strings.HasPrefix(part, "2^"):
			e, err := power(part)
			if err != nil {
				return nil, err
			}
			sizes = append(sizes, 1<<e)
		default:
			n, err := strconv.Atoi(part)
			if err != nil || n < 1 || n > 1<<30 {
				return nil, fmt.Errorf("%q is not a length from 1 to 2^30", part)
			}
			sizes = append(sizes, n)
		}
	}
	slices.Sort(sizes)
	return slices.Compact(sizes), nil
}

// parseThreads reads the flag of that name; empty is one thread and all.
func parseThreads(text string) ([]int, error) {
	if text == "" {
		return threadCounts(), nil
	}
	threads, err := parseRanges(text, 1, 1024)
	if err != nil {
		return nil, fmt.Errorf("threads: %w", err)
	}
	return threads, nil
}

// power reads 2^E and returns E.
func power(text string) (int, error) {
	digits, ok := strings.CutPrefix(text, "2^")
	e, err := strconv.Atoi(digits)
	if !ok || err != nil || e < 0 || e > 30 {
		return 0, fmt.Errorf("%q is not a power from 2^0 to 2^30", text)
	}
	return e, nil
}
