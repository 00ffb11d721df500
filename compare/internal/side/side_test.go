package side

import (
	"errors"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
)

const (
	maxName   = "f32_rmax_ukernel__scalar_u4_acc4"
	mulName   = "f32_vmulc_ukernel__scalar_u4"
	storeName = "f32_raddstoreexpminusmax_ukernel__scalar_rr2_p5_u4_acc2"
)

func TestMatch(t *testing.T) {
	side := func(name string, kernels ...string) Side {
		s := Side{Name: name, Lookup: func(k string) (ukernel.Func, error) {
			if k == maxName {
				return ukernel.Func{}, errors.New(name + " can't")
			}
			return ukernel.Func{Name: k}, nil
		}}
		for _, k := range kernels {
			s.Kernels = append(s.Kernels, ukernel.MustParse(k))
		}
		return s
	}
	pairs := Match(side("ref", mulName, maxName, storeName), side("ours", maxName, "f32_vmulc_ukernel__scalar_u8", mulName))
	can, cannot := Runnable(pairs)
	if len(can) != 1 || can[0].Name != mulName || can[0].Err != nil {
		t.Errorf("can run: %v", can)
	}
	if len(cannot) != 1 || cannot[0].Name != maxName || cannot[0].Err.Error() != "ref can't" {
		t.Errorf("can't run: %v", cannot)
	}
	if pairs[0].Name != maxName {
		t.Errorf("%s first, want the order of families", pairs[0].Name)
	}
}

func TestCompose(t *testing.T) {
	const other = "f32_rmax_ukernel__scalar_u1"
	native := Native()
	native.Kernels = nil
	for _, name := range []string{other, maxName, mulName, storeName} {
		native.Kernels = append(native.Kernels, ukernel.MustParse(name))
	}
	for preferred, want := range map[string]string{other: other, "": maxName, "f32_rmax_ukernel__avx_u8": maxName} {
		prefer := func(f ukernel.Family) (string, bool) { return preferred, f == ukernel.RMax }
		s, err := compose(ukernel.ThreePassReload, native, native, prefer)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Join(s.Kernels(), " "), want+" "+storeName+" "+mulName; got != want {
			t.Errorf("kernels %s, want %s", got, want)
		}
	}
	if _, err := Compose(ukernel.TwoPass, native, native); err == nil || !strings.Contains(err.Error(), "f32_raddextexp") {
		t.Errorf("error %v, want one that names f32_raddextexp", err)
	}
}
