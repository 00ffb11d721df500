package family

import "github.com/twopass-softmax/twopass/tools/kernelgen/ir"

func (d *description) f16tail(f func(b *ir.Block, x ir.V) ir.V, then func(b *ir.Block, n int, y ir.V)) {
	panic("not written")
}
