package native

import (
	"fmt"
	"strings"

	"github.com/twopass-softmax/twopass/native/internal/arith"
)

// The lengths that decide something, in elements; ordinary.go has those of logarithms alone:
//
//	1        128           4,096          65,536        2^20          2^22
//	|---------|--------------|---------------|------------|-------------|----->
//	 registers  L1: one call of a row kernel   Chunk       recompute     goroutines
//	 Turn       for both passes                            From          vectorLeast
const (
	// blockLen is how much of a row is prepared or converted at a time. It stays in L1.
	blockLen = 1 << 12
	// touchFrom is how many 16-bit elements and results are likely not in the caches, and touchLen
	// how many are asked for at a time.
	touchFrom = 1 << 19
	touchLen  = 1 << 10
	// Causal rows of more than triangleFrom and up to triangleTo elements, of which at most an eighth is hidden,
	// take less time in one call with a mask than in a call each.
	triangleFrom, triangleTo = 240, 512
	// wholeRow is the longest row that one kernel does in both passes. What it stored of a row
	// that turns out not to be regular has to be summed again.
	wholeRow = arith.Chunk
	// callLen is how many elements one call of a kernel takes.
	callLen = arith.Call
	// recomputeFrom is the length from which memory takes longer than a second exponential.
	recomputeFrom = 1 << 20
	// halfLen is the longest row of 16-bit results whose exponentials are stored, in a buffer
	// of 512 KiB that fits into most second-level caches.
	halfLen = 1 << 17
	// rowWork is what a row costs beside its elements, in elements: a row of 10 takes as long as 42 of a longer row.
	rowWork = 32
	// taskLen is how many elements of short rows a goroutine takes at a time.
	taskLen = 1 << 14
)

// largeScale is the size from which on products with a scale are rounded to float32 before anything else.
const largeScale = 0x1p120

// vectorLeast and scalarLeast are the numbers of elements, done by vector kernels and one by
// one, below which a second goroutine costs more than it gains: waking an idle virtual core
// takes 50 to 200 µs. Whole rows are shared from 3/16 of them on, as goroutines then
// wait for each other once and not twice. They are variables for tests.
var vectorLeast, scalarLeast = 1 << 22, 1 << 18

// plan is what is done with rows of n elements, and why.
type plan struct {
	level      arith.Level
	algorithm  Algorithm // of softmax: Store or Recompute
	goroutines int
	stream     bool
	why        string // of the algorithm
}

// rowsOfCall is how many rows of cols elements one call of a kernel takes.
func rowsOfCall(cols int) int { return max(1, callLen/max(1, cols)) }

// rowsOfTask is how many rows a goroutine takes at a time: so few that all goroutines end at about the same time.
func rowsOfTask(goroutines, rows, cols int) int {
	return max(1, min(rows/(4*goroutines), taskLen/max(1, cols)))
}

// simple reports whether one call of a kernel of rows is all that n float32 take: there is a scale at most, and
// nothing that check panics of.
func (o *Options) simple(n int) bool {
	return n <= callLen && (o == nil || o.Add.Data == nil && o.Keep.Data == nil && !o.Causal && len(o.Scales) == 0 &&
		o.Scale >= 0 && o.Scale < largeScale && int(o.Algorithm) < len(algorithmNames) &&
		(uint(o.Goroutines) <= 1 || o.Goroutines > 1 && n < scalarLeast/16*3))
}

// makePlan plans rows of cols elements.
func (o *Options) makePlan(rows, cols int, half bool) plan {
	p := plan{level: arith.Best, algorithm: Store, goroutines: 1}
	least, extra := vectorLeast, rowWork
	if p.level == arith.Plain {
		least, extra = scalarLeast, 0
	}
	var choice Algorithm
	if o != nil {
		p.stream = o.Streaming
		choice = o.Algorithm
		work := rows*cols + min(rows, least)*extra // min: no int overflows
		if g := min(o.Goroutines, (work+least/16)/(least/8)); g > 1 && (rows*cols >= least || rows >= g) {
			p.goroutines = g
		}
	}
	switch {
	case choice != Auto:
		p.algorithm, p.why = choice, "as Options.Algorithm says"
	case half && cols > halfLen:
		p.algorithm, p.why = Recompute, halfWhy
	case p.level == arith.Plain:
		p.why = "as exponentials are slow at this level"
	case cols < recomputeFrom:
		p.why = shortWhy
	case o != nil && (o.Add.Data != nil || o.Keep.Data != nil):
		p.why = "as a mask or a bias would be read twice"
	default:
		p.algorithm, p.why = Recompute, longWhy
	}
	if half && cols > halfLen {
		p.algorithm = Recompute // there is no room for exponentials
	}
	return p
}

var (
	shortWhy = fmt.Sprintf("as the row is shorter than %d elements", recomputeFrom)
	halfWhy  = fmt.Sprintf("as a row of 16-bit results has more than %d elements", halfLen)
	longWhy  = fmt.Sprintf("as the row has %d elements or more", recomputeFrom)
)

// Explain describes, for people, how the softmax of a row of n float32 is computed.
func (o *Options) Explain(n int) string {
	p := o.makePlan(1, n, false)
	var b strings.Builder
	fmt.Fprintf(&b, "%d elements: %v, %s\n", n, p.algorithm, p.why)
	fmt.Fprintf(&b, "level %v, %d goroutines", p.level, p.goroutines)
	if p.stream && p.algorithm == Recompute {
		b.WriteString(", results go around the caches")
	}
	return b.String()
}
