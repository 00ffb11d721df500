// Package modeltest tests functions against the executable model of the kernels with their
// names.
package modeltest

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/inputs"
	"github.com/twopass-softmax/twopass/ukernel/model"
)

var full = flag.Bool("modeltest.full", false, "test kernels at all lengths up to 512, not only where they change course")

// Options say what the kernels of a table may do, and how much to test.
type Options struct {
	// ReadsBeyond permits reads of up to 64 bytes beyond the end of the source, which
	// upstream's SSE and NEON kernels make.
	ReadsBeyond bool
	// Lengths are tested in addition to the usual ones.
	Lengths []int
	// Full tests every length up to 512, a large one, and every alignment, which takes
	// seconds for each kernel. The flag -modeltest.full sets it too.
	Full bool
}

// Test runs each function of a table whose ISA this CPU has, as a subtest with the kernel's name,
// on rows of every class of inputs. Its outputs must have the model's bits wherever the operands
// lie: at either end of their memory, beside pages that must not be touched; at other alignments,
// where nothing around dst may be written; and in place. It must not change the source.
//
// Without [Options].Full, Test takes all classes at lengths near multiples of the kernel's vector
// and tile, and one class at each length up to two tiles and a vector.
func Test(t *testing.T, table []ukernel.Func, o Options) {
	o.Full = o.Full || *full
	for _, f := range table {
		t.Run(f.Name, func(t *testing.T) {
			k, err := ukernel.Parse(f.Name)
			if err != nil {
				t.Fatal(err)
			}
			if !k.ISA.Supported() {
				t.Skip(&ukernel.UnsupportedError{Name: f.Name, ISA: k.ISA})
			}
			n, err := Check(f, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d inputs, 0 differing bits", n)
		})
	}
}

// Input identifies the row and the other operands of a call.
type Input struct {
	Class  inputs.Class
	Length int
	Seed   uint64
	// Place is where in memory the operands lie.
	Place string
}

func (in Input) String() string {
	return fmt.Sprintf("class %v, length %d, seed %d, %s", in.Class, in.Length, in.Seed, in.Place)
}

// Difference is the error for an output that differs from the model's.
type Difference struct {
	Kernel string
	Input  Input
	// Output is what differs: "element 17", "value" or "exponent".
	Output    string
	Got, Want float32
	// Trace has the model's last operations on the element. For a reduction these are
	// the operations on the last element and on none.
	Trace []model.Op
	// Mistake explains all outputs, if a single one does. Slip is the first operation
	// where it shows.
	Mistake model.Fault
	Slip    *model.Slip
}

func (d *Difference) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %v: %s is %#08x (%v), the model's %#08x (%v)", d.Kernel, d.Input, d.Output,
		math.Float32bits(d.Got), d.Got, math.Float32bits(d.Want), d.Want)
	if d.Mistake.Kind != model.NoFault {
		fmt.Fprintf(&b, "\n\tas if by one mistake: %v", d.Mistake)
	}
	if d.Slip != nil {
		fmt.Fprintf(&b, "\n\t%v", d.Slip)
	} else {
		for _, op := range d.Trace {
			fmt.Fprintf(&b, "\n\t%v", op)
		}
	}
	return b.String()
}

// Check tests one function as [Test] does, and returns the number of different rows that it was
// called with. The error is a [*Difference], or says which memory was wrongly touched.
//
// The flag of [Options].Full has no effect here.
func Check(f ukernel.Func, o Options) (n int, err error) {
	k, err := ukernel.Parse(f.Name)
	if err != nil {
		return 0, err
	}
	lengths := quickLengths(k)
	if o.Full {
		lengths = fullLengths()
	}
	lengths = append(lengths, o.Lengths...)
	all := 2*k.Tile + k.Lanes()
	longest := max(all, slices.Max(lengths))
	c := checker{f: f, kernel: k, o: o}
	if c.src, err = newMemory("src", longest); err != nil {
		return 0, err
	}
	defer c.src.free()
	if c.dst, err = newMemory("dst", longest); err != nil {
		return 0, err
	}
	defer c.dst.free()
	if k.Family.Half() || k.Family.Bytes() {
		if c.other, err = newMemory("other", longest); err != nil {
			return 0, err
		}
		defer c.other.free()
		if c.narrow, err = newMemory("narrow", longest); err != nil {
			return 0, err
		}
		defer c.narrow.free()
	}
	classes := inputs.Classes()
	for length := 1; length <= all; length++ {
		if err := c.check(Input{Class: classes[length%len(classes)], Length: length}, n); err != nil {
			return n, err
		}
		n++
	}
	for _, class := range classes {
		for _, length := range lengths {
			for seed := uint64(1); seed <= 2; seed++ {
				if err := c.check(Input{Class: class, Length: length, Seed: seed}, n); err != nil {
					return n, err
				}
				n++
			}
		}
	}
	return n, nil
}

// quickLengths are those on both sides of every step that a kernel takes, and
// one that is long enough to show what shows rarely.
func quickLengths(k ukernel.Kernel) []int {
	lanes, tile := k.Lanes(), k.Tile
	var ns []int
	for n := 1; n <= 2*lanes+1; n++ {
		ns = append(ns, n)
	}
	ns = append(ns, tile-1, tile, tile+1, tile+lanes-1, tile+lanes, 2*tile-1, 2*tile, 3*tile+2*lanes+lanes/2+1, 400)
	slices.Sort(ns)
	ns = slices.Compact(ns)
	return slices.DeleteFunc(ns, func(n int) bool { return n < 1 })
}

