package f64

import (
	"slices"

	"github.com/twopass-softmax/twopass/native/f64/internal/arith64"
	"github.com/twopass-softmax/twopass/native/internal/parallel"
)

// What several goroutines do of one row is apart from what one does: it puts the job on the heap, and
// with it arrays that a caller has on the stack.

// shared is row for a row whose blocks several goroutines do.
func (j *job) shared(op op, g, k int) {
	if op == opSoftmax {
		if total, kind := j.sumShared(g); kind != regular {
			j.writeSpecial(kind, false)
		} else {
			j.writeShared(g, softmaxPass(&total))
		}
		return
	}
	total, kind := j.sumShared(g)
	if kind == regular && j.leaveOut(&total) {
		others, _ := j.sumShared(g)
		j.putBack(&total, &others)
	}
	switch {
	case op == opLogSumExp:
		j.dst[0] = j.logSumExp(&total, kind)
	case op == opLogProbs:
		j.dst[0] = j.logProb(k, &total, kind)
	case kind != regular:
		j.writeSpecial(kind, true)
	default:
		j.writeShared(g, j.logPass(&total))
	}
}

// sumShared is sumRow by several goroutines.
func (j *job) sumShared(g int) (total sum, kind kind) {
	n := len(j.src)
	blocks := make([]sum, (n+arith64.Block-1)/arith64.Block)
	oks := make([]bool, len(blocks))
	for {
		shared := *j
		shared.buf = nil
		parallel.Do(g, len(blocks), func(i int) {
			own := shared
			blocks[i], _, oks[i] = own.sumBlock(i*arith64.Block, min((i+1)*arith64.Block, n), nil, nil)
			own.release()
		})
		if !slices.Contains(oks, false) {
			break
		}
		if kind = j.settle(0, negInf, false); kind != regular {
			return sum{}, kind
		}
	}
	total.max = negInf
	for i := range blocks {
		total.merge(&blocks[i])
	}
	return total, total.kind()
}

func (j *job) writeShared(g int, p pass) {
	shared, n := *j, len(j.src)
	shared.buf = nil
	parallel.Do(g, (n+arith64.Block-1)/arith64.Block, func(i int) {
		own := shared
		own.write(&p, i*arith64.Block, min((i+1)*arith64.Block, n))
		own.release()
	})
}
