package model_test

import (
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
	"github.com/twopass-softmax/twopass/ukernel/model/modeltest"
	"github.com/twopass-softmax/twopass/xnnpack"
)

// TestUpstream requires that the model equals every kernel of upstream's that
// this CPU can run.
func TestUpstream(t *testing.T) {
	if err := xnnpack.Available(); err != nil {
		t.Skip(err)
	}
	var table []ukernel.Func
	for _, k := range xnnpack.Kernels() {
		f, err := xnnpack.Lookup(k.Name)
		if err != nil {
			f = ukernel.Func{Name: k.Name} // which modeltest reports as skipped
		}
		table = append(table, f)
	}
	modeltest.Test(t, table, modeltest.Options{ReadsBeyond: true})
}
