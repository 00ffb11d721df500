package sampler

import "math"

// kept are the tokens that are still in question, with their probabilities, in
// the order of their numbers. They are never sorted: what the filters keep is
// the first part of the order by probability, and so is told by its last token.
type kept struct {
	tokens []int32
	probs  []float32
	n      int
}

// filter keeps what top-k, top-p and min-p leave of probs, and returns its
// weight.
//
// It reads the vocabulary once. A token that can't be among those kept, which
// is nearly every one, costs a comparison with a floor, and an addition where
// top-p needs the mass of all.
func (k *kept) filter(probs []float32, p *Params) (mass uint64) {
	k.n = 0
	switch {
	case p.TopK > 0:
		mass = k.topK(probs, min(p.TopK, len(probs)))
		if p.TopP < 1 {
			mass = k.topP(p.TopP, mass)
		}
	case p.TopP < 1:
		mass = k.topP(p.TopP, k.collect(probs, p))
	default:
		mass = k.collect(probs, p)
	}
	if p.MinP > 0 {
		mass = k.minP(p.MinP)
	}
	return mass
}

// topK keeps the count most probable tokens, and returns their weight.
func (k *kept) topK(probs []float32, count int) (mass uint64) {
	// When so many have gathered that sorting out is worth it, the last one kept
	// is the floor for those to come: being later, they must be above it.
	full := max(4*count, 1024)
	floor := float32(0)
	for i, q := range probs {
		if q > floor {
			k.tokens[k.n], k.probs[k.n] = int32(i), q
			if k.n++; k.n >= full {
				floor, _ = k.cut(uint64(count), one)
			}
		}
	}
	if k.n > count {
		_, mass = k.cut(uint64(count), one)
		return mass
	}
	return total(k.probs[:k.n])
}

// collect keeps the tokens that top-p and min-p may leave, and returns the
// weight of all.
func (k *kept) collect(probs []float32, p *Params) (mass uint64) {
	// Tokens below half of (1 - p) / n together have less mass than top-p leaves
	// out; half, because the probabilities sum to 1 only nearly.
	floor := float32((1 - p.TopP) / 2 / float64(len(probs)))
	top := float32(0)
	for i, q := range probs {
		mass += weight(q)
		if q < floor || q == 0 {
			continue
		}
		k.tokens[k.n], k.probs[k.n] = int32(i), q
		k.n++
		if q > top {
			top = q
			floor = max(floor, float32(p.MinP*float64(top))*(1-0x1p-20)) // safely below; minP is exact
		}
	}
	return mass
}

// topP keeps the fewest of the most probable tokens that have at least share of
// mass, and returns their weight.
func (k *kept) topP(share float64, mass uint64) (left uint64) {
	_, left = k.cut(max(1, uint64(math.Ceil(share*float64(mass)))), weight)
	return left
}

// minP keeps the tokens with at least share of the highest probability, and
// returns their weight.
func (k *kept) minP(share float64) (mass uint64) {
	top := float32(0)
	for _, q := range k.probs[:k.n] {
		top = max(top, q)
	}
	n := 0
	for i, q := range k.probs[:k.n] {
		if float64(q) >= share*float64(top) {
			k.tokens[n], k.probs[n] = k.tokens[i], q
			n++
			mass += weight(q)
		}
	}
	k.n = n
	return mass
}

// one counts tokens.
func one(float32) uint64 { return 1 }

// cut keeps the fewest of the most probable tokens whose worths sum to at least
// enough, or all if they do not. It returns the last one's probability, and the
// weight of all that it kept.
//
// The order of probabilities, which are not negative, is that of their bits. Of
// 30 bits, three rounds settle ten each: they sum the worth of the tokens by the
// value of these ten bits, among the tokens that have the bits found so far, and
// walk down from the highest value. It takes linear time whatever the input.
func (k *kept) cut(enough uint64, worth func(float32) uint64) (last float32, mass uint64) {
	const digit = 10
	var sums [1 << digit]uint64
	found := uint32(0) // the bits found so far
	for shift := 2 * digit; shift >= 0; shift -= digit {
		clear(sums[:])
		for _, q := range k.probs[:k.n] {
			if key := math.Float32bits(q); key>>(shift+digit) == found {
				sums[key>>shift%(1<<digit)] += worth(q)
			}
		}
		d := len(sums) - 1
		for ; d > 0 && sums[d] < enough; d-- {
			enough -= sums[d]
		}
		found = found<<digit | uint32(d)
	}
	// What is still needed is that of tokens of one probability, the first ones.
	n := 0
	for i, q := range k.probs[:k.n] {
		switch key := math.Float32bits(q); {
		case key < found || key == found && enough == 0:
			continue
		case key == found:
			enough -= min(enough, worth(q))
		}
		k.tokens[n], k.probs[n] = k.tokens[i], q
		n++
		mass += weight(q)
	}
	k.n = n
	return math.Float32frombits(found), mass
}
