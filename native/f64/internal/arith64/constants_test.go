package arith64

import (
	_ "embed"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"testing"
)

var (
	//go:embed avx2_amd64.s
	avx2Text string
	//go:embed avx512_amd64.s
	avx512Text string
	//go:embed neon_arm64.s
	neonText string
)

// TestConstants holds that the assembly has the coefficients of the exponential, in every lane: another
// last bit of those for the highest powers shows in too few results to be found by comparing them.
func TestConstants(t *testing.T) {
	data := regexp.MustCompile(`(?m)^DATA exps64<>\+(\d+)\(SB\)/8, (\S+)$`)
	for name, text := range map[string]string{"avx2": avx2Text, "avx512": avx512Text, "neon": neonText} {
		lines := data.FindAllStringSubmatch(text, 8*len(exps))
		if len(lines) != 8*len(exps) {
			t.Fatalf("%s has %d numbers, want 8 for each of %d coefficients", name, len(lines), len(exps))
		}
		for i, line := range lines {
			want := fmt.Sprintf("$%#016x", math.Float64bits(exps[i/8]))
			if line[1] != strconv.Itoa(8*i) || line[2] != want {
				t.Errorf("%s: exps64+%s is %s, want %s at %d", name, line[1], line[2], want, 8*i)
			}
		}
	}
}
