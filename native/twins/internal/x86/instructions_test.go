//go:build amd64 && linux && !purego

package x86

import (
	"bufio"
	"bytes"
	"debug/elf"
	"debug/gosym"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/twopass-softmax/twopass/ukernel"
)

// The instructions that kernels may use, by the CPU feature that brings them,
// in binutils' spelling.
var (
	general = words(`add and call cmova cmp dec inc jb jbe je jg jge jl jmp jne lea mov movzbl movzwl nop or pop prefetcht0 push ret shl shr sub test xchg xor`)

	sse = words(`addps addss maxps maxss movaps movhlps movlhps movlps movss movups mulps mulss shufps subps subss xorps`)
	// CMPPS and ANDPS are SSE's, but only SSE2 kernels need them.
	sse2 = words(`andps cmpnltps movdqa movdqu movq pmaxub pslld psrldq pxor`)

	avx = words(`vaddps vaddss vandps vblendvps vbroadcastss vcmpnltps vextractf128 vinsertf128 vmaskmovps vmaxps vmaxss vmovaps vmovd vmovhlps vmovq
		vmovsd vmovshdup vmovss vmovups vmulps vmulss vperm2f128 vpextrw vroundps vshufps vsubps vsubss vxorps vzeroupper`)
	fma  = words(`vfmadd132ps vfmadd213ps vfmadd231ps`)
	f16c = words(`vcvtph2ps vcvtps2ph`)
	avx2 = words(`vpaddd vpshufb vpslld`)

	avx512f = words(`kmovw vaddps vblendmps vbroadcastss vcmpnltps vcvtph2ps vcvtps2ph vextractf64x4 vfmadd132ps vfmadd213ps vfmadd231ps vmaxps
		vmovaps vmovups vmulps vpaddd vpandd vpslld vpxord vrndscaleps vscalefps vshuff32x4 vshufps vsubps`)
)

func words(s string) []string { return strings.Fields(s) }

// allowed lists, for each ISA, the instructions in the old encodings and those
// in AVX-512's.
var allowed = map[ukernel.ISA]struct{ legacy, evex []string }{
	ukernel.SSE:       {slices.Concat(general, sse), nil},
	ukernel.SSE2:      {slices.Concat(general, sse, sse2), nil},
	ukernel.AVX:       {slices.Concat(general, avx), nil},
	ukernel.F16C:      {slices.Concat(general, avx, f16c), nil},
	ukernel.AVX2:      {slices.Concat(general, avx, fma, f16c, avx2), nil},
	ukernel.AVX512F:   {slices.Concat(general, avx, fma, avx512f), avx512f},
	ukernel.AVX256SKX: {slices.Concat(general, avx, fma, avx2, avx512f), avx512f},
	ukernel.AVX512SKX: {slices.Concat(general, avx, fma, avx2, avx512f), avx512f},
}

// forbidden says why a kernel for the ISA may not use the instruction, or
// nothing.
func forbidden(isa ukernel.ISA, code []byte, mnemonic, operands string) string {
	mnemonic, _, _ = strings.Cut(mnemonic, ".") // of a hint such as "jne,pn"
	list, evex := allowed[isa].legacy, code[0] == 0x62
	if evex {
		list = allowed[isa].evex
	}
	// binutils marks the operand size of general instructions by a letter.
	if !slices.Contains(list, mnemonic) && !(slices.Contains(general, strings.TrimRight(mnemonic, "lqw")) && !evex) {
		return fmt.Sprintf("%v has no %s", isa, mnemonic)
	}
	if evex && isa == ukernel.AVX512F && code[3]>>5&3 != 2 {
		return "vectors of less than 512 bits need AVX-512VL"
	}
	if (isa == ukernel.AVX || isa == ukernel.F16C) && mnemonic == "vbroadcastss" && !strings.Contains(operands, "(") {
		return "a broadcast from a register needs AVX2"
	}
	return ""
}

var line = regexp.MustCompile(`^\s*([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*(?:\t(\S+)\s*(.*))?$`)

// TestInstructions disassembles the kernels as they were built and holds that
// each uses only what its ISA has. It needs binutils' objdump, which knows all
// of AVX-512.
func TestInstructions(t *testing.T) {
	objdump, err := exec.LookPath("objdump")
	if err != nil {
		t.Skipf("the kernels' instructions are not checked: %v", err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	codes := make(map[string]bool)
	for _, f := range Kernels {
		k, code := ukernel.MustParse(f.Name), ukernel.MustParse(codeOf(f))
		if codes[code.Name] = true; code.Family != k.Family || code.ISA != k.ISA || code.Variant != k.Variant {
			t.Errorf("the code of %s is that of %s", k, code)
		}
	}
	funcs := kernelFuncs(t, exe)
	if len(funcs) != len(codes) {
		t.Fatalf("found %d functions in %s, want %d", len(funcs), exe, len(codes))
	}
	first, last := funcs[0].Entry, funcs[0].End
	for _, f := range funcs {
		first, last = min(first, f.Entry), max(last, f.End)
	}
	out, err := exec.Command(objdump, "-d", "-w", "--insn-width=16",
		fmt.Sprintf("--start-address=%#x", first), fmt.Sprintf("--stop-address=%#x", last), exe).Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]int)
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		m := line.FindStringSubmatch(s.Text())
		if m == nil {
			continue
		}
		var pc uint64
		fmt.Sscanf(m[1], "%x", &pc)
		i := slices.IndexFunc(funcs, func(f gosym.Func) bool { return f.Entry <= pc && pc < f.End })
		if i < 0 {
			continue // something else between two kernels
		}
		k := ukernel.MustParse(kernelName(funcs[i].Name))
		code, err := hex.DecodeString(strings.ReplaceAll(m[2], " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if code[0] == 0xcc || m[3] == "int3" {
			continue // padding
		}
		seen[k.Name]++
		if why := forbidden(k.ISA, code, m[3], m[4]); why != "" {
			t.Errorf("%s: %s", k, why)
		}
	}
	for code := range codes {
		if seen[code] < 10 {
			t.Errorf("%s: %d instructions seen", code, seen[code])
		}
	}
}

