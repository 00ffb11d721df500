package ir

// Operations of kernels of binary16 numbers.

// Load16Part loads 4, 2 or 1 binary16 numbers into the lower lanes.
func (b *Block) Load16Part(op Op, n int) V { return V{b.add(&Value{Op: op, Lanes: n})} }

// Store16Part stores the first 4, 2 or 1 words.
func (b *Block) Store16Part(x V, n int) { b.add(&Value{Op: StoreHalf, Args: x, Lanes: n}) }

// ParamHalf is the kernel's binary16 parameter of that name, in every lane.
func (b *Block) ParamHalf(name string) V {
	return V{b.add(&Value{Op: ParamHalf, Name: name, Lanes: b.f.Lanes})}
}

// ReturnHalf makes the first word the kernel's result of that name.
func (b *Block) ReturnHalf(name string, x V) {
	b.add(&Value{Op: ReturnHalf, Args: x, Lanes: 1, Name: name})
}

// Join is x in the lower two lanes and y in the two above.
func (b *Block) Join(x, y V) V {
	return V{b.add(&Value{Op: Join, Args: []*Value{x[0], y[0]}, Lanes: 4})}
}

// AddIn and MaxIn are Add and Max of so many lanes, whatever the lanes of x and y.
func (b *Block) AddIn(x, y V, lanes int) V { return b.of(Add, x, y, lanes) }
func (b *Block) MaxIn(x, y V, lanes int) V { return b.of(Max, x, y, lanes) }

func (b *Block) of(op Op, x, y V, lanes int) V {
	return V{b.add(&Value{Op: op, Args: []*Value{x[0], y[0]}, Lanes: lanes})}
}

// FoldTo is Fold of the lower 2*lanes lanes of x, whatever its lanes.
func (b *Block) FoldTo(op Op, x V, lanes int) V {
	upper := V{b.add(&Value{Op: High, Args: x, Lanes: lanes})}
	return b.of(op, x, upper, lanes)
}

// ShiftLanes moves the lower four lanes up by n, and zeros in.
func (b *Block) ShiftLanes(x V, n int) V {
	return V{b.add(&Value{Op: ShiftLanes, Args: x, Lanes: 4, Index: n})}
}

// AddPairsIn is AddPairs of so many lanes, in as many.
func (b *Block) AddPairsIn(x V, lanes int) V {
	return V{b.add(&Value{Op: AddPairs, Args: x, Lanes: lanes})}
}
