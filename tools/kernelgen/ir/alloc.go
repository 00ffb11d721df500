package ir

import (
	"fmt"
	"slices"
)

// Machine is what the allocator knows about a backend.
type Machine interface {
	// Registers is the number of vector registers.
	Registers() int
	// MaskRegisters is the number of registers for masks; 0 if a mask is a vector.
	MaskRegisters() int
	// Tied lists the arguments, one of which has to share its register with the
	// result, the preferred first; nil if the result may go anywhere.
	Tied(v *Value) []int
	// Reloads reports whether it is better to load a constant than to copy it from
	// another register.
	Reloads() bool
	// Folds reports whether the instruction for v can take its argument arg, of
	// this kind, from memory when the argument tied is in the result's register;
	// tied is -1 for an instruction without.
	Folds(v *Value, arg, tied int, kind Kind) bool
}

// Kind is a place where a value is.
type Kind uint8

// The kinds.
const (
	Reg    Kind = iota // vector register Index
	Mask               // mask register Index
	Slot               // stack slot Index
	Memory             // where the leaf Value comes from: src, a constant, a parameter
)

// Operand is a place.
type Operand struct {
	Kind  Kind
	Index int
	Value *Value // the leaf, of Memory
}

// Instr is an operation with registers.
type Instr struct {
	*Value         // the operation; its Args are those before allocation
	Op     Op      // Move and Spill, or Value.Op
	Dst    Operand // of an operation with a result
	Src    []Operand
	Tied   int // index of the source in the result's register, or -1
}

// Code is a block with registers.
type Code struct {
	*Block
	Before []Instr // once before the block: what stays in registers over its turns
	Instrs []Instr
	Slots  int // stack slots that it needs, and those before it if blocks don't share them
}

// Plan is a kernel with registers.
type Plan struct {
	*Func
	Codes []Code
	Slots int // stack slots of a vector each
}

// Allocate gives registers to all values: the variables keep one each as long as
// there are at most residents of them at a time, and a stack slot otherwise;
// what is left over in a loop goes to the constants that the loop uses most.
func Allocate(f *Func, m Machine, residents int) *Plan {
	a := &allocator{m: m, f: f, home: make(map[*Var]Operand)}
	if m.MaskRegisters() > 0 {
		for _, b := range f.Blocks {
			fuseKeep(b)
		}
	}
	a.homes(residents)
	a.homeSlots = a.slots
	p := &Plan{Func: f}
	for i, b := range f.Blocks {
		p.Codes = append(p.Codes, a.best(i, b))
	}
	p.Slots = a.slots
	return p
}

type allocator struct {
	m     Machine
	f     *Func
	home  map[*Var]Operand // between blocks
	first map[*Var]int     // block
	last  map[*Var]int     // block
	slots int

	homeSlots int // of variables
}

// homes finds out in which blocks the variables live and gives them places.
func (a *allocator) homes(residents int) {
	a.first, a.last = make(map[*Var]int), make(map[*Var]int)
	for i, b := range a.f.Blocks {
		for _, x := range a.f.vars {
			if b.out[x] != nil {
				if _, ok := a.first[x]; !ok {
					a.first[x] = i
				}
				a.last[x] = i
			}
		}
	}
	for i, x := range a.f.vars {
		taken := make(map[Operand]bool)
		for _, y := range a.f.vars[:i] {
			if a.first[x] <= a.last[y] && a.first[y] <= a.last[x] {
				taken[a.home[y]] = true
			}
		}
		h := Operand{Kind: Reg}
		for taken[h] {
			h.Index++
		}
		if h.Index >= residents {
			for h = (Operand{Kind: Slot}); taken[h]; h.Index++ {
			}
			a.slots = max(a.slots, h.Index+1)
		}
		a.home[x] = h
	}
}

