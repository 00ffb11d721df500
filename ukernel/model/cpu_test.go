package model

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/cpuid/v2"

	"github.com/twopass-softmax/twopass/internal/cpuop"
	"github.com/twopass-softmax/twopass/internal/f32"
	"github.com/twopass-softmax/twopass/ukernel"
)

//go:embed testdata/cpu.txt
var cpuHashes string

// operation is the model's counterpart of a CPU's.
func operation(op cpuop.Op, isa ukernel.ISA) func(x, y, z float32) float32 {
	two := func(f func(x, y float32) float32) func(x, y, z float32) float32 {
		return func(x, y, _ float32) float32 { return f(x, y) }
	}
	one := func(f func(x float32) float32) func(x, y, z float32) float32 {
		return func(x, _, _ float32) float32 { return f(x) }
	}
	switch op {
	case cpuop.Add:
		return two(add)
	case cpuop.Sub:
		return two(sub)
	case cpuop.Mul:
		return two(mul)
	case cpuop.FMA:
		return f32.FMA
	case cpuop.Max:
		if isa.Arch() == "arm64" {
			return two(maxNEON)
		}
		return two(maxX86)
	case cpuop.Round:
		return one(round)
	case cpuop.Shift23:
		return one(shift23)
	case cpuop.Scalef:
		return two(scalef)
	case cpuop.ZeroBelow:
		return zeroBelow
	case cpuop.Masked:
		return one(func(x float32) float32 { return x })
	case cpuop.MaxNum:
		return two(maxNum)
	}
	panic(op)
}

// operands are hard for a CPU, or for an emulator of one: every triple of
// special values; random bit patterns; products that nearly cancel against the
// third operand; and the neighbourhood of halves, where rounding turns.
func operands() (x, y, z []float32) {
	put := func(a, b, c float32) { x, y, z = append(x, a), append(y, b), append(z, c) }
	bits := math.Float32frombits
	special := []float32{
		0, bits(1 << 31), 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 127, 128, -126, -127, -149, -150, 88.72284, -87.33655,
		bits(1), bits(1<<31 | 1), bits(0x007fffff), bits(0x00800000), bits(0x00800001), bits(0x80800000), // about the least normal
		math.MaxFloat32, -math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)),
		bits(0x7fc00000), bits(0xffc00001), bits(0x7f800001), bits(0xffbfffff), // NaNs, quiet and signaling
		1 << 23, 1<<23 - 0.5, 1<<22 + 0.5, -(1<<23 - 0.5), 1 << 24, 12582912 + 127, // where integers begin
		bits(0x3f800001), bits(0x3f7fffff), bits(0x3effffff), bits(0x3f000001),
	}
	for _, a := range special {
		for _, b := range special {
			for _, c := range special {
				put(a, b, c)
			}
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	const n = 1 << 14
	for range n {
		put(bits(r.Uint32()), bits(r.Uint32()), bits(r.Uint32()))
	}
	for range n {
		a := bits(r.Uint32()&0x807fffff | (64+r.Uint32N(128))<<23)
		b := bits(r.Uint32()&0x807fffff | (64+r.Uint32N(128))<<23)
		c := -bits(math.Float32bits(mul(a, b)) + r.Uint32N(3) - 1)
		put(a, b, c)
	}
	for range n {
		half := float32(int(r.Uint32N(1<<20))-1<<19) / 2
		put(bits(math.Float32bits(half)+r.Uint32N(3)-1), float32(int(r.Uint32N(600))-300)/4, bits(r.Uint32()&0x007fffff))
	}
	for len(x)%16 != 0 {
		put(1, 1, 1)
	}
	return x, y, z
}

// hash is that of the results' bits, with one bit pattern for every NaN.
func hash(results []float32) string {
	h := fnv.New64a()
	var b [4]byte
	for _, v := range results {
		u := math.Float32bits(v)
		if v != v {
			u = 0x7fc00000
		}
		binary.LittleEndian.PutUint32(b[:], u)
		h.Write(b[:])
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// TestCPU holds the CPU's elementary operations against the model's, and both
// against hashes that were recorded on a CPU of Intel's (Emerald Rapids) and, for
// FMAX and FMAXNM, under qemu: an emulator may get the model's own arithmetic wrong. If this test fails, a difference between kernels says
// nothing about the kernels.
func TestCPU(t *testing.T) {
	if got := cpuop.Control(); got != cpuop.DefaultControl {
		t.Errorf("the FPU's control register is %#x, not the default %#x", got, cpuop.DefaultControl)
	}
	recorded := make(map[string]string)
	for line := range strings.Lines(cpuHashes) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		recorded[key] = value
	}
	x, y, z := operands()
	for i := range cpuop.Units {
		u := &cpuop.Units[i]
		t.Run(u.ISA.String(), func(t *testing.T) {
			if !u.ISA.Supported() {
				t.Skipf("this CPU has no %v", u.ISA)
			}
			for _, op := range u.Ops {
				f, want, got := operation(op, u.ISA), make([]float32, len(x)), make([]float32, len(x))
				for i := range x {
					want[i] = f(x[i], y[i], z[i])
					if op == cpuop.Masked && i%u.ISA.Lanes() == u.ISA.Lanes()-1 {
						want[i] = 0
					}
				}
				u.Run(op, got, x, y, z)
				differ := 0
				for i := range want {
					if ukernel.Same(want[i], got[i]) {
						continue
					}
					if differ++; differ <= 3 {
						t.Errorf("%v(%08x, %08x, %08x) = %08x, the model says %08x", op, math.Float32bits(x[i]),
							math.Float32bits(y[i]), math.Float32bits(z[i]), math.Float32bits(got[i]), math.Float32bits(want[i]))
					}
				}
				key := op.String()
				switch op {
				case cpuop.Max:
					key += "." + u.ISA.Arch()
				case cpuop.Masked:
					key += fmt.Sprintf(".%d", u.ISA.Lanes())
				}
				t.Logf("%s %s", key, hash(got))
				if recorded[key] != hash(got) {
					t.Errorf("%s: the results' hash is %s, recorded is %q", key, hash(got), recorded[key])
				}
			}
			t.Logf("%d operands each, on %s (%s)", len(x), cpuid.CPU.BrandName, runtime.GOARCH)
		})
	}
}
