package xnnpack

import (
	"maps"
	"strings"
)

// Missing returns the kernels of the pinned commit that the library lacks, by name, with
// the reason. Only a library built from another commit of upstream lacks any: one to be
// compared with the pinned commit (--config=upstream_head).
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

// InOutMax reports whether the library's kernels of f32_rmax and f16_rmax start from the
// value at the place of their result, as upstream's do since commit cb888be51f (2025), and
// not from the first element. This package stores -Inf there first, so that only NaNs and
// zeros of both signs show the difference.
func InOutMax() bool { return inOutMax }