// best allocates a block with as many constants in registers as make the block
// cheapest.
func (a *allocator) best(i int, b *Block) Code {
	slots := a.slots
	if a.f.SharedSlots {
		slots = a.homeSlots
	}
	run := func(resident []*Value) (*blockAllocator, bool) {
		x := &blockAllocator{allocator: a, index: i, b: b, slots: slots, at: make(map[*Value]Operand), slot: make(map[*Value]int),
			uses: make(map[*Value][]int), pinned: make(map[*Value]bool)}
		return x, x.run(resident)
	}
	x, ok := run(nil)
	if !ok {
		panic(fmt.Sprintf("ir: block %q does not fit into the registers", b.Comment))
	}
	if b.Test == While || b.Test == EachRow {
		candidates := b.leaves(a.m)
		if b.Test == While && b.Step == a.f.Lanes {
			// The loop over what a main loop left has few turns: only what every
			// turn would have to load by an instruction of its own is worth it.
			candidates = slices.DeleteFunc(candidates, func(v *Value) bool { return v.Op != Param })
		}
		for n := 1; n <= len(candidates); n++ {
			y, ok := run(candidates[:n])
			if ok && a.m.Reloads() && y.slots > x.slots {
				continue // to load a constant again costs less than to spill a value
			}
			if ok && y.cost() < x.cost() {
				x = y
			}
		}
	}
	a.slots = max(a.slots, x.slots)
	x.code.Slots = x.slots
	return x.code
}

// leaves lists the block's constants and parameters for which a register is of
// use, the most used first and parameters before constants.
func (b *Block) leaves(m Machine) []*Value {
	count := make(map[*Value]int)
	var vs []*Value
	for _, o := range b.Ops {
		tied := m.Tied(o)
		for k, v := range o.Args {
			if v.Op == Const && m.Reloads() && len(tied) == 1 && tied[0] == k {
				continue // overwritten, and so loaded every time
			}
			if v.Op == Const || v.Op == Param || v.Op == Table {
				if count[v]++; count[v] == 1 {
					vs = append(vs, v)
				}
			}
		}
	}
	slices.SortStableFunc(vs, func(v, w *Value) int {
		if v.Op != w.Op {
			return int(w.Op) - int(v.Op)
		}
		return count[w] - count[v]
	})
	return vs
}

// blockAllocator is a linear scan over one block. When registers run out, the
// value whose next use is farthest gives its up.
type blockAllocator struct {
	*allocator
	index  int
	b      *Block
	code   Code
	slots  int
	regs   []*Value           // by register
	masks  []*Value           // by mask register
	at     map[*Value]Operand // values in registers
	slot   map[*Value]int     // values in stack slots
	uses   map[*Value][]int   // positions still to come
	pinned map[*Value]bool    // never evicted

	lastGuard int // position of the block's last guard, or -1
}

// cost weighs a block: an instruction more counts as much as four memory
// operands.
func (x *blockAllocator) cost() int {
	c := 0
	for _, i := range x.code.Instrs {
		c += 4
		for _, s := range i.Src {
			if s.Kind == Slot || s.Kind == Memory {
				c++
			}
		}
	}
	return c
}

