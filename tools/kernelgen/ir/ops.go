package ir

import "math"

// Const is x in every lane.
func (b *Block) Const(x float32) V {
	return b.f.leaf(Value{Op: Const, Bits: math.Float32bits(x)})
}

// Bits is a constant that is no float: these bits in every lane.
func (b *Block) Bits(x uint32) V { return b.f.leaf(Value{Op: Const, Bits: x}) }

// Param is the kernel's parameter of that name in every lane.
func (b *Block) Param(name string) V { return b.f.leaf(Value{Op: Param, Name: name}) }

// Load loads whole vectors: those of the given indices, counted in vectors from
// the elements that the block's turn began with.
func (b *Block) Load(vectors ...int) V {
	vs := make(V, len(vectors))
	for i, n := range vectors {
		vs[i] = &Value{Op: Load, Lanes: b.f.Lanes, Index: n * b.f.Lanes}
	}
	return vs
}

// Store stores whole vectors to where Load took them from, in dst.
func (b *Block) Store(vs V, vectors ...int) {
	for i, n := range vectors {
		b.add(&Value{Op: Store, Args: []*Value{vs[i]}, Lanes: b.f.Lanes, Index: n * b.f.Lanes})
	}
}

// Stream is Store around the caches.
func (b *Block) Stream(vs V, vectors ...int) {
	for i, n := range vectors {
		b.add(&Value{Op: Stream, Args: []*Value{vs[i]}, Lanes: b.f.Lanes, Index: n * b.f.Lanes})
	}
}

// add appends an operation.
func (b *Block) add(v *Value) *Value {
	v.Note, b.note = b.note, ""
	b.Ops = append(b.Ops, v)
	return v
}

// each applies an operation to every member of the groups; a group of one
// serves all members of the others.
func (b *Block) each(op Op, index int, groups ...V) V {
	n := 1
	for _, g := range groups {
		n = max(n, len(g))
	}
	vs := make(V, n)
	for i := range vs {
		v := &Value{Op: op, Lanes: b.f.Lanes, Index: index}
		for _, g := range groups {
			a := g[0]
			if len(g) > 1 {
				a = g[i]
			}
			v.Args = append(v.Args, a)
			if !a.Op.IsMask() {
				v.Lanes = min(v.Lanes, a.Lanes)
			}
		}
		vs[i] = b.add(v)
	}
	return vs
}

// The operations, see [Op].

func (b *Block) Add(x, y V) V           { return b.each(Add, 0, x, y) }
func (b *Block) Sub(x, y V) V           { return b.each(Sub, 0, x, y) }
func (b *Block) Mul(x, y V) V           { return b.each(Mul, 0, x, y) }
func (b *Block) Max(x, y V) V           { return b.each(Max, 0, x, y) }
func (b *Block) Round(x V) V            { return b.each(Round, 0, x) }
func (b *Block) ShiftLeft(x V, n int) V { return b.each(ShiftLeft, n, x) }
func (b *Block) And(x, y V) V           { return b.each(And, 0, x, y) }
func (b *Block) AddInt(x, y V) V        { return b.each(AddInt, 0, x, y) }
func (b *Block) Exp2K64(x V) V          { return b.each(Exp2K64, 0, x) }
func (b *Block) Scalef(x, e V) V        { return b.each(Scalef, 0, x, e) }
func (b *Block) NotLess(x, y V) V       { return b.each(NotLess, 0, x, y) }
func (b *Block) Keep(mask, x V) V       { return b.each(Keep, 0, mask, x) }
func (b *Block) Select(mask, x, y V) V  { return b.each(Select, 0, mask, x, y) }
func (b *Block) AddFirst(x, y V) V      { return b.each(AddFirst, 0, x, y) }
func (b *Block) MaxFirst(x, y V) V      { return b.each(MaxFirst, 0, x, y) }
func (b *Block) FirstHalf(x V) V        { return b.each(FirstHalf, 0, x) }
func (b *Block) UpperHalf(x V) V        { return b.each(UpperHalf, 0, x) }
func (b *Block) Swap(x V, distance int) V {
	return b.each(Swap, distance, x)
}
func (b *Block) LoadSplat() V { return b.each(LoadSplat, 0) }
func (b *Block) TailMask() V  { return b.each(TailMask, 0) }

// MulAdd is x*y + z, rounded once where the kernel is fused and twice
// elsewhere.
func (b *Block) MulAdd(x, y, z V) V {
	if b.f.Fused {
		return b.each(FMA, 0, x, y, z)
	}
	return b.Add(b.Mul(x, y), z)
}

// Splat spreads lane 0 over a full vector.
func (b *Block) Splat(x V) V {
	return V{b.add(&Value{Op: Splat, Args: x, Lanes: b.f.Lanes})}
}

