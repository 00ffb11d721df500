package main

import (
	"github.com/twopass-softmax/twopass/compare"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// sides are what is compared, and why upstream isn't if it isn't.
type sides struct {
	ref, ours  compare.Side
	noUpstream error
}

// builtSides are those that this program was built with: upstream's kernels if
// they are linked in, else the executable model in their place.
func builtSides() sides {
	s := sides{ours: compare.Native(), noUpstream: xnnpack.Available()}
	if s.noUpstream == nil {
		s.ref = compare.Upstream()
	} else {
		s.ref = compare.Model(s.ours.Kernels)
	}
	return s
}

func (s *sides) why() string {
	if s.noUpstream == nil {
		return ""
	}
	return s.noUpstream.Error()
}
