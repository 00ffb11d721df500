package riscv64

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// allowed are the instructions that kernels may use besides those of vectors: all are of RV64GC, which
// every machine has that Go supports. Those of vectors are of V 1.0 but for the ones that begin so.
var (
	allowed = strings.Fields(`ADD AND BEQZ BGE BGEZ BGTZ BLEZ BLT BNEZ FADDS FCVTDS FCVTSD FCVTSW FCVTWS.RNE FDIVD FEQD FLES FMINS
		FMULD FMULS FMVDX FMVWX FSUBD FSUBS JMP MOV MOVF RET SLL SLTI SRL SUB`)
	extensions = []string{"VANDN", "VBREV", "VCLZ", "VCPOPV", "VCTZ", "VREV8", "VROL", "VROR", "VWSLL"}
)

func TestInstructions(t *testing.T) {
	text, err := LibraryFile("")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\t([A-Z][A-Z0-9.]*)`).FindAllSubmatch(text, -1)
	if len(found) < 100*len(LibraryKernels()) {
		t.Errorf("only %d instructions are found", len(found))
	}
	for _, m := range found {
		name := string(m[1])
		other := slices.ContainsFunc(extensions, func(e string) bool { return strings.HasPrefix(name, e) })
		if other || name[0] != 'V' && !slices.Contains(allowed, name) {
			t.Errorf("%s is not allowed", name)
		}
	}
}
