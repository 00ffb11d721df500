package native

import (
	"github.com/klauspost/cpuid/v2"

	"github.com/twopass-softmax/twopass/ukernel"
)

// tuning is what Auto does on a family of CPUs that was measured.
type tuning struct {
	vendor cpuid.Vendor
	family int
	lanes  int // of the level's vectors
	// The algorithm for rows of from elements and more. Below it is reload.
	algorithm ukernel.Algorithm
	from      int
	evidence  string
}

// tuned has a line for each family of CPUs that was measured, as compare tune
// prints it. Others follow a rule: see far.
var tuned = [...]tuning{
	{cpuid.AMD, 26, 16, ukernel.ThreePassRecompute, 1 << 21, "results/amd-zen5.json"},
	{cpuid.AMD, 26, 8, ukernel.ThreePassRecompute, 1 << 22, "results/amd-zen5-avx2.json"},
}

// tuning is the line for this CPU and the level, nil if there is none.
func (e *engine) tuning() *tuning {
	for i := range tuned {
		t := &tuned[i]
		if t.vendor == cpuid.CPU.VendorID && t.family == cpuid.CPU.Family && t.lanes == e.extISA.Lanes() && e.addMax != nil {
			return t
		}
	}
	return nil
}
