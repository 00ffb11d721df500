package xnnpack

import (
	"maps"
	"strings"

	"github.com/twopass-softmax/twopass/ukernel"
)

// Missing tells which kernels of the pinned commit the library lacks, by name, and why:
// none, but for a library that was built from another commit of upstream's, to compare
// that with the pinned one (--config=upstream_head).
func Missing() map[string]string { return maps.Clone(missing) }

var missing = parseMissing(missingText)

// parseMissing reads lines of a name, a colon and the reason.
func parseMissing(text string) map[string]string {
	m := make(map[string]string)
	for line := range strings.Lines(text) {
		name, why, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		m[name] = why
	}
	return m
}

// What is missing has no place in the tables.
func init() {
	if len(missing) == 0 {
		return
	}
	var ks []ukernel.Func
	var ss []symbol
	for i, k := range kernels {
		if _, ok := missing[k.Name]; !ok {
			ks, ss = append(ks, k), append(ss, symbols[i])
		}
	}
	kernels, symbols = ks, ss
}

// InOutMax reports whether the library's kernels of f32_rmax and f16_rmax begin with
// what the place of their result holds, as upstream's do since commit cb888be51f of
// 2025, and not with the first element. This package has -Inf there, so that it makes
// a difference for NaNs and for zeros of both signs alone.
func InOutMax() bool { return inOutMax }
