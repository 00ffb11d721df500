package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/twopass-softmax/twopass/ukernel"
)

// Results is what the tool writes as JSON.
type Results struct {
	// Tool is llvm-mca's version.
	Tool    string   `json:"tool"`
	Arch    string   `json:"arch"`
	Loops   []Loop   `json:"loops"`
	Skipped []string `json:"skipped,omitempty"`
}

// Loop is the main loop of a kernel on both sides, on one CPU.
type Loop struct {
	Kernel string `json:"kernel"`
	CPU    string `json:"cpu"`
	// Cycles are per element, Ports the least that the execution ports allow.
	Native   Side `json:"native"`
	Upstream Side `json:"upstream"`
	// Ratio is that of the cycles, native's to upstream's.
	Ratio float64 `json:"ratio"`
	// Stalled is whether a side takes far longer than its port limit. There the
	// instructions wait for each other, or the model errs.
	Stalled bool `json:"stalled,omitempty"`
}

// stalledFrom is the cycles from which a loop counts as stalled, in port limits.
const stalledFrom = 1.5

// Side is one side's loop.
type Side struct {
	Elements     int     `json:"elements"`
	Instructions int     `json:"instructions"`
	Cycles       float64 `json:"cycles_per_element"`
	Ports        float64 `json:"port_limit_per_element"`
}

func sideOf(l loop, f figures) Side {
	n := float64(l.elements)
	return Side{Elements: l.elements, Instructions: len(l.body), Cycles: f.Cycles / n, Ports: f.Ports / n}
}

// group sums up loops.
type group struct {
	name, isa, cpu string
	// flowing are the ratios of loops that aren't stalled, ports the port limits
	// relative to native's cycles.
	ratios, flowing, ports []float64
}

func (g *group) add(l Loop) {
	g.ratios = append(g.ratios, l.Ratio)
	if !l.Stalled {
		g.flowing = append(g.flowing, l.Ratio)
	}
	g.ports = append(g.ports, l.Native.Ports/l.Native.Cycles)
}

// groups sums loops up by family, ISA and CPU, and by ISA and CPU.
func groups(loops []Loop) []*group {
	var all []*group
	add := func(name, isa string, l Loop) {
		i := slices.IndexFunc(all, func(g *group) bool { return g.name == name && g.isa == isa && g.cpu == l.CPU })
		if i < 0 {
			i = len(all)
			all = append(all, &group{name: name, isa: isa, cpu: l.CPU})
		}
		all[i].add(l)
	}
	for _, l := range loops {
		k := ukernel.MustParse(l.Kernel)
		add(k.Family.String(), k.ISA.String(), l)
		add(total, k.ISA.String(), l)
	}
	slices.SortStableFunc(all, func(a, b *group) int {
		x, _ := ukernel.ParseISA(a.isa)
		y, _ := ukernel.ParseISA(b.isa)
		return cmp.Or(cmp.Compare(x, y), strings.Compare(a.cpu, b.cpu), cmp.Compare(place(a.name), place(b.name)))
	})
	return all
}

// total is the name of a group over all families.
const total = "all families"

// place is that of a family in tables; the sum comes last.
func place(family string) int {
	for _, f := range ukernel.Families() {
		if f.String() == family {
			return int(f)
		}
	}
	return math.MaxInt
}

func geometricMean(values []float64) float64 {
	logs := 0.0
	for _, v := range values {
		logs += math.Log(v)
	}
	return math.Exp(logs / float64(len(values)))
}

// markdown is a table of the groups, with what was skipped below.
func (r *Results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Cycles per element of the main loops by %s, native / upstream. A loop is stalled if a side takes more than %v times\n"+
		"what its execution ports need: its instructions wait for each other, or the model errs. The last column is the share of\n"+
		"native's cycles that the ports need.\n\n", r.Tool, stalledFrom)
	b.WriteString("| instructions | CPU | family | kernels | geometric mean | least | most | stalled | mean without | port limit |\n")
	b.WriteString("|---|---|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, g := range groups(r.Loops) {
		without := ""
		if len(g.flowing) > 0 {
			without = fmt.Sprintf("%.3f", geometricMean(g.flowing))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %.3f | %.3f | %.3f | %d | %s | %.0f %% |\n", g.isa, g.cpu, g.name, len(g.ratios),
			geometricMean(g.ratios), slices.Min(g.ratios), slices.Max(g.ratios), len(g.ratios)-len(g.flowing), without, 100*geometricMean(g.ports))
	}
	for i, s := range r.Skipped {
		if i == 0 {
			b.WriteString("\nNot analysed:\n\n")
		}
		fmt.Fprintf(&b, "- %s\n", s)
	}
	return b.String()
}

// list is a table of all loops, in cycles per element.
func (r *Results) list() string {
	var b strings.Builder
	b.WriteString("\n| kernel | CPU | native | upstream | ratio | native's port limit | upstream's |\n|---|---|---:|---:|---:|---:|---:|\n")
	for _, l := range r.Loops {
		fmt.Fprintf(&b, "| `%s` | %s | %.3f | %.3f | %.3f | %.3f | %.3f |\n", l.Kernel, l.CPU, l.Native.Cycles, l.Upstream.Cycles, l.Ratio, l.Native.Ports, l.Upstream.Ports)
	}
	return b.String()
}
