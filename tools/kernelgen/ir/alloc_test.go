package ir

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// small is a machine with few registers, so that nearly every block spills.
type small struct {
	registers, masks int
	twoOperand       bool
	reloads          bool
	folds            bool
}

func (m small) Registers() int     { return m.registers }
func (m small) MaskRegisters() int { return m.masks }
func (m small) Tied(v *Value) []int {
	switch {
	case v.Op == FMA:
		return []int{2, 0, 1}
	case m.twoOperand && len(v.Args) > 0 && v.Op.hasResult() && !v.Op.IsMask():
		if v.Op == Keep {
			return []int{1}
		}
		return []int{0}
	}
	return nil
}
func (m small) Reloads() bool                                 { return m.reloads }
func (m small) Folds(v *Value, arg, tied int, kind Kind) bool { return m.folds && arg == len(v.Args)-1 }

// program makes a kernel of random operations on random operands.
func program(r *rand.Rand) *Func {
	f := NewFunc(4, r.IntN(2) == 0)
	vars := f.Vars("x", 1+r.IntN(4))
	b := f.Block(Once, 0, "init")
	for i, x := range vars {
		b.Set(x, b.Const(float32(i)))
	}
	for turn := range 1 + r.IntN(3) {
		b := f.Block([]Test{Once, While, IfAny}[r.IntN(3)], 4, fmt.Sprint("block ", turn))
		pool := V{b.Const(7)[0], b.Const(8)[0], b.Param("p")[0]}
		pool = append(pool, b.Load(0, 1, 2)...)
		pick := func() V { return V{pool[r.IntN(len(pool))]} }
		for range 5 + r.IntN(40) {
			if r.IntN(3) == 0 {
				x := vars[r.IntN(len(vars))]
				pool = append(pool, b.Get(x)...)
			}
			var v V
			switch r.IntN(7) {
			case 0:
				v = b.Add(pick(), pick())
			case 1:
				v = b.Sub(pick(), pick())
			case 2, 3:
				v = b.MulAdd(pick(), pick(), pick())
			case 4:
				v = b.Round(pick())
			case 5:
				v = b.Keep(b.NotLess(pick(), pick()), pick())
			case 6:
				b.Store(pick(), r.IntN(4))
				continue
			}
			pool = append(pool, v...)
			if r.IntN(4) == 0 {
				b.Set(vars[r.IntN(len(vars))], v)
			}
		}
	}
	b = f.Block(Once, 0, "end")
	for i, x := range vars {
		b.Return(fmt.Sprint("r", i), b.Get(x))
	}
	return f
}

// term is a value written out.
func term(v *Value, args []string) string {
	if v.Op == Live {
		panic("a variable has no term of its own")
	}
	return fmt.Sprintf("%v.%d.%d.%s(%s)", v.Op, v.Index, v.Bits, v.Name, strings.Join(args, " "))
}

// short keeps terms from growing exponentially: equal terms get equal numbers.
type short map[string]string

func (s short) of(t string) string {
	if s[t] == "" {
		s[t] = fmt.Sprint("#", len(s))
	}
	return s[t]
}

// meaning runs a kernel as it was written, each block once or, a loop, twice.
func meaning(f *Func, s short) (effects []string) {
	state := make(map[*Var]string)
	for _, b := range f.Blocks {
		for range turns(b) {
			of := make(map[*Value]string)
			for x, v := range b.in {
				of[v] = state[x]
			}
			value := func(v *Value) string {
				if v.pure() {
					return s.of(term(v, nil))
				}
				return of[v]
			}
			for _, o := range b.Ops {
				var args []string
				for _, a := range o.Args {
					args = append(args, value(a))
				}
				of[o] = s.of(term(o, args))
				if !o.Op.hasResult() {
					effects = append(effects, of[o])
				}
			}
			for x, v := range b.out {
				state[x] = value(v)
			}
		}
	}
	return effects
}

func turns(b *Block) int {
	if b.Test == While {
		return 2
	}
	return 1
}

// execute runs a kernel with its registers.
func execute(t *testing.T, p *Plan, s short) (effects []string) {
	at := make(map[Operand]string)
	read := func(o Operand) string {
		if o.Kind == Memory {
			return s.of(term(o.Value, nil))
		}
		if at[o] == "" {
			t.Fatalf("%+v is read before it is written", o)
		}
		return at[o]
	}
	run := func(is []Instr) {
		for _, i := range is {
			if i.Op == Move || i.Op == Spill {
				at[i.Dst] = read(i.Src[0])
				continue
			}
			if i.Tied >= 0 && i.Src[i.Tied] != i.Dst {
				t.Fatalf("%v: source %d is in %+v, not in the result's %+v", i.Op, i.Tied, i.Src[i.Tied], i.Dst)
			}
			var args []string
			for _, o := range i.Src {
				args = append(args, read(o))
			}
			r := s.of(term(i.Value, args))
			if i.Op.hasResult() {
				at[i.Dst] = r
			} else {
				effects = append(effects, r)
			}
		}
	}
	for _, c := range p.Codes {
		run(c.Before)
		for range turns(c.Block) {
			run(c.Instrs)
		}
	}
	return effects
}

// TestAllocate holds that random kernels mean the same with registers as
// without, on machines that have few.
func TestAllocate(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		f := program(r)
		m := small{registers: 8 + r.IntN(3), masks: r.IntN(2) * 7, twoOperand: r.IntN(2) == 0, reloads: r.IntN(2) == 0, folds: r.IntN(2) == 0}
		if m.masks > 0 {
			for _, b := range f.Blocks {
				fuseKeep(b)
			}
		}
		s := make(short)
		want := meaning(f, s)
		p := Allocate(f, m, r.IntN(4))
		if got := execute(t, p, s); !slices.Equal(got, want) {
			t.Fatalf("seed %d: effects %q, want %q", seed, got, want)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// TestGuarded holds that variables stay in their registers up to a guard, however many values
// wait for what comes behind it.
func TestGuarded(t *testing.T) {
	f := NewFunc(4, true)
	f.Guarded = true
	vars := f.Vars("sum", 2)
	b := f.Block(Once, 0, "init")
	b.SetAll(vars, V{b.Const(1)[0], b.Const(2)[0]})
	b = f.Block(While, 16, "turn")
	x := b.Mul(b.Load(0, 1, 2, 3), b.Const(3))
	b.GuardNumber("end", x[:1])
	for i := range x {
		v := vars[i%2]
		b.Set(v, b.Add(b.Get(v), x[i:i+1]))
	}
	p := Allocate(f, small{registers: 5}, len(vars))
	if p.Slots == 0 {
		t.Error("nothing is spilled")
	}
	for _, in := range p.Codes[1].Instrs {
		if in.Op == GuardNumber {
			return
		}
		if in.Op.hasResult() && in.Dst.Kind == Reg && in.Dst.Index < len(vars) {
			t.Errorf("%v overwrites a variable before the guard", in.Op)
		}
	}
	t.Error("no guard")
}
