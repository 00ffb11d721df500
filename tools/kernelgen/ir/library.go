package ir

import (
	"math"
	"slices"
)

// Operations of the library's kernels, see [Op].

// State loads a vector from the kernel's state, from the float32 of that index.
func (b *Block) State(index int) V {
	return V{&Value{Op: State, Lanes: b.f.Lanes, Index: index}}
}

// StoreState stores a vector there.
func (b *Block) StoreState(x V, index int) { b.effect(StoreState, b.f.Lanes, index, "", x) }

// StoreFloat stores lane 0 as the parameter of that name.
func (b *Block) StoreFloat(name string, x V) { b.effect(StoreFloat, 1, 0, name, x) }

// StoreDouble stores a float64 as the parameter of that name.
func (b *Block) StoreDouble(name string, x V) { b.effect(StoreDouble, 2, 0, name, x) }

// LoadFirst loads src[0] into lane 0.
func (b *Block) LoadFirst() V { return V{b.add(&Value{Op: LoadSplat, Lanes: 1})} }

// Field is a field of what a row's results go to, which unlike a Param another row has another of.
func (b *Block) Field(name string) V {
	return V{b.add(&Value{Op: LoadSplat, Lanes: b.f.Lanes, Name: name})}
}

// First is masks of which no lane is true but the first one of all of the given masks'.
func (b *Block) First(masks V) (vs V) {
	for i := range masks {
		vs = append(vs, b.add(&Value{Op: First, Args: slices.Clone(masks), Lanes: b.f.Lanes, Index: i}))
	}
	return vs
}

func (b *Block) Min(x, y V) V { return b.each(Min, 0, x, y) }

// Table is a table of eight words in as many vectors as that takes; there are three.
func (b *Block) Table(number uint32) (vs V) {
	for i := uint32(0); i < 8; i += uint32(b.f.Lanes) {
		vs = append(vs, b.f.leaf(Value{Op: Table, Bits: 8*number + i})...)
	}
	return vs
}

// Lookup is the word of a table of eight that the low three bits of x say. A machine with
// fewer lanes has the table in registers of its own and looks up bytes.
func (b *Block) Lookup(x, table V) V {
	l := Value{Op: Lookup, Lanes: b.f.Lanes}
	if b.f.Lanes < 8 {
		l.Bits, table = table[0].Bits, nil
		x = b.each(And, 0, x, b.Bits(7))
		x = b.each(MulAddInt, 0, x, b.Bits(0x04040404), b.Bits(0x03020100))
	}
	vs := make(V, len(x))
	for i := range x {
		v := l
		v.Args = append(V{x[i]}, table...)
		vs[i] = b.add(&v)
	}
	return vs
}

// Or is the bits that any of the vectors has, of three at a time if the machine has masks.
func (b *Block) Or(x V) V {
	for len(x) > 1 {
		n := 2
		if !b.f.VectorMasks && len(x) > 2 {
			n = 3
		}
		x = append(V{b.add(&Value{Op: Or, Args: slices.Clone(x[:n]), Lanes: b.f.Lanes})}, x[n:]...)
	}
	return x
}

// LeftMask is whether the row has the elements of the vector of that index.
func (b *Block) LeftMask(vector int) V { return b.each(LeftMask, vector*b.f.Lanes) }

// LoadLeft loads the vector of that index, with -Inf in the lanes that the row lacks.
func (b *Block) LoadLeft(vector int) V {
	if b.f.VectorMasks {
		return b.each(LoadLeft, vector*b.f.Lanes, b.LeftMask(vector))
	}
	return b.each(LoadLeft, vector*b.f.Lanes, b.Const(float32(math.Inf(-1))))
}

// StoreLeft stores the lanes that the row has to the vector of that index.
func (b *Block) StoreLeft(x V, vector int) { b.StoreTailAt(vector, b.LeftMask(vector), x) }

func (b *Block) Greater(x, y V) V { return b.each(Greater, 0, x, y) }

