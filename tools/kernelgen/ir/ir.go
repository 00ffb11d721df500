// Package ir describes a kernel as straight-line blocks of operations on
// virtual vectors, and gives those vectors registers.
//
// A family of kernels is written once in this vocabulary (package family); what
// a machine makes of it is the business of a backend (package amd64), which
// tells the allocator about its registers and instruction forms by [Machine].
package ir

import (
	"fmt"
)

// Op is an operation on vectors of float32.
type Op uint8

// The vocabulary. "v[i]" is lane i; a mask has a truth value per lane.
const (
	// Leaves: values that come from outside the block.

	Const Op = iota // every lane holds Bits
	Param           // every lane holds the parameter Name
	Load            // src[Index:][:Lanes]
	Live            // what the variable held when the block began

	// Lane by lane.

	Add        // a + b
	Sub        // a - b
	Mul        // a * b
	FMA        // a*b + c, rounded once; where a fourth argument, a mask, is not true: +0
	Max        // the larger of a and b; b where a NaN or two zeros meet, if the machine is an x86
	Round      // to the nearest integer, ties to even
	ShiftLeft  // the bits of a as an integer, shifted left by Index
	And        // the bits that a and b have in common
	AddInt     // the bits of a and b as integers, added
	Exp2K64    // of an integer k below 64: the bits of 2^(k/64), less k << 17
	Scalef     // a * 2^floor(b)
	NotLess    // mask: !(a < b), true for a NaN
	Keep       // of a mask and a: a where the mask is true, +0 elsewhere
	Select     // of a mask, a and b: a where the mask is true, b elsewhere
	AddFirst   // a, with b[0] added to lane 0
	MaxFirst   // a, with Max(a[0], b[0]) in lane 0
	FirstHalf  // a, with +0 in the upper half of the lanes
	UpperHalf  // the upper half of a's lanes in the lower half, anything above
	Swap       // v[i] = a[i^Index]
	Splat      // v[i] = a[0]
	High       // a vector of half as many lanes: the upper half of a
	AddPairs   // a vector of half as many lanes, or that twice: v[i] = a[2i] + a[2i+1]
	MaxPairs   // the same with Max
	LoadSplat  // v[i] = src[0], or the field Name of what the kernel makes of a row
	TailMask   // mask: i < n
	LoadTail   // src[Index+i] where i < n, +0 elsewhere; of a mask, or of nothing where n < Lanes is read bit by bit
	Store      // dst[Index:][:Lanes] = a
	Stream     // the same around the caches; dst[Index] is aligned to a vector
	StoreTail  // dst[Index+i] = a[i] where i < n; of a mask and a, or of a alone where n is read bit by bit
	StoreFirst // dst[i] = a[i] for i < Index
	Return     // the result Name is a[0]
	Guard      // leaves the kernel unless a[0] >= b[0]
	Prefetch   // asks for the cache line of src[Index]
	LoadHalf   // the 16-bit words src[Index:], as many as lanes, each as the bits of a lane; of a mask: where that is true, 0 elsewhere
	LoadF16    // the same as binary16 numbers
	PackF16    // a vector of words: a rounded to binary16
	StoreHalf  // dst[Index:] = the words of a, as many as lanes
	ParamHalf  // every lane holds the binary16 parameter Name
	ReturnHalf // the result Name is the word a[0]
	Join       // of four lanes: the lower two of a, the upper two of b
	ShiftLanes // of four lanes: those of a moved up by Index, and zeros

	// Of the library's kernels.

	State       // a leaf: state[Index:][:Lanes]
	Table       // a leaf: a part of a table, see [Block.Table]; if there are more lanes than words, those again
	StoreState  // state[Index:][:Lanes] = a
	Min         // the smaller of a and b; b where a NaN or two zeros meet
	Lookup      // the word of a table that the low 3 bits of a say; b is the table. Of 4 lanes: its bytes that those of a say, of the table Bits
	MulAddInt   // a*b + c, of integers
	LoadLeft    // src[Index+i] where the row has that, -Inf elsewhere; of a mask if a mask is a vector, else of -Inf
	LeftMask    // mask: whether the row has src[Index+i]
	Greater     // mask: a > b
	GuardAny    // leaves for Name if a mask is true in any lane
	GuardBits   // leaves for Name if any lane of a has one of Bits
	GuardScale  // see [Block.GuardScale]
	GuardLeft   // leaves unless Index elements of the row are left
	GuardFirst  // see [Block.GuardFirst]
	KeepFirst   // a[0] is the bound of GuardFirst
	GuardDouble // leaves for Name unless the float64 a[0] >= b[0]
	Or          // the bits that a or b, or c if there is one, have
	GuardNumber // leaves for Name if the float64 a[0] is a NaN
	GuardSmall  // see [Block.GuardSmall]
	Widen       // the lower half of a's lanes as float64
	AddDouble   // a + b, of float64
	SubDouble
	MulDouble
	DivDouble
	Double     // a leaf: the float64 of the same value as the float32 of Bits
	Narrow     // the float64 a[0] rounded to a float32
	StoreFloat // the parameter Name of state = a[0]

	StoreDouble // the parameter Name of state = the float64 a[0]
	Other       // other[Index:], as many as lanes, of kernels with another operand
	OtherTail   // the same where a mask is true, 0 elsewhere
	LoadLast    // the last vector of the row; of the other operand if Index is 1
	Kept        // mask: whether other[Index+i] is true; if masks are not vectors, a has all bits
	KeptLeft    // the same where the row has the element
	KeptInt     // Kept for Keep alone, if masks are vectors: lanes of 0 or 1 in place of 0 or all bits
	// Every lane holds the row's first element that is prepared to something from -Inf up, or -Inf if there is
	// none. Index is the vectors of 16 of the row, 0 if n is its elements.
	FirstKept  // where the other operand is true
	FirstAdded // src * a + other, the first that is not less than b
	LogTotal   // see [Block.LogTotal]
	LogAlone   // see [Block.LogAlone]
	Certain    // see [Block.Certain]
	First      // mask: of the masks that are the arguments, one after the other, the part of that Index with the first true lane alone

	// Inserted by the allocator.

	Move  // a register gets what another holds, or a value from memory
	Spill // a stack slot gets what a register holds
)

