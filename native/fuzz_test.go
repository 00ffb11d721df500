package native

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
)

// floats reads a row from a fuzzer's bytes: any bit patterns.
func floats(data []byte) []float32 {
	x := make([]float32, min(len(data)/4, 1<<14))
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return x
}

// fuzzSetting picks a level and an algorithm.
func fuzzSetting(t *testing.T, pick uint8) Softmaxer {
	isas := Levels()
	algorithms := append(ukernel.Algorithms(), ukernel.Auto)
	n := int(pick)
	return must(t, WithISA(isas[n%len(isas)]), WithAlgorithm(algorithms[n/len(isas)%len(algorithms)]))
}

// FuzzRow holds any row against the reference, at any level and by any
// algorithm, repeated to reach other lengths.
func FuzzRow(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, repeat uint16, pick uint8) {
		x := floats(data)
		if len(x) == 0 {
			return
		}
		x = slices.Repeat(x, 1+int(repeat)%(1+(1<<14)/len(x)))
		s := fuzzSetting(t, pick)
		got := compute(s, x)
		if err := verify(x, got, nan); err != nil {
			t.Errorf("%s: %d elements: %v", s.Explain(len(x)), len(x), err)
		}
		s.Softmax(x, x)
		if !sameRow(x, got.softmax) {
			t.Error("in place differs")
		}
	})
}

// FuzzRows holds rows of any shape and strides against single rows, and what is
// between them against change.
func FuzzRows(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, rows, cols, dstPad, srcPad, pick uint8) {
		values := floats(data)
		if len(values) == 0 || rows == 0 || cols == 0 {
			return
		}
		n, m, ds, ss := int(rows), int(cols), int(cols)+int(dstPad), int(cols)+int(srcPad)
		src := make([]float32, n*ss)
		for i := range src {
			src[i] = values[i%len(values)]
		}
		dst := slices.Repeat([]float32{12345}, n*ds)
		lse := make([]float32, n)
		s := fuzzSetting(t, pick)
		s.SoftmaxRows(dst, src, n, m, ds, ss)
		s.LogSumExpRows(lse, src, n, m, ss)
		for i := range n {
			want := compute(s, src[i*ss:][:m])
			if !sameRow(dst[i*ds:][:m], want.softmax) || !same(lse[i], want.logSumExp) {
				t.Fatalf("row %d of %dx%d differs", i, n, m)
			}
			if slices.ContainsFunc(dst[i*ds+m:(i+1)*ds], func(x float32) bool { return x != 12345 }) {
				t.Fatalf("written behind row %d of %dx%d", i, n, m)
			}
		}
	})
}

// FuzzMask holds masked rows against rows that are masked before.
func FuzzMask(f *testing.F) {
	f.Fuzz(func(t *testing.T, data, mask []byte, keep uint64, offset int16, pick uint8) {
		x, add := floats(data), floats(mask)
		n := min(len(x), len(add))
		if n == 0 {
			return
		}
		x, add = x[:n], add[:n]
		m := Mask{Add: add, Keep: make([]bool, n), Causal: offset >= 0, Offset: int(offset)}
		row := make([]float32, n)
		for i := range row {
			m.Keep[i] = keep>>(i%64)&1 != 0
			if row[i] = x[i] + add[i]; !m.Keep[i] || m.Causal && i > m.Offset {
				row[i] = negInf
			}
		}
		s := fuzzSetting(t, pick)
		if err := verify(row, compute(s.Masked(m), x), nan); err != nil {
			t.Errorf("%+v: %v", m, err)
		}
	})
}

// FuzzAccumulator holds that any 8 bytes are either refused or a sum that can be
// used, and come back as they were.
func FuzzAccumulator(f *testing.F) {
	f.Fuzz(func(t *testing.T, data, row []byte) {
		var a Accumulator
		if err := a.UnmarshalBinary(data); err != nil {
			return
		}
		back, err := a.MarshalBinary()
		if err != nil || !slices.Equal(back, data) && a.sum.mass == a.sum.mass {
			t.Fatalf("% x comes back as % x, %v", data, back, err)
		}
		x := floats(row)
		before, alone := a.sum.mass, refLogSumExp(x)
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

// FuzzHalf holds rows of either half type, any bit patterns, against the
// reference.
func FuzzHalf(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte, brain bool) {
		half := make([]Float16, min(len(data)/2, 1<<13))
		row := make([]float32, len(half))
		for i := range half {
			half[i] = Float16(binary.LittleEndian.Uint16(data[2*i:]))
			if row[i] = half[i].Float32(); brain {
				row[i] = BFloat16(half[i]).Float32()
			}
		}
		got := result{make([]float32, len(row)), make([]float32, len(row)), 0}
		var s Softmaxer
		if brain {
			b := make([]BFloat16, len(half))
			for i := range b {
				b[i] = BFloat16(half[i])
			}
			SoftmaxHalf(s, got.softmax, b)
			LogSoftmaxHalf(s, got.logSoftmax, b)
			got.logSumExp = LogSumExpHalf(s, b)
		} else {
			SoftmaxHalf(s, got.softmax, half)
			LogSoftmaxHalf(s, got.logSoftmax, half)
			got.logSumExp = LogSumExpHalf(s, half)
		}
		if err := verify(row, got, nan); err != nil {
			t.Errorf("%d elements: %v", len(row), err)
		}
	})
}