// GuardGreater leaves for the label if any lane of x is greater than that of y.
func (b *Block) GuardGreater(label string, x, y V) {
	b.effect(GuardAny, b.f.Lanes, 0, label, b.Greater(x, y))
}

// GuardNotLess leaves for the label if any lane of x is not less than that of y, or a NaN.
func (b *Block) GuardNotLess(label string, x, y V) {
	b.effect(GuardAny, b.f.Lanes, 0, label, b.NotLess(x, y))
}

// Other loads the vector of that index of the other operand, OtherTail its lanes where a mask is true.
func (b *Block) Other(vector int) V { return b.each(Other, vector*b.f.Lanes) }

func (b *Block) OtherTail(vector int, mask V) V {
	return b.each(OtherTail, vector*b.f.Lanes, mask)
}

// LoadLast and OtherLast load the last vector of the row's n elements, or of its other operand.
func (b *Block) LoadLast() V  { return b.each(LoadLast, 0) }
func (b *Block) OtherLast() V { return b.each(LoadLast, 1) }

// Kept is where the other operand, of bools, is true; KeptLeft also whether the row has the element.
func (b *Block) Kept(vector int) V     { return b.kept(Kept, vector) }
func (b *Block) KeptLeft(vector int) V { return b.kept(KeptLeft, vector) }

// KeptInt is [Block.Kept] in a cheaper form, which only [Block.Keep] takes.
func (b *Block) KeptInt(vector int) V {
	if b.f.VectorMasks {
		return b.each(KeptInt, vector*b.f.Lanes)
	}
	return b.Kept(vector)
}

func (b *Block) kept(op Op, vector int) V {
	if b.f.VectorMasks {
		return b.each(op, vector*b.f.Lanes)
	}
	return b.each(op, vector*b.f.Lanes, b.Bits(math.MaxUint32))
}

// FirstKept and FirstAdded look for the element that N comes from in a row of so many vectors of 16, of which
// the last may be a part, or of n elements if that is 0.
func (b *Block) FirstKept(vectors int) V { return b.each(FirstKept, vectors) }
func (b *Block) FirstAdded(vectors int, mul, low V) V {
	return b.each(FirstAdded, vectors, mul, low)
}

// GuardBits leaves for the label if any lane of x has one of these bits.
func (b *Block) GuardBits(label string, x V, bits uint32) {
	b.effect(GuardBits, b.f.Lanes, 0, label, x)
	b.Ops[len(b.Ops)-1].Bits = bits
}

// GuardScale leaves for the label unless the parameter kHi is between 2^-40 and 2^40, and
// x * kHi for no float32 x an integer below 2^21 but 0: one of its last three bits is set.
func (b *Block) GuardScale(label string) { b.effect(GuardScale, 1, 0, label) }

// GuardLeft leaves for the label unless that many elements of the row are left.
func (b *Block) GuardLeft(label string, elements int) { b.effect(GuardLeft, 1, elements, label) }

// GuardFirst leaves for the label if src[0], without its sign, is above the bound, or if that
// is 0 above the one of KeepFirst, by general registers: the others are busy. The rows of
// [EachRow] may do that.
func (b *Block) GuardFirst(label string, bound float32) {
	b.effect(GuardFirst, 1, 0, label)
	b.Ops[len(b.Ops)-1].Bits = math.Float32bits(bound)
}
func (b *Block) KeepFirst(x V) { b.effect(KeepFirst, 1, 0, "", x) }

// GuardDouble leaves for the label unless the float64 x >= y; a NaN is not.
func (b *Block) GuardDouble(x, y V, label string) { b.effect(GuardDouble, 2, 0, label, x, y) }

// GuardNumber leaves for the label if the float64 x is a NaN.
func (b *Block) GuardNumber(label string, x V) { b.effect(GuardNumber, 2, 0, label, x) }

