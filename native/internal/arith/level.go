package arith

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Level is a set of instructions that the kernels come in. All give the same bits.
type Level uint8

// The levels.
const (
	Plain  Level = iota // Go, for every architecture
	AVX2                // 8 lanes a vector: AVX2, FMA, F16C and BMI1
	AVX512              // 16 lanes: AVX-512 F, CD, BW, DQ and VL
	NEON                // 4 lanes
	RVV                 // the V extension of RISC-V: 16 lanes, in registers of 128 bits or more
)

var levelNames = [...]string{Plain: "scalar", AVX2: "avx2", AVX512: "avx512", NEON: "neon", RVV: "rvv"}

func (l Level) String() string { return levelNames[l] }

// arch is the architecture that has the level, of those other than Plain.
func (l Level) arch() string {
	switch l {
	case NEON:
		return "arm64"
	case RVV:
		return "riscv64"
	}
	return "amd64"
}

// Env limits the level: the widest up to the one that it names is used.
const Env = "TWOPASS_ISA"

// Best is the level that is used.
var Best, EnvErr = choose(os.Getenv(Env), Levels())

// aliases are names of upstream's instruction sets, by the level that they limit to. Those
// without vectors of ours are below it.
var aliases = map[string]Level{
	"sse": Plain, "sse2": Plain, "avx": Plain, "avx256skx": AVX2, "avx512f": AVX2, "avx512skx": AVX512, "neonfma": NEON,
}

// choose is the widest of the levels, which are sorted, up to the named one. If the name is
// none of this architecture's, that is the error, and the level is the widest of all.
func choose(name string, levels []Level) (Level, error) {
	best := levels[len(levels)-1]
	if name == "" {
		return best, nil
	}
	limit, ok := aliases[name]
	for l, n := range levelNames {
		if n == name {
			limit, ok = Level(l), true
		}
	}
	if !ok || limit != Plain && limit.arch() != runtime.GOARCH {
		return best, fmt.Errorf("%s=%q is no level of %s; it is ignored", Env, name, runtime.GOARCH)
	}
	for _, l := range levels {
		if l <= limit {
			best = l
		}
	}
	return best, nil
}

// off reports whether GODEBUG switches one of these features of the CPU off, as
// GODEBUG=cpu.avx2=off does for the standard library.
func off(features ...string) (off bool) {
	for setting := range strings.SplitSeq(os.Getenv("GODEBUG"), ",") {
		name, value, _ := strings.Cut(strings.TrimPrefix(setting, "cpu."), "=")
		for _, f := range features {
			if name == f || name == "all" {
				off = value == "off"
			}
		}
	}
	return off
}