func (x *blockAllocator) run(resident []*Value) bool {
	x.code.Block = x.b
	x.regs = make([]*Value, x.m.Registers())
	x.masks = make([]*Value, x.m.MaskRegisters())
	for i := range x.b.Scratch {
		v := &Value{}
		x.regs[len(x.regs)-1-i], x.pinned[v] = v, true
	}
	end := len(x.b.Ops)
	x.lastGuard = -1
	for i, o := range x.b.Ops {
		if o.Op.isGuard() {
			x.lastGuard = i
		}
		for _, v := range o.Args {
			if u := x.uses[v]; len(u) == 0 || u[len(u)-1] != i {
				x.uses[v] = append(u, i)
			}
		}
	}
	// What outlives the block is used at its end.
	for _, v := range x.f.vars {
		if out := x.b.out[v]; out != nil && (x.last[v] > x.index || x.b.Test == While) {
			x.uses[out] = append(x.uses[out], end)
		}
		if in := x.b.in[v]; in != nil {
			if h := x.home[v]; h.Kind == Reg {
				x.put(in, h)
				// Where a guard leaves for, the variables are expected at home.
				x.pinned[in] = x.f.Guarded && (x.b.out[v] == in || x.lastGuard >= 0)
			} else {
				x.slot[in] = h.Index
			}
		}
	}
	// Registers of variables that sleep through the block are not for constants.
	asleep := make(map[int]bool)
	for _, v := range x.f.vars {
		if h := x.home[v]; h.Kind == Reg && x.b.in[v] == nil && x.first[v] < x.index && x.index < x.last[v] {
			asleep[h.Index] = true
			x.regs[h.Index] = &Value{}
			x.pinned[x.regs[h.Index]] = true
		}
		if h := x.home[v]; h.Kind == Reg && x.b.out[v] != nil {
			asleep[h.Index] = true
		}
	}
	for _, v := range resident {
		r := slices.IndexFunc(x.regs, func(o *Value) bool { return o == nil })
		for r >= 0 && r < len(x.regs) && (x.regs[r] != nil || asleep[r]) {
			r++
		}
		if r < 0 || r >= len(x.regs) {
			return false
		}
		x.put(v, Operand{Kind: Reg, Index: r})
		x.pinned[v] = true
		x.code.Before = append(x.code.Before, x.move(v, x.at[v], Operand{Kind: Memory, Value: v}))
	}
	if x.m.Reloads() && x.b.Test == While {
		x.store()
	}
	for i, o := range x.b.Ops {
		if !x.op(i, o) {
			return false
		}
		if i == x.lastGuard {
			for v, in := range x.b.in {
				if x.pinned[in] && x.b.out[v] != in {
					x.pinned[in] = false
					if len(x.uses[in]) == 0 {
						x.drop(in)
					}
				}
			}
		}
	}
	return x.settle()
}

// store gives variables that the block leaves alone a stack slot too, if several results overwrite
// copies of them: a load has a slot of its own, a copy takes one from the arithmetic.
func (x *blockAllocator) store() {
	for _, v := range x.f.vars {
		in := x.b.in[v]
		if in == nil || in != x.b.out[v] || !x.pinned[in] {
			continue
		}
		copies := 0
		for _, o := range x.b.Ops {
			if t := x.m.Tied(o); len(t) == 1 && o.Args[t[0]] == in {
				copies++
			}
		}
		if copies > 1 {
			x.slot[in] = x.slots
			x.slots++
			x.code.Before = append(x.code.Before, Instr{Value: in, Op: Spill, Dst: Operand{Kind: Slot, Index: x.slot[in]}, Src: []Operand{x.at[in]}, Tied: -1})
		}
	}
}

func (x *blockAllocator) put(v *Value, o Operand) {
	x.at[v] = o
	if o.Kind == Mask {
		x.masks[o.Index] = v
	} else {
		x.regs[o.Index] = v
	}
}

// drop frees v's register.
func (x *blockAllocator) drop(v *Value) {
	if o, ok := x.at[v]; ok && !x.pinned[v] {
		delete(x.at, v)
		if o.Kind == Mask {
			x.masks[o.Index] = nil
		} else {
			x.regs[o.Index] = nil
		}
	}
}

func (x *blockAllocator) move(v *Value, dst, src Operand) Instr {
	return Instr{Value: v, Op: Move, Dst: dst, Src: []Operand{src}, Tied: -1}
}

func (x *blockAllocator) emit(i Instr) { x.code.Instrs = append(x.code.Instrs, i) }

// next is the position of v's next use.
func (x *blockAllocator) next(v *Value) int {
	if u := x.uses[v]; len(u) > 0 {
		return u[0]
	}
	return 1 << 30
}

// place says where v can be read: a register if it has one.
func (x *blockAllocator) place(v *Value) Operand {
	if o, ok := x.at[v]; ok {
		return o
	}
	if s, ok := x.slot[v]; ok {
		return Operand{Kind: Slot, Index: s}
	}
	if !v.pure() {
		panic(fmt.Sprintf("ir: block %q: a value of %v is nowhere", x.b.Comment, v.Op))
	}
	return Operand{Kind: Memory, Value: v}
}