var opNames = [...]string{"const", "param", "load", "live", "add", "sub", "mul", "fma", "max", "round", "shiftleft", "and", "addint", "exp2k64", "scalef",
	"notless", "keep", "select", "addfirst", "maxfirst", "firsthalf", "upperhalf", "swap", "splat", "high", "addpairs", "maxpairs", "loadsplat", "tailmask",
	"loadtail", "store", "stream", "storetail", "storefirst", "return", "guard", "prefetch",
	"loadhalf", "loadf16", "packf16", "storehalf", "paramhalf", "returnhalf", "join", "shiftlanes",
	"state", "table", "storestate", "min", "lookup", "muladdint", "loadleft", "leftmask", "greater", "guardany", "guardbits", "guardscale", "guardleft", "guardfirst", "keepfirst", "guarddouble", "or", "guardnumber", "guardsmall",
	"widen", "adddouble", "subdouble", "muldouble", "divdouble", "double", "narrow", "storefloat", "storedouble", "other", "othertail", "loadlast", "kept", "keptleft", "keptint", "firstkept", "firstadded", "logtotal", "logalone", "certain", "first", "move", "spill"}

func (o Op) String() string { return opNames[o] }

// IsMask reports whether the operation's result is a mask.
func (o Op) IsMask() bool {
	return o == NotLess || o == TailMask || o == LeftMask || o == Greater || o == First || o == Kept || o == KeptLeft || o == KeptInt
}

func (o Op) isGuard() bool {
	switch o {
	case Guard, GuardAny, GuardBits, GuardScale, GuardLeft, GuardFirst, KeepFirst, GuardDouble, GuardNumber, GuardSmall, LogAlone, Certain:
		return true
	}
	return false
}

// hasResult reports whether the operation makes a value.
func (o Op) hasResult() bool {
	switch o {
	case Store, Stream, StoreTail, StoreFirst, Return, Guard, Prefetch, StoreHalf, ReturnHalf,
		StoreState, GuardAny, GuardBits, GuardScale, GuardLeft, GuardFirst, KeepFirst, GuardDouble, GuardNumber, GuardSmall, StoreFloat, StoreDouble, LogAlone:
		return false
	}
	return true
}

// Value is an operation and, for those that make one, its result. It is
// assigned once.
type Value struct {
	Op    Op
	Args  []*Value
	Lanes int    // of the result; of the argument for an operation without one
	Bits  uint32 // Const
	Bound uint32 // GuardSmall
	Name  string // Param, Return
	Index int    // the immediate that the operation's comment speaks of
	Note  string // a comment for the line before it
}

// pure reports whether the value can be had again from outside the block at any
// time: no register needs to hold on to it. Within one turn of a block nobody
// writes to an element of src before its last use, even when dst is src.
func (v *Value) pure() bool {
	return v.Op == Const || v.Op == Param || v.Op == Load || v.Op == State || v.Op == Table || v.Op == Double
}

// V is a group of values: what a description does to one it does to all, stage
// by stage, and so the group's members overlap in the processor's pipelines.
type V []*Value

