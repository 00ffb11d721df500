// Package machine describes the computer that a program runs on.
package machine

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/klauspost/cpuid/v2"

	"github.com/twopass-softmax/twopass/ukernel"
)

// Machine describes a computer.
type Machine struct {
	CPU      string `json:"cpu"`
	Vendor   string `json:"vendor"`
	Family   int    `json:"family"`
	Model    int    `json:"model"`
	Stepping int    `json:"stepping"`
	// Level is the x86-64 microarchitecture level; 0 on other architectures.
	Level int `json:"x86_64_level,omitempty"`
	// ISAs are the instruction sets of kernels that the CPU runs.
	ISAs []string `json:"isas"`
	// CPUs is the number of CPUs that the process may use.
	CPUs int `json:"cpus"`
	// Hypervisor names the one that the process runs under; empty if none. It disturbs
	// timing, and others may share the caches.
	Hypervisor string `json:"hypervisor,omitempty"`
	// Emulator names the program that emulates the CPU, and the CPU's model; empty for a
	// real CPU. Times under an emulator mean nothing.
	Emulator string `json:"emulator,omitempty"`
	// Caches in bytes, of a core or shared; 0 if unknown.
	L1D int `json:"l1d"`
	L2  int `json:"l2"`
	L3  int `json:"l3"`
	// Memory in bytes; 0 if unknown.
	Memory int    `json:"memory"`
	OS     string `json:"os"`
	Arch   string `json:"arch"`
}

// This describes the machine that the program runs on.
func This() Machine {
	c := &cpuid.CPU
	hypervisor := ""
	if c.VM() {
		hypervisor = c.HypervisorVendorID.String()
	}
	m := Machine{
		CPU: strings.Join(strings.Fields(c.BrandName), " "), Vendor: c.VendorString,
		Family: c.Family, Model: c.Model, Stepping: c.Stepping, Level: c.X64Level(),
		CPUs: runtime.GOMAXPROCS(0), Hypervisor: hypervisor, Emulator: os.Getenv("TWOPASS_EMULATOR"),
		L1D: max(c.Cache.L1D, 0), L2: max(c.Cache.L2, 0), L3: max(c.Cache.L3, 0),
		Memory: memory("MemTotal"), OS: runtime.GOOS, Arch: runtime.GOARCH,
	}
	if m.CPU == "" {
		m.CPU = "unnamed " + runtime.GOARCH + " CPU"
	}
	for _, isa := range ukernel.ISAs() {
		if isa.Supported() {
			m.ISAs = append(m.ISAs, isa.String())
		}
	}
	return m
}

// Microarchitecture names the design of the CPU, or returns "unknown". It knows designs by vendor,
// family and model, from Linux's intel-family.h and amd.c.
func (m Machine) Microarchitecture() string {
	in := func(ranges ...[2]int) bool {
		return slices.ContainsFunc(ranges, func(r [2]int) bool { return r[0] <= m.Model && m.Model <= r[1] })
	}
	switch {
	case m.Vendor == "GenuineIntel" && m.Family == 6:
		switch m.Model {
		case 85:
			switch {
			case m.Stepping <= 4:
				return "Skylake"
			case m.Stepping <= 7:
				return "Cascade Lake"
			}
			return "Cooper Lake"
		case 106, 108:
			return "Ice Lake"
		case 143:
			return "Sapphire Rapids"
		case 207:
			return "Emerald Rapids"
		case 173, 174:
			return "Granite Rapids"
		}
	case m.Vendor == "AuthenticAMD" && m.Family == 25:
		switch {
		case in([2]int{0x00, 0x0f}, [2]int{0x20, 0x5f}):
			return "Zen 3"
		case in([2]int{0x10, 0x1f}, [2]int{0x60, 0xaf}):
			return "Zen 4"
		}
	case m.Vendor == "AuthenticAMD" && m.Family == 26 && in([2]int{0x00, 0x2f}, [2]int{0x40, 0x4f}, [2]int{0x60, 0x7f}):
		return "Zen 5"
	}
	return "unknown"
}

// memory returns an entry of Linux's /proc/meminfo in bytes; 0 on other systems.
func memory(entry string) int {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		var kib int
		if rest, ok := strings.CutPrefix(lines.Text(), entry+":"); ok {
			if _, err := fmt.Sscan(rest, &kib); err == nil {
				return kib << 10
			}
		}
	}
	return 0
}

// Lengths are lengths of rows that lie in a cache or in memory.
type Lengths struct {
	// A row of length L1 or L2 and its output take half of that cache; of length Memory,
	// twice the last level.
	L1, L2, Memory int
	// Capped reports whether Memory is shorter because there is too little memory.
	Capped bool
}

// Lengths chooses lengths for the machine. The defaults for unknown caches are 32 KiB, 512 KiB
// and 32 MiB.
func (m Machine) Lengths() Lengths {
	const bytesPerElement = 8 // a row and an output
	l2 := cmp.Or(m.L2, 512<<10)
	last := max(cmp.Or(m.L3, 32<<20), l2)
	l := Lengths{
		L1: cmp.Or(m.L1D, 32<<10) / 2 / bytesPerElement,
		L2: l2 / 2 / bytesPerElement,
	}
	// Twice what the caches hold leaves nothing of the row's beginning in them
	// when a pass ends; more only takes time.
	size, most := 2*last, cmp.Or(memory("MemAvailable"), 4<<30)/8
	l.Capped = size > most
	l.Memory = min(size, most) / bytesPerElement
	return l
}

// Where returns the cache that a row of n elements and its output fit, "L1", "L2" or "L3", or
// else "memory".
func (m Machine) Where(n int) string {
	for _, c := range []struct {
		name string
		size int
	}{{"L1", m.L1D}, {"L2", m.L2}, {"L3", m.L3}} {
		if c.size > 0 && 8*n <= c.size {
			return c.name
		}
	}
	return "memory"
}
