package arm64

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/arch/arm64/arm64asm"
)

// disassemble is the word in the manual's notation, by a decoder that is made
// from the manual's tables.
func disassemble(t *testing.T, word uint32) string {
	t.Helper()
	in, err := arm64asm.Decode(binary.LittleEndian.AppendUint32(nil, word))
	if err != nil {
		t.Fatalf("%#08x: %v", word, err)
	}
	return arm64asm.GNUSyntax(in)
}

var wordLine = regexp.MustCompile(`^\s*WORD +\$(0x[0-9a-f]{8}) // (.*)$`)

// check holds that a line with a word says what the word is.
func check(t *testing.T, line string) {
	t.Helper()
	m := wordLine.FindStringSubmatch(line)
	if m == nil {
		t.Fatalf("%q is no line with a word", line)
	}
	word, err := strconv.ParseUint(m[1], 0, 32)
	if err != nil {
		t.Fatal(err)
	}
	if got := disassemble(t, single(uint32(word), m[2])); got != halfShape.ReplaceAllString(m[2], "${1}4s") && got != halfScalar.ReplaceAllString(m[2], "${1}s$2") {
		t.Errorf("%s is %s, not %s", m[1], got, m[2])
	}
}

var (
	halfShape  = regexp.MustCompile(`(\.)8h`)
	halfScalar = regexp.MustCompile(`(^| )h([0-9]+)`)
)

// single is the same instruction of float32, for one of binary16, which the decoder
// does not know. The manual's classes differ in a few bits: "Advanced SIMD three same
// (FP16)" has 10 in bits 22 and 21 and 00 in bits 15 and 14, where "three same" has 01
// and 11; a scalar instruction has 11 in bits 23 and 22 where that of float32 has 00.
func single(word uint32, text string) uint32 {
	switch {
	case halfShape.MatchString(text) && word>>14&0x183 == 0x100:
		return word ^ 3<<21 ^ 3<<14
	case halfScalar.MatchString(text) && word>>22&3 == 3:
		return word ^ 3<<22
	}
	return word
}

// TestEncodings disassembles every instruction that the encoder knows, with each
// register in each place.
func TestEncodings(t *testing.T) {
	for name, e := range encodings {
		for r := range 32 {
			check(t, Word(name, []int{r, (r + 7) % 32, (r + 19) % 32}[:e.regs]...))
		}
	}
}

func TestNoEncoding(t *testing.T) {
	for _, f := range []func(){
		func() { Word("fdiv", 0, 1, 2) },
		func() { Word("fadd", 0, 1) },
		func() { Word("fadd", 0, 1, 32) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		}()
	}
}

// tree is the path of a file of the repository. It is not cleaned, as that of package kernelgen's tests.
func tree(t *testing.T, name string) string {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return here + filepath.FromSlash("/../../../"+name)
}

// TestWords disassembles every word in the generated files.
func TestWords(t *testing.T) {
	files, err := filepath.Glob(tree(t, "native/twins/internal/neon/*.s"))
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, tree(t, "native/internal/arith/neon_arm64.s"), tree(t, "native/f64/internal/arith64/neon_arm64.s"))
	words := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
			if strings.Contains(s.Text(), "WORD") {
				words++
				check(t, s.Text())
			}
		}
	}
	if words < 1000 {
		t.Errorf("%d words in %d files", words, len(files))
	}
}

// allowed are the instructions that kernels may use: all are of Armv8.0 with
// Advanced SIMD, which every arm64 machine has, or for kernels of binary16 the same of
// Armv8.2. The twins' don't touch the stack pointer.
var allowed = strings.Fields(`ADD ADRP B BIC CBZ CMP CSEL LDR LDRB LDRH LSL MOV ORR RET STRB STRH SUB SUBS TBZ
	AND BIF BIT BSL DUP EOR EXT FADD FADDP FCMGT FMAX FMAXNM FMAXP FMLA FMOV FMUL FRINTN FSUB INS LD1 LD1R REV64 SHL ST1 STR UMAX UMOV`)

// allowedInLibrary has those of the library's kernels besides, and those with which Go
// looks for room on the stack.
var allowedInLibrary = append(strings.Fields(`CBNZ FCMP FCVT FCVTL FDIV FMIN FNEG LDP LSR MLA MOVK TBL TST BL STP STUR`), allowed...)

// TestInstructions builds the kernels and disassembles them as they were built.
func TestInstructions(t *testing.T) {
	t.Run("twins", func(t *testing.T) {
		testInstructions(t, "native/twins/internal/neon", regexp.MustCompile(`/neon\..*_ukernel__.*\.abi0$`), allowed, 23)
	})
	t.Run("f64", func(t *testing.T) {
		testInstructions(t, "native/f64/internal/arith64", regexp.MustCompile(`/arith64\.\w+NEON\.abi0$`), allowedInLibrary, 6)
	})
	t.Run("library", func(t *testing.T) {
		testInstructions(t, "native/internal/arith", regexp.MustCompile(`/arith\.\w+Vector\.abi0$`), allowedInLibrary, len(LibraryKernels()))
	})
}

// testInstructions looks at the kernels of a package, at least so many, by their names.
func testInstructions(t *testing.T, pkg string, kernel *regexp.Regexp, allowed []string, least int) {
	gotool, err := exec.LookPath("go")
	if err != nil {
		t.Skipf("the kernels' instructions are not checked: %v", err)
	}
	if _, err := os.ReadDir(tree(t, pkg)); err != nil { // for the go command's cache of test results
		t.Fatal(err)
	}
	exe := filepath.Join(t.TempDir(), "kernels.test")
	cmd := exec.Command(gotool, "test", "-c", "-o", exe, "github.com/twopass-softmax/twopass/"+pkg)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	f, err := elf.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	text := f.Section(".text")
	code, err := text.Data()
	if err != nil {
		t.Fatal(err)
	}
	kernels := 0
	for _, s := range symbols {
		name := s.Name
		if !kernel.MatchString(name) {
			continue
		}
		kernels++
		bad := make(map[arm64asm.Op]bool)
		for b := code[s.Value-text.Addr:][:s.Size]; len(b) >= 4; b = b[4:] {
			if binary.LittleEndian.Uint32(b) == 0 {
				continue // padding
			}
			word := binary.LittleEndian.Uint32(b)
			if half := strings.Contains(name, ".f16_"); half && word>>24&0x1f == 0xe && word>>14&0x183 == 0x100 {
				word = single(word, ".8h")
			} else if half && word>>21 == 0xf7 {
				word = single(word, " h0")
			}
			in, err := arm64asm.Decode(binary.LittleEndian.AppendUint32(nil, word))
			if err != nil {
				t.Errorf("%s: %#08x: %v", name, binary.LittleEndian.Uint32(b), err)
			} else if !slices.Contains(allowed, in.Op.String()) && !bad[in.Op] {
				bad[in.Op] = true
				t.Errorf("%s: %v is not allowed", name, in)
			}
		}
	}
	if kernels < least {
		t.Errorf("found %d kernels in %s", kernels, exe)
	}
}