// Var is a value that outlives a block, such as an accumulator.
type Var struct{ Name string }

// Test says when a block runs. n is the number of elements left.
type Test uint8

// The tests.
const (
	Once      Test = iota // always
	While                 // again and again, while n >= Step; each turn takes Step elements
	IfAny                 // if n > 0
	IfBit                 // if n & Step != 0; it takes Step elements
	EachRow               // for each row, of rows of up to Step elements, of which the last vector has n
	Row                   // from here to RowDone for each row; n is its elements
	Results               // the same, but src to what was written to dst
	RowDone               // always; on to the next row, of those of up to Step elements at "short"; and behind this block if there is none
	ToAligned             // if dst is not aligned to a vector; it takes the elements, but n at most, that lie before

	// Of the library's kernels.

	Resume // always; n is what there is of the row from src on
	Again  // always; src and dst to the beginning of the row of Row again
	Longer // what the block of EachRow before goes to for rows that it leaves; n is its elements
	Far    // from here to RowDone for a row that a block of Longer left
	OneRow // what the block of EachRow before goes to for a row that it leaves; then back
	// The second pass of a row is put off until the sum of the next one is on its way.
	Before  // if a row's second pass was put off: src and dst to what was written of it, of which n elements
	PutOff  // the same, but goes on at "now" for a row of more than Step elements or a single one, and behind at "put"
	Putting // always; puts the row's second pass off
	Only    // if n <= Step, or n = Step = Full, for the one row there is; then the kernel is done
	UpTo    // if 0 < n <= Step; it takes them all, and goes on behind the tests of this kind that follow
)

// Block is a piece of a kernel without branches.
type Block struct {
	Test    Test
	Step    int
	Full    int  // of a block that takes up to Step elements: how many of them there are for sure
	Less    bool // than Step elements, as another block takes those
	Comment string
	Label   string // where guards leave for, if not empty
	Goto    string // the label where it goes on, if not empty
	Ops     []*Value
	Scratch int // how many of the last registers are left to operations that need more than operands and result

	f       *Func
	in, out map[*Var]*Value
	groups  []int // where in Ops each group begins
	note    string
}

// Func is a kernel: its blocks run one after the other.
type Func struct {
	Lanes int // of a full vector
	// Fused says whether MulAdd rounds once.
	Fused bool
	// Pairwise says whether Reduce adds neighbouring lanes up, rather than the
	// halves of a vector.
	Pairwise bool
	// VectorMasks says whether a mask is a vector.
	VectorMasks bool
	// SharedSlots says whether blocks may use the same stack slots for what they spill.
	SharedSlots bool
	// Guarded says whether guards leave for other blocks.
	Guarded bool
	Blocks  []*Block

	leaves map[string]*Value
	vars   []*Var
}

// NewFunc makes a kernel without blocks, for vectors of so many lanes.
func NewFunc(lanes int, fused bool) *Func {
	return &Func{Lanes: lanes, Fused: fused, leaves: make(map[string]*Value)}
}

// Vars makes n variables, named name0, name1 and so on.
func (f *Func) Vars(name string, n int) []*Var {
	vs := make([]*Var, n)
	for i := range vs {
		vs[i] = &Var{fmt.Sprint(name, i)}
	}
	f.vars = append(f.vars, vs...)
	return vs
}

// Block adds a block that runs as test says.
func (f *Func) Block(test Test, step int, comment string) *Block {
	b := &Block{Test: test, Step: step, Comment: comment, f: f, in: make(map[*Var]*Value), out: make(map[*Var]*Value)}
	f.Blocks = append(f.Blocks, b)
	return b
}

// leaf returns the function's one value for a constant or a parameter.
func (f *Func) leaf(v Value) V {
	v.Lanes = f.Lanes
	key := fmt.Sprint(v.Op, v.Bits, v.Name)
	if f.leaves[key] == nil {
		f.leaves[key] = &v
	}
	return V{f.leaves[key]}
}

// Get returns what the variables hold at this point of the block.
func (b *Block) Get(vars ...*Var) V {
	vs := make(V, len(vars))
	for i, x := range vars {
		if b.out[x] == nil {
			v := &Value{Op: Live, Name: x.Name, Lanes: b.f.Lanes}
			b.in[x], b.out[x] = v, v
		}
		vs[i] = b.out[x]
	}
	return vs
}

// Set gives the variable a value; all variables of a block keep theirs for the
// next block.
func (b *Block) Set(x *Var, v V) { b.out[x] = v[0] }

// SetAll gives each variable its value of the group.
func (b *Block) SetAll(xs []*Var, vs V) {
	for i, x := range xs {
		b.out[x] = vs[i]
	}
}
