package arm64

import (
	"fmt"
	"strings"
)

// encoding is an instruction on vector registers that Go's assembler lacks.
type encoding struct {
	bits  uint32 // with all registers 0
	regs  int    // 3: d, n, m; 2: d, n
	shape string // of every register, as the mnemonic has it
}

// encodings are from the Arm Architecture Reference Manual (DDI 0487), section
// C7.2: the register numbers d, n and m stand in bits 0, 5 and 16.
var encodings = map[string]encoding{
	"fadd":   {0x4e20d400, 3, "4s"},
	"faddp":  {0x6e20d400, 3, "4s"},
	"fsub":   {0x4ea0d400, 3, "4s"},
	"fmul":   {0x6e20dc00, 3, "4s"},
	"fmax":   {0x4e20f400, 3, "4s"},
	"fmaxp":  {0x6e20f400, 3, "4s"},
	"fmaxnm": {0x4e20c400, 3, "4s"},
	"fcmgt":  {0x6ea0e400, 3, "4s"},
	"frintn": {0x4e218800, 2, "4s"},
	"bic":    {0x4e601c00, 3, "16b"},

	// Of binary16, Armv8.2.
	"fadd/8h":  {0x4e401400, 3, "8h"},
	"faddp/8h": {0x6e401400, 3, "8h"},
	"fsub/8h":  {0x4ec01400, 3, "8h"},
	"fmul/8h":  {0x6e401c00, 3, "8h"},
	"fmla/8h":  {0x4e400c00, 3, "8h"},
	"fmax/8h":  {0x4e403400, 3, "8h"},
	"fmaxp/8h": {0x6e403400, 3, "8h"},
	"fcmgt/8h": {0x6ec02400, 3, "8h"},
}

// word is the instruction as a line of Go assembly, for the registers in the
// order of the mnemonic: the destination first. The name may end in the shape.
func word(name string, regs ...int) string {
	e, ok := encodings[name]
	if !ok || e.regs != len(regs) {
		panic(fmt.Sprintf("arm64: %s with %d registers has no encoding", name, len(regs)))
	}
	mnemonic, _, _ := strings.Cut(name, "/")
	bits, text := e.bits, mnemonic
	for i, r := range regs {
		if r < 0 || r > 31 {
			panic(fmt.Sprintf("arm64: no register v%d", r))
		}
		bits |= uint32(r) << [...]int{0, 5, 16}[i]
		text += fmt.Sprintf("%s v%d.%s", [...]string{"", ",", ","}[i], r, e.shape)
	}
	return fmt.Sprintf("WORD $0x%08x // %s", bits, text)
}