// free finds a register, preferably that one, and evicts a value for it if need
// be, but none of those kept.
func (x *blockAllocator) free(prefer int, keep []*Value) (Operand, bool) {
	if prefer >= 0 && x.regs[prefer] == nil {
		return Operand{Kind: Reg, Index: prefer}, true
	}
	for r, v := range x.regs {
		if v == nil {
			return Operand{Kind: Reg, Index: r}, true
		}
	}
	var victim *Value
	far := -1
	for _, v := range x.regs {
		if x.pinned[v] || slices.Contains(keep, v) {
			continue
		}
		d := 4 * x.next(v)
		if _, stored := x.slot[v]; stored || v.pure() {
			d += 3 // costs no store
		}
		if d > far {
			far, victim = d, v
		}
	}
	if victim == nil {
		return Operand{}, false
	}
	o := x.at[victim]
	if _, stored := x.slot[victim]; !stored && !victim.pure() {
		x.slot[victim] = x.slots
		x.slots++
		x.emit(Instr{Value: victim, Op: Spill, Dst: Operand{Kind: Slot, Index: x.slot[victim]}, Src: []Operand{o}, Tied: -1})
	}
	x.drop(victim)
	return o, true
}

// ensure brings v into a register.
func (x *blockAllocator) ensure(v *Value, keep []*Value) bool {
	if _, ok := x.at[v]; ok {
		return true
	}
	src := x.place(v)
	o, ok := x.free(-1, keep)
	if ok {
		x.emit(x.move(v, o, src))
		x.put(v, o)
	}
	return ok
}

func (x *blockAllocator) op(i int, o *Value) bool {
	dies := func(v *Value) bool { u := x.uses[v]; return u[len(u)-1] == i && !x.pinned[v] }
	if x.f.Guarded && o.Op.isGuard() {
		for _, v := range x.f.vars {
			if in, h := x.b.in[v], x.home[v]; in != nil && h.Kind == Reg && x.regs[h.Index] != in {
				panic(fmt.Sprintf("ir: block %q: a guard leaves while %s is not at home", x.b.Comment, v.Name))
			}
		}
	}
	tied := -1
	if t := x.m.Tied(o); t != nil {
		tied = x.tie(o, t, dies)
	}
	// One argument may stay in memory; the others have to be in registers.
	var folded *Value
	for k, v := range o.Args {
		if k == tied || v == tiedArg(o, tied) || folded != nil || v.Op.IsMask() {
			continue
		}
		if _, ok := x.at[v]; ok {
			continue
		}
		once := dies(v) || v.Op == Const || v.Op == Param || v.Op == Table
		if once && count(o.Args, v) == 1 && x.m.Folds(o, k, tied, x.place(v).Kind) {
			folded = v
		}
	}
	for k, v := range o.Args {
		if v != folded && k != tied && !x.ensure(v, o.Args) {
			return false
		}
	}
	src := make([]Operand, len(o.Args))
	for k, v := range o.Args {
		if k != tied {
			src[k] = x.place(v)
		}
	}
	in := Instr{Value: o, Op: o.Op, Src: src, Tied: tied}
	if tied >= 0 {
		v := o.Args[tied]
		if _, ok := x.at[v]; ok && dies(v) {
			in.Dst = x.at[v]
		} else {
			from := x.place(v)
			if s, ok := x.slot[v]; ok && x.m.Reloads() {
				from = Operand{Kind: Slot, Index: s}
			} else if v.Op == Const && x.m.Reloads() {
				from = Operand{Kind: Memory, Value: v}
			}
			dst, ok := x.free(-1, o.Args)
			if !ok {
				return false
			}
			x.emit(x.move(v, dst, from))
			in.Dst = dst
		}
		src[tied] = in.Dst
	}
	for _, v := range o.Args {
		if dies(v) {
			x.drop(v)
		}
	}
	for _, v := range o.Args {
		if u := x.uses[v]; len(u) > 0 && u[0] == i {
			x.uses[v] = u[1:]
		}
	}
	if o.Op.hasResult() {
		switch {
		case tied >= 0:
		case o.Op.IsMask() && len(x.masks) > 0:
			k := slices.Index(x.masks, nil)
			if k < 0 {
				return false
			}
			in.Dst = Operand{Kind: Mask, Index: k}
		default:
			dst, ok := x.free(x.prefer(o, src), o.Args)
			if !ok {
				return false
			}
			in.Dst = dst
		}
		x.put(o, in.Dst)
	}
	x.emit(in)
	if o.Op.hasResult() && len(x.uses[o]) == 0 {
		x.drop(o)
	}
	return true
}