func fullLengths() []int {
	var ns []int
	for n := 1; n <= 512; n++ {
		ns = append(ns, n)
	}
	return append(ns, 4099)
}

// checker tests one function.
type checker struct {
	f        ukernel.Func
	kernel   ukernel.Kernel
	o        Options
	src, dst *memory
	// other is the row of narrower numbers that is read, and narrow the one that is written,
	// of families that have one.
	other, narrow *memory
}

// place says at which index of their memories the operands of a call lie.
type place struct {
	name     string
	src, dst func(m *memory, n int) int
	inPlace  bool
}

func start(m *memory, n int) int { return 0 }
func end(m *memory, n int) int   { return len(m.floats) - n }

// inner is an offset from a multiple of 64 bytes, with a margin on either side.
func inner(offset int) func(m *memory, n int) int {
	return func(m *memory, n int) int { return margin + offset }
}

// places lists where to put the operands of the i-th input.
func (c *checker) places(i int) []place {
	ps := []place{{"at the start of memory", start, start, false}}
	if !c.o.ReadsBeyond {
		ps = append(ps, place{"at the end of memory", end, end, false})
	}
	aligned := func(src, dst int) {
		ps = append(ps, place{fmt.Sprintf("offset of src %d and dst %d bytes", 4*src, 4*dst), inner(src), inner(dst), false})
	}
	if c.o.Full {
		for offset := range 16 {
			aligned(offset, (offset+i)%16)
		}
	} else {
		aligned(i%16, i*5%16)
	}
	if c.kernel.Family.Stores() {
		ps = append(ps, place{"in place", inner(i % 16), inner(0), true})
	}
	return ps
}

// check calls the function on one input at every place.
func (c *checker) check(in Input, i int) error {
	row := in.Class.Row(in.Seed, in.Length)
	args := inputs.Args(c.kernel.Family, in.Seed, row)
	want, err := model.Run(c.kernel, args)
	if err != nil {
		return err
	}
	out := args.Dst
	// Rows of narrower numbers; a family has one size of them at most.
	words, bytes := narrow[uint16]{args.Half, args.Dst16}, narrow[uint8]{args.Src8, args.Dst8}
	if !c.kernel.Family.Stores() {
		words.out, bytes.out = nil, nil
	}
	for _, p := range c.places(i) {
		in.Place = p.name
		fail := func(format string, a ...any) error {
			return fmt.Errorf("%s: %v: "+format, append([]any{c.f.Name, in}, a...)...)
		}
		args.Src = c.src.row(p.src(c.src, in.Length), in.Length)
		copy(args.Src, row)
		dst := c.dst.row(p.dst(c.dst, in.Length), in.Length)
		w, b := words.place(c, p, in.Length), bytes.place(c, p, in.Length)
		args.Half, args.Dst16, args.Src8, args.Dst8 = w.in, w.out, b.in, b.out
		args.Dst = nil
		if p.inPlace {
			args.Dst = args.Src
		} else if c.kernel.Family.Stores() {
			args.Dst = dst
		}
		got, err := c.call(args)
		if err != nil {
			return fail("%w", err)
		}
		model.Numbers(c.kernel.Family, args)
		if err := c.compare(in, row, got, want, args.Dst, out); err != nil {
			return err
		}
		for i, x := range row {
			if b := math.Float32bits(args.Src[i]); !p.inPlace && b != math.Float32bits(x) {
				return fail("wrote %#08x to element %d of src", b, i)
			}
		}
		for _, err := range []error{words.check(c, p, w), bytes.check(c, p, b)} {
			if err != nil {
				return fail("%w", err)
			}
		}
		for _, m := range []*memory{c.src, c.dst} {
			if at, ok := touchedOf[uint32](m); ok {
				return fail("wrote to element %d of %s", at, m.name)
			}
		}
	}
	return nil
}

// call calls the function and turns a memory fault into an error.
func (c *checker) call(a ukernel.Args) (r ukernel.Result, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if fault, ok := p.(interface{ Addr() uintptr }); ok {
			for _, m := range []*memory{c.src, c.dst, c.other, c.narrow} {
				if m == nil {
					continue
				}
				if at, ok := m.index(fault.Addr()); ok {
					err = fmt.Errorf("touched element %d of %s", at, m.name)
					return
				}
			}
		}
		panic(p)
	}()
	return c.f.Call(a), nil
}

// compare returns a Difference unless the results and the destinations are the
// same.
func (c *checker) compare(in Input, row []float32, got, want ukernel.Result, dst, out []float32) error {
	d := &Difference{Kernel: c.f.Name, Input: in}
	about := len(row) - 1
	i := 0
	for i < len(out) && ukernel.Same(dst[i], out[i]) {
		i++
	}
	switch {
	case i < len(out):
		d.Output, d.Got, d.Want, about = fmt.Sprintf("element %d", i), dst[i], out[i], i
	case got.Same(c.kernel.Family, want):
		return nil
	case !ukernel.Same(got.Value, want.Value):
		d.Output, d.Got, d.Want = "value", got.Value, want.Value
	default:
		d.Output, d.Got, d.Want = "exponent", got.Exponent, want.Exponent
	}
	a := inputs.Args(c.kernel.Family, in.Seed, row)
	d.Mistake, d.Slip, _ = model.Explain(c.kernel, a, got, dst)
	_, err := model.Trace(c.kernel, a, func(op model.Op) {
		if op.Element == about || op.Element == -1 && i == len(out) {
			d.Trace = append(d.Trace, op)
		}
	})
	const most = 24
	d.Trace = d.Trace[max(0, len(d.Trace)-most):]
	return errors.Join(d, err)
}
