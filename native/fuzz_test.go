package native_test

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/native"
)

// floats reads a row from a fuzzer's bytes: any bit patterns.
func floats(data []byte) []float32 {
	x := make([]float32, min(len(data)/4, 1<<14))
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return x
}

// fuzzOptions picks a level and an algorithm.
func fuzzOptions(pick uint8) options {
	n := int(pick)
	return options{level: levels()[n%len(levels())], algorithm: algorithms()[n/len(levels())%len(algorithms())]}
}

// fuzzForms computes a row by the three forms of the Softmaxer, in place where that can
// be, and checks it.
func fuzzForms(t *testing.T, o options, x []float32) {
	s, err := o.softmaxer()
	if err != nil {
		t.Fatal(err)
	}
	visible := len(x)
	if o.causal {
		visible = o.offset + 1
	}
	c := promised(o.level)
	r := newReference(x, o.scale, o.add, o.keep, visible, c.stepwise)
	for _, name := range []string{"Softmaxer.LogSumExp", "Softmaxer.Softmax", "Softmaxer.LogSoftmax"} {
		f := formNamed(name)
		dst, in := make([]float32, len(x)), slices.Clone(x)
		f.run(s, &call{rows: 1, cols: len(x), dst: matrix{f: dst}, src: matrix{f: in}})
		if _, err := r.check(f.what, f32, dst, c, nan); err != nil {
			t.Errorf("%s, %v, %v, %d elements: %v", name, o.level, o.algorithm, len(x), err)
		}
		if f.takes&placing != 0 {
			if f.run(s, &call{rows: 1, cols: len(x), dst: matrix{f: in}, src: matrix{f: in}}); !sameRow(in, dst) {
				t.Errorf("%s: in place differs", name)
			}
		}
	}
}

// FuzzRow holds any row against the reference, at any level and by any
// algorithm, repeated to reach other lengths.
func FuzzRow(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, repeat uint16, pick uint8) {
		if x := floats(data); len(x) > 0 {
			fuzzForms(t, fuzzOptions(pick), slices.Repeat(x, 1+int(repeat)%(1+(1<<14)/len(x))))
		}
	})
}

// FuzzMask is FuzzRow with any masks.
func FuzzMask(f *testing.F) {
	f.Fuzz(func(t *testing.T, data, mask []byte, keep uint64, offset int16, pick uint8) {
		x, add := floats(data), floats(mask)
		n := min(len(x), len(add))
		if n == 0 {
			return
		}
		o := fuzzOptions(pick)
		o.add, o.keep = add[:n], make([]bool, n)
		o.causal, o.offset = offset >= 0, int(offset)
		for i := range o.keep {
			o.keep[i] = keep>>(i%64)&1 != 0
		}
		fuzzForms(t, o, x[:n])
	})
}

// FuzzTable holds any combination of the table of tests.
func FuzzTable(f *testing.F) {
	f.Add(uint8(12), uint8(10), uint16(300), uint64(7))
	f.Fuzz(func(t *testing.T, form, option uint8, cols uint16, seed uint64) {
		c := combination{&forms[int(form)%len(forms)], &optionList[int(option)%len(optionList)], 1 + int(cols)%(1<<13), seed}
		if c.option.needs == ^takes(0) || c.form.takes&c.option.needs != 0 {
			c.try(t)
		}
	})
}

// FuzzAccumulator holds that any 8 bytes are either refused or a sum that can be
// used, and come back as they were.
func FuzzAccumulator(f *testing.F) {
	f.Fuzz(func(t *testing.T, data, row []byte) {
		var a native.Accumulator
		if err := a.UnmarshalBinary(data); err != nil {
			return
		}
		back, err := a.MarshalBinary()
		before := float64(a.LogSumExp())
		if err != nil || !slices.Equal(back, data) && before == before {
			t.Fatalf("% x comes back as % x, %v", data, back, err)
		}
		x := floats(row)
		r := newReference(x, 0, nil, nil, len(x), false)
		alone := r.max + r.log
		a.Add(x)
		got := a.LogSumExp()
		switch {
		case before != before || alone != alone:
			if got == got {
				t.Errorf("log-sum-exp is %g, want NaN", got)
			}
		case math.IsInf(before, 1) || math.IsInf(alone, 1):
			if got != inf {
				t.Errorf("log-sum-exp is %g, want +Inf", got)
			}
		case got != got || float64(got) < alone-1e-6*(1+math.Abs(alone)):
			t.Errorf("log-sum-exp is %g, that of a part of it %g", got, alone)
		}
		a.Softmax(x, x)
	})
}
