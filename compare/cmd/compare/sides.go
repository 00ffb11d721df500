package main

import (
	"fmt"

	"github.com/twopass-softmax/twopass/compare/internal/side"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// sides are what is compared, and why upstream isn't if it isn't.
type sides struct {
	ref, ours  side.Side
	noUpstream error
}

// builtSides are those that this program was built with: upstream's kernels if
// they are linked in, else the executable model in their place.
func builtSides() sides {
	s := sides{ours: side.Native(), noUpstream: xnnpack.Available()}
	if s.noUpstream == nil {
		s.ref = side.Upstream()
	} else {
		s.ref = side.Model(s.ours.Kernels)
	}
	return s
}

// choose returns the sides with others in their places; an empty name leaves
// the reference.
func (s sides) choose(reference, tested string) (sides, error) {
	if s.noUpstream != nil && (tested == "upstream" || reference == "upstream") {
		return s, fmt.Errorf("there is no upstream side: %w", s.noUpstream)
	}
	switch tested {
	case "native":
	case "upstream":
		s.ours = side.Upstream()
	default:
		return s, fmt.Errorf("%q can't be tested: it must be native or upstream", tested)
	}
	switch reference {
	case "", "upstream":
	case "model":
		s.ref = side.Model(s.ours.Kernels)
	default:
		return s, fmt.Errorf("%q is not a reference: it must be upstream or model", reference)
	}
	return s, nil
}

func (s *sides) why() string {
	if s.noUpstream == nil {
		return ""
	}
	return s.noUpstream.Error()
}
