package machine

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

func TestMicroarchitecture(t *testing.T) {
	for _, c := range []struct {
		vendor                  string
		family, model, stepping int
		want                    string
	}{
		{"GenuineIntel", 6, 143, 8, "Sapphire Rapids"}, {"GenuineIntel", 6, 207, 2, "Emerald Rapids"}, {"GenuineIntel", 6, 173, 1, "Granite Rapids"},
		{"GenuineIntel", 6, 106, 6, "Ice Lake"}, {"GenuineIntel", 6, 108, 1, "Ice Lake"},
		{"GenuineIntel", 6, 85, 4, "Skylake"}, {"GenuineIntel", 6, 85, 7, "Cascade Lake"}, {"GenuineIntel", 6, 85, 11, "Cooper Lake"},
		{"AuthenticAMD", 25, 1, 1, "Zen 3"}, {"AuthenticAMD", 25, 0x11, 1, "Zen 4"}, {"AuthenticAMD", 25, 0xa0, 1, "Zen 4"},
		{"AuthenticAMD", 26, 2, 1, "Zen 5"}, {"AuthenticAMD", 26, 0x50, 0, "unknown"},
		{"GenuineIntel", 6, 1, 1, "unknown"}, {"AuthenticAMD", 6, 207, 2, "unknown"}, {"", 0, 0, 0, "unknown"},
	} {
		m := Machine{Vendor: c.vendor, Family: c.family, Model: c.model, Stepping: c.stepping}
		if got := m.Microarchitecture(); got != c.want {
			t.Errorf("%s family %d, model %d, stepping %d: %s, want %s", c.vendor, c.family, c.model, c.stepping, got, c.want)
		}
	}
}