func tiedArg(o *Value, tied int) *Value {
	if tied < 0 {
		return nil
	}
	return o.Args[tied]
}

func count(vs []*Value, v *Value) (n int) {
	for _, w := range vs {
		if w == v {
			n++
		}
	}
	return n
}

// tie chooses the argument that the result overwrites: one that dies in its
// register costs nothing, one that has to be loaded anyway little, a copy most.
func (x *blockAllocator) tie(o *Value, candidates []int, dies func(*Value) bool) int {
	best, cost := -1, 1<<30
	for _, k := range candidates {
		v := o.Args[k]
		_, inReg := x.at[v]
		c := 0
		switch {
		case count(o.Args, v) > 1:
			c = 4
		case inReg && dies(v):
		case !inReg && dies(v):
			c = 1
		case !inReg:
			c = 2
		default:
			c = 3
		}
		if c < cost {
			best, cost = k, c
		}
	}
	return best
}

// prefer is the register that a result had best go to: its variable's, or that
// of an argument which is no longer needed.
func (x *blockAllocator) prefer(o *Value, src []Operand) int {
	for _, v := range x.f.vars {
		if h := x.home[v]; x.b.out[v] == o && h.Kind == Reg && x.regs[h.Index] == nil {
			return h.Index
		}
	}
	for _, s := range src {
		if s.Kind == Reg && x.regs[s.Index] == nil {
			return s.Index
		}
	}
	return -1
}

// settle brings the variables home.
func (x *blockAllocator) settle() bool {
	type pair struct {
		v        *Value
		dst, src Operand
	}
	var pending []pair
	for _, v := range x.f.vars {
		out := x.b.out[v]
		if out == nil || x.last[v] == x.index && x.b.Test != While {
			continue
		}
		if p := (pair{out, x.home[v], x.place(out)}); p.dst != p.src {
			pending = append(pending, p)
		}
	}
	busy := func(o Operand) bool {
		return slices.ContainsFunc(pending, func(q pair) bool { return q.src == o }) ||
			slices.ContainsFunc(x.f.vars, func(v *Var) bool { return x.home[v] == o })
	}
	for len(pending) > 0 {
		// A move is safe when nobody reads its destination any more.
		k := slices.IndexFunc(pending, func(p pair) bool {
			return !slices.ContainsFunc(pending, func(q pair) bool { return q != p && q.src == p.dst })
		})
		if k < 0 {
			// Registers that change places in a ring: open it.
			r, ok := x.scratch(busy)
			if !ok {
				return false
			}
			x.emit(x.move(pending[0].v, r, pending[0].src))
			from := pending[0].src
			for i := range pending {
				if pending[i].src == from {
					pending[i].src = r
				}
			}
			continue
		}
		p := pending[k]
		pending = slices.Delete(pending, k, k+1)
		switch {
		case p.dst.Kind == Reg:
			x.emit(x.move(p.v, p.dst, p.src))
		case p.src.Kind == Reg:
			x.emit(Instr{Value: p.v, Op: Spill, Dst: p.dst, Src: []Operand{p.src}, Tied: -1})
		default:
			r, ok := x.scratch(busy)
			if !ok {
				return false
			}
			x.emit(x.move(p.v, r, p.src))
			x.emit(Instr{Value: p.v, Op: Spill, Dst: p.dst, Src: []Operand{r}, Tied: -1})
		}
	}
	return true
}

// scratch finds a register that is neither busy nor pinned.
func (x *blockAllocator) scratch(busy func(Operand) bool) (Operand, bool) {
	for r, v := range x.regs {
		if o := (Operand{Kind: Reg, Index: r}); !x.pinned[v] && !busy(o) {
			return o, true
		}
	}
	return Operand{}, false
}