// codeOf is the name of a kernel's function: one may serve several whose bits don't tell their tiles.
func codeOf(f ukernel.Func) string {
	v := reflect.ValueOf(f)
	for i := range v.NumField() {
		if x := v.Field(i); x.Kind() == reflect.Func && !x.IsNil() {
			return kernelName(runtime.FuncForPC(x.Pointer()).Name())
		}
	}
	return f.Name
}

// kernelFuncs finds the kernels in a program by its table of functions, which
// even a stripped one has.
func kernelFuncs(t *testing.T, exe string) []gosym.Func {
	t.Helper()
	file, err := elf.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	section, text := file.Section(".gopclntab"), file.Section(".text")
	if section == nil || text == nil {
		t.Fatalf("%s has no .gopclntab or no .text", exe)
	}
	data, err := section.Data()
	if err != nil {
		t.Fatal(err)
	}
	tableFrom := func(start uint64) *gosym.Table {
		table, err := gosym.NewTable(nil, gosym.NewLineTable(data, start))
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	table := tableFrom(text.Addr)
	// The table counts from where Go's own code begins, which lies behind C's in .text if
	// a C compiler has linked the program. A function's address here tells where, unless
	// the program may lie anywhere.
	self := runtime.FuncForPC(reflect.ValueOf(kernelFuncs).Pointer())
	if f := table.LookupFunc(self.Name()); f != nil && file.Type == elf.ET_EXEC {
		table = tableFrom(text.Addr + uint64(self.Entry()) - f.Entry)
	}
	names := make(map[string]bool)
	for _, k := range Kernels {
		names[k.Name] = true
	}
	var funcs []gosym.Func
	for _, f := range table.Funcs {
		// The assembly itself, not the wrapper through which Go calls it.
		source, _, _ := table.PCToLine(f.Entry)
		if strings.HasSuffix(source, ".s") && names[kernelName(f.Name)] {
			funcs = append(funcs, f)
		}
	}
	return funcs
}

// kernelName is the kernel's name in the linker's name for it.
func kernelName(symbol string) string {
	name := symbol[strings.LastIndex(symbol, "/")+1:]
	_, name, _ = strings.Cut(name, ".")
	return strings.TrimSuffix(name, ".abi0")
}

// TestForbidden holds that the check above finds what it is there to find.
func TestForbidden(t *testing.T) {
	for _, c := range []struct {
		isa      ukernel.ISA
		code     []byte
		mnemonic string
		operands string
		bad      bool
	}{
		{ukernel.SSE, []byte{0x0f, 0x58, 0xc1}, "addps", "%xmm1,%xmm0", false},
		{ukernel.SSE, []byte{0x66, 0x0f, 0x72, 0xf0, 0x17}, "pslld", "$0x17,%xmm0", true},
		{ukernel.SSE2, []byte{0xc5, 0xf8, 0x58, 0xc1}, "vaddps", "%xmm1,%xmm0,%xmm0", true},
		{ukernel.AVX, []byte{0xc4, 0xe2, 0x7d, 0x18, 0x00}, "vbroadcastss", "(%rax),%ymm0", false},
		{ukernel.AVX, []byte{0xc4, 0xe2, 0x7d, 0x18, 0xc0}, "vbroadcastss", "%xmm0,%ymm0", true},
		{ukernel.AVX, []byte{0xc5, 0xfd, 0x72, 0xf0, 0x17}, "vpslld", "$0x17,%ymm0,%ymm0", true},
		{ukernel.AVX, []byte{0xc4, 0xe2, 0x75, 0xa8, 0xc2}, "vfmadd213ps", "%ymm2,%ymm1,%ymm0", true},
		{ukernel.AVX2, []byte{0x62, 0xf1, 0x7c, 0x28, 0x58, 0xc1}, "vaddps", "%ymm1,%ymm0,%ymm16", true},
		{ukernel.AVX512F, []byte{0x62, 0xf1, 0x7c, 0x48, 0x58, 0xc1}, "vaddps", "%zmm1,%zmm0,%zmm16", false},
		{ukernel.AVX512F, []byte{0x62, 0xf1, 0x7c, 0x28, 0x58, 0xc1}, "vaddps", "%ymm1,%ymm0,%ymm16", true},
		{ukernel.AVX512F, []byte{0x62, 0xf1, 0x7c, 0x48, 0x57, 0xc0}, "vxorps", "%zmm0,%zmm0,%zmm0", true},
		{ukernel.AVX256SKX, []byte{0x62, 0xf1, 0x7c, 0x28, 0x58, 0xc1}, "vaddps", "%ymm1,%ymm0,%ymm16", false},
	} {
		if why := forbidden(c.isa, c.code, c.mnemonic, c.operands); (why != "") != c.bad {
			t.Errorf("%v, %s %s: %q", c.isa, c.mnemonic, c.operands, why)
		}
	}
}
