package compare

import "testing"

func TestWhere(t *testing.T) {
	m := Machine{L1D: 32 << 10, L2: 512 << 10}
	for n, want := range map[int]string{1: "L1", 4096: "L1", 4097: "L2", 65536: "L2", 65537: "memory"} {
		if got := m.Where(n); got != want {
			t.Errorf("%d elements are in %s, want %s", n, got, want)
		}
	}
	m.L3 = 1 << 20
	if got := m.Where(65537); got != "L3" {
		t.Errorf("65537 elements are in %s, want L3", got)
	}
}
