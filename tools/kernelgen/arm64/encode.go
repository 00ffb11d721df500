package arm64

import (
	"cmp"
	"fmt"
	"strings"
)

// encoding is an instruction on vector registers that Go's assembler lacks.
type encoding struct {
	bits  uint32 // with all registers 0
	regs  int    // 3: d, n, m; 2: d, n
	shape string // of every register, as the mnemonic has it
	from  string // of the sources, if they have another
}

// encodings are from the Arm Architecture Reference Manual (DDI 0487), section
// C7.2: the register numbers d, n and m stand in bits 0, 5 and 16. A name is the
// mnemonic, and behind a point the shape where that is not four floats.
var encodings = map[string]encoding{
	"fadd":     {bits: 0x4e20d400, regs: 3, shape: "4s"},
	"faddp":    {bits: 0x6e20d400, regs: 3, shape: "4s"},
	"fsub":     {bits: 0x4ea0d400, regs: 3, shape: "4s"},
	"fmul":     {bits: 0x6e20dc00, regs: 3, shape: "4s"},
	"fmax":     {bits: 0x4e20f400, regs: 3, shape: "4s"},
	"fmaxp":    {bits: 0x6e20f400, regs: 3, shape: "4s"},
	"fmaxnm":   {bits: 0x4e20c400, regs: 3, shape: "4s"},
	"fcmgt":    {bits: 0x6ea0e400, regs: 3, shape: "4s"},
	"fmin":     {bits: 0x4ea0f400, regs: 3, shape: "4s"},
	"frintn":   {bits: 0x4e218800, regs: 2, shape: "4s"},
	"bic":      {bits: 0x4e601c00, regs: 3, shape: "16b"},
	"mla":      {bits: 0x4ea09400, regs: 3, shape: "4s"},
	"fadd.2d":  {bits: 0x4e60d400, regs: 3, shape: "2d"},
	"fsub.2d":  {bits: 0x4ee0d400, regs: 3, shape: "2d"},
	"fmul.2d":  {bits: 0x6e60dc00, regs: 3, shape: "2d"},
	"fmax.2d":  {bits: 0x4e60f400, regs: 3, shape: "2d"},
	"fcmgt.2d": {bits: 0x6ee0e400, regs: 3, shape: "2d"},
	"fcvtl.2d": {bits: 0x0e617800, regs: 2, shape: "2d", from: "2s"},

	// Of binary16, Armv8.2.
	"fadd.8h":  {bits: 0x4e401400, regs: 3, shape: "8h"},
	"faddp.8h": {bits: 0x6e401400, regs: 3, shape: "8h"},
	"fsub.8h":  {bits: 0x4ec01400, regs: 3, shape: "8h"},
	"fmul.8h":  {bits: 0x6e401c00, regs: 3, shape: "8h"},
	"fmla.8h":  {bits: 0x4e400c00, regs: 3, shape: "8h"},
	"fmax.8h":  {bits: 0x4e403400, regs: 3, shape: "8h"},
	"fmaxp.8h": {bits: 0x6e403400, regs: 3, shape: "8h"},
	"fcmgt.8h": {bits: 0x6ec02400, regs: 3, shape: "8h"},
}

// Word is the instruction as a line of Go assembly, for the registers in the
// order of the mnemonic: the destination first. The name may end in the shape.
func Word(name string, regs ...int) string {
	e, ok := encodings[name]
	if !ok || e.regs != len(regs) {
		panic(fmt.Sprintf("arm64: %s with %d registers has no encoding", name, len(regs)))
	}
	text, _, _ := strings.Cut(name, ".")
	bits, shape := e.bits, e.shape
	for i, r := range regs {
		if r < 0 || r > 31 {
			panic(fmt.Sprintf("arm64: no register v%d", r))
		}
		bits |= uint32(r) << [...]int{0, 5, 16}[i]
		text += fmt.Sprintf("%s v%d.%s", [...]string{"", ",", ","}[i], r, shape)
		shape = cmp.Or(e.from, shape)
	}
	return fmt.Sprintf("WORD $0x%08x // %s", bits, text)
}