// GuardSmall goes on with a copy of what follows in the block if the size of low, a factor's lower float, is
// below least, as its products may then be denormal. In that copy both floats are taken up times, the lower
// one of it as a float64, and the results of multiply-adds down times. It leaves for the label unless high is
// above bound.
func (b *Block) GuardSmall(label string, high, low, double V, least, bound float32) {
	b.effect(GuardSmall, b.f.Lanes, 0, label, high, low, double)
	v := b.Ops[len(b.Ops)-1]
	v.Bits, v.Bound = math.Float32bits(least), math.Float32bits(bound)
}

// Double is a float64 that a float32 holds.
func (b *Block) Double(x float32) V {
	v := b.f.leaf(Value{Op: Double, Bits: math.Float32bits(x)})
	v[0].Lanes = 2
	return v
}

// Widen is a vector, or its lane 0 alone, as vectors of float64.
func (b *Block) Widen(x V) V {
	if x[0].Lanes == 1 {
		return V{b.add(&Value{Op: Widen, Args: x, Lanes: 2})}
	}
	var vs V
	for i := range x {
		_, upper := b.halves(x[i : i+1])
		for _, half := range []*Value{x[i], upper} {
			vs = append(vs, b.add(&Value{Op: Widen, Args: V{half}, Lanes: x[i].Lanes}))
		}
	}
	return vs
}

// WidenFirst is a vector's lane 0 as a float64.
func (b *Block) WidenFirst(x V) V { return V{b.add(&Value{Op: Widen, Args: x, Lanes: 2})} }

// Narrow is a float64 rounded to a float32.
func (b *Block) Narrow(x V) V { return V{b.add(&Value{Op: Narrow, Args: x, Lanes: 1})} }

// ByHalves adds the lanes of vectors of float64 up: the upper half of all to the lower
// one, again and again.
func (b *Block) ByHalves(x V) V {
	for len(x) > 1 {
		n := len(x) / 2
		x = b.AddDouble(x[:n], x[n:])
	}
	for x[0].Lanes > 2 {
		lower, upper := b.halves(x)
		x = V{b.add(&Value{Op: AddDouble, Args: V{lower, upper}, Lanes: upper.Lanes})}
	}
	return x
}

func (b *Block) AddDouble(x, y V) V { return b.each(AddDouble, 0, x, y) }
func (b *Block) SubDouble(x, y V) V { return b.each(SubDouble, 0, x, y) }
func (b *Block) MulDouble(x, y V) V { return b.each(MulDouble, 0, x, y) }
func (b *Block) DivDouble(x, y V) V { return b.each(DivDouble, 0, x, y) }

// Note puts a comment before the operation that is next.
func (b *Block) Note(text string) { b.note = text }

// effect appends an operation without a result.
func (b *Block) effect(op Op, lanes, index int, name string, args ...V) {
	v := &Value{Op: op, Lanes: lanes, Index: index, Name: name}
	for _, a := range args {
		v.Args = append(v.Args, a[0])
	}
	b.add(v)
}

// logScratch is how many registers a logarithm uses besides its operands.
const logScratch = 3

// LogTotal is the logarithm of total * 2^N in float64, with an error of at most 2^-44 and two roundings of a number of
// its size. The last 12 bits of minusN, a float in every lane, are those of -N, and N is from -900 to 900.
func (b *Block) LogTotal(total, minusN V) V {
	b.Scratch = logScratch
	return V{b.add(&Value{Op: LogTotal, Args: V{total[0], minusN[0]}, Lanes: 2})}
}

// Certain is the float64 x - log(K) rounded to a float32. It leaves for the label if some number within 2^-41 of that
// rounds to another float32.
func (b *Block) Certain(x V, label string) V {
	return V{b.add(&Value{Op: Certain, Args: x, Lanes: 1, Name: label})}
}

// LogAlone ends the kernel if dst is nil, with Certain of x as the result y.
func (b *Block) LogAlone(x V, label string) { b.effect(LogAlone, 2, 0, label, x) }
