package bits

import (
	"runtime"

	"github.com/twopass-softmax/twopass/ukernel"
)

// Coverage counts upstream's kernels of one family and ISA, and those that were compared.
type Coverage struct {
	Family string `json:"family"`
	ISA    string `json:"isa"`
	// Upstream is the number of upstream's kernels, Twins that of our twins in this
	// build, Ran that of the kernels that were compared. A build for one architecture
	// has no twins of kernels for another.
	Upstream int `json:"upstream"`
	Twins    int `json:"twins"`
	Ran      int `json:"ran"`
	// Inputs, Values and Bits are sums over the kernels that ran.
	Inputs int64 `json:"inputs"`
	Values int64 `json:"values"`
	Bits   int64 `json:"differing_bits"`
	// Why is why some did not run; empty if all did.
	Why string `json:"why,omitempty"`
}

// Cover sums up agreements by family and ISA. Chosen reports whether the user asked for a kernel;
// it only tells why kernels did not run.
func Cover(ours []ukernel.Kernel, chosen func(name string) bool, agreements []Agreement) []Coverage {
	found := make(map[string]Agreement)
	for _, a := range agreements {
		found[a.Kernel] = a
	}
	var all []Coverage
	for _, family := range ukernel.Families() {
		for _, isa := range ukernel.ISAs() {
			c := Coverage{Family: family.String(), ISA: isa.String()}
			asked := 0
			for _, k := range ukernel.Upstream() {
				if k.Family != family || k.ISA != isa {
					continue
				}
				c.Upstream++
				if chosen(k.Name) {
					asked++
				}
				if a, ok := found[k.Name]; ok {
					c.Ran++
					c.Inputs += a.Inputs
					c.Values += a.Values
					c.Bits += a.Bits
				}
			}
			if c.Upstream == 0 {
				continue
			}
			for _, k := range ours {
				if k.Family == family && k.ISA == isa && !k.Ours {
					c.Twins++
				}
			}
			switch {
			case c.Ran == c.Upstream:
			case isa.Arch() != "" && isa.Arch() != runtime.GOARCH:
				c.Why = "for " + isa.Arch()
			case isa == ukernel.AVX512FP16:
				c.Why = "not covered: Go's assembler lacks it"
			case c.Twins == 0:
				c.Why = "no twins"
			case !isa.Supported():
				c.Why = "this CPU has no " + isa.String()
			case asked < c.Upstream:
				c.Why = "not asked for"
			case c.Twins < c.Upstream:
				c.Why = "the others have no twins"
			default:
				c.Why = "not reached"
			}
			all = append(all, c)
		}
	}
	return all
}
