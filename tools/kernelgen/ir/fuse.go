package ir

// fuseKeep turns Keep(mask, FMA(a, b, c)) into one FMA with the mask as its
// fourth argument, if nothing else wants the unmasked value: a machine with mask
// registers clears lanes in the same instruction.
func fuseKeep(b *Block) {
	uses := make(map[*Value]int)
	for _, v := range b.Ops {
		for _, a := range v.Args {
			uses[a]++
		}
	}
	for _, v := range b.out {
		uses[v]++
	}
	fused := make(map[*Value]bool)
	for _, v := range b.Ops {
		if v.Op != Keep {
			continue
		}
		if x := v.Args[1]; x.Op == FMA && len(x.Args) == 3 && uses[x] == 1 {
			v.Op, v.Args = FMA, append(x.Args[:3:3], v.Args[0])
			fused[x] = true
		}
	}
	ops := b.Ops[:0]
	for _, v := range b.Ops {
		if !fused[v] {
			ops = append(ops, v)
		}
	}
	b.Ops = ops
}