// Fold halves the lanes: op of the lower half and the upper half, in this order.
func (b *Block) Fold(op Op, x V) V {
	lower, upper := b.halves(x)
	return V{b.add(&Value{Op: op, Args: []*Value{lower, upper}, Lanes: upper.Lanes})}
}

// FoldSwapped is Fold with the upper half before the lower one.
func (b *Block) FoldSwapped(op Op, x V) V {
	lower, upper := b.halves(x)
	return V{b.add(&Value{Op: op, Args: []*Value{upper, lower}, Lanes: upper.Lanes})}
}

// halves splits a vector. The lower half is the vector itself: operations on
// fewer lanes look at the lower ones.
func (b *Block) halves(x V) (lower, upper *Value) {
	return x[0], b.add(&Value{Op: High, Args: x, Lanes: x[0].Lanes / 2})
}

// AddPairs adds neighbouring lanes up.
func (b *Block) AddPairs(x V) V {
	return V{b.add(&Value{Op: AddPairs, Args: x, Lanes: x[0].Lanes / 2})}
}

// Reduce folds a vector down to one lane.
func (b *Block) Reduce(op Op, x V) V {
	for x[0].Lanes > 1 {
		if op == Add && b.f.Pairwise {
			x = b.AddPairs(x)
		} else {
			x = b.Fold(op, x)
		}
	}
	return x
}

// LoadTail loads the elements that are left, less than a vector of them. Of a
// mask if the machine has masks for it, else of nothing.
func (b *Block) LoadTail(mask V) V {
	if mask == nil {
		return b.each(LoadTail, 0)
	}
	return b.each(LoadTail, 0, mask)
}

// Prefetch asks for the cache line of the element of that index.
func (b *Block) Prefetch(index int) {
	b.add(&Value{Op: Prefetch, Lanes: b.f.Lanes, Index: index})
}

// StoreTail stores the elements that are left, of a mask or of nothing as LoadTail.
func (b *Block) StoreTail(mask, x V) { b.StoreTailAt(0, mask, x) }

// LoadTailAt is LoadTail of the vector of that index.
func (b *Block) LoadTailAt(vector int, mask V) V {
	return b.each(LoadTail, vector*b.f.Lanes, mask)
}

// StoreTailAt is StoreTail to the vector of that index.
func (b *Block) StoreTailAt(vector int, mask, x V) {
	b.add(&Value{Op: StoreTail, Args: append(mask[:len(mask):len(mask)], x[0]), Lanes: b.f.Lanes, Index: vector * b.f.Lanes})
}

// Guard leaves for the label unless x >= y in lane 0; a NaN is not.
func (b *Block) Guard(x, y V, label string) {
	b.add(&Value{Op: Guard, Args: []*Value{x[0], y[0]}, Lanes: 1, Name: label})
}

// MaxEverywhere is the largest lane in every lane, for NEON.
func (b *Block) MaxEverywhere(x V) V {
	for n := x[0].Lanes; n > 1; n /= 2 {
		x = b.each(MaxPairs, 0, x)
	}
	return x
}

// StoreFirst stores the first n lanes.
func (b *Block) StoreFirst(x V, n int) {
	b.add(&Value{Op: StoreFirst, Args: x, Lanes: b.f.Lanes, Index: n})
}

// Return makes lane 0 the kernel's result of that name.
func (b *Block) Return(name string, x V) {
	b.add(&Value{Op: Return, Args: x, Lanes: 1, Name: name})
}

// Load16 loads whole vectors by LoadHalf or LoadF16.
func (b *Block) Load16(op Op, vectors ...int) (vs V) {
	for _, n := range vectors {
		vs = append(vs, b.each(op, n*b.f.Lanes)...)
	}
	return vs
}

// Load16Tail loads what is left.
func (b *Block) Load16Tail(op Op, mask V) V { return b.each(op, 0, mask) }

// Load16First loads one word into lane 0.
func (b *Block) Load16First(op Op) V { return V{b.add(&Value{Op: op, Lanes: 1})} }

// Pack16 makes words by PackF16.
func (b *Block) Pack16(op Op, x V) V { return b.each(op, 0, x) }

// Store16 stores whole vectors of words.
func (b *Block) Store16(vs V, vectors ...int) {
	for i, n := range vectors {
		b.add(&Value{Op: StoreHalf, Args: []*Value{vs[i]}, Lanes: b.f.Lanes, Index: n * b.f.Lanes})
	}
}

// Everywhere folds the lanes of a vector by an operation that commutes, so that
// every lane has the result.
func (b *Block) Everywhere(op Op, x V) V {
	for distance := x[0].Lanes / 2; distance > 0; distance /= 2 {
		switch {
		case b.f.Pairwise && op == Add:
			x = b.each(AddPairs, 0, x)
		case b.f.Pairwise && op == Max:
			x = b.each(MaxPairs, 0, x)
		default:
			x = b.each(op, 0, x, b.Swap(x, distance))
		}
	}
	return x
}
