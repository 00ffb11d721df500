package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/twopass-softmax/twopass/ukernel"
)

// arch is what differs between the two architectures.
type arch struct {
	goarch, triple string
	// native is the package with native's kernels.
	native string
	// cpus are those that loops are analysed for unless the user names others.
	cpus string
	// comment begins what llvm-objdump adds to a line.
	comment string
	// vector matches a vector register.
	vector *regexp.Regexp
	// walk follows the addresses of one turn of a loop.
	walk func(body []instruction, w *walker)
}

const module = "github.com/twopass-softmax/twopass/"

var arches = map[string]*arch{
	"amd64": {
		goarch: "amd64", triple: "x86_64-linux-gnu", native: module + "native/twins/internal/x86", cpus: "skylake-avx512,icelake-server,znver4",
		comment: " #", vector: regexp.MustCompile(`%[xyz]mm\d+`), walk: walkX86,
	},
	"arm64": {
		goarch: "arm64", triple: "aarch64-linux-gnu", native: module + "native/twins/internal/neon", cpus: "neoverse-n1,neoverse-v1",
		comment: " //", vector: regexp.MustCompile(`\b[vq]\d+`), walk: walkARM,
	},
}

// instruction is a line of a disassembly.
type instruction struct {
	at uint64
	// name is the mnemonic, args the operands as text.
	name, args string
	// target is where a branch goes, jumps whether it is one within the function.
	target uint64
	jumps  bool
}

// function is a kernel's code.
type function struct {
	kernel ukernel.Kernel
	code   []instruction
}

var (
	headLine   = regexp.MustCompile(`^[0-9a-f]+ <(.*)>:$`)
	codeLine   = regexp.MustCompile(`^\s*([0-9a-f]+):\s+([a-z][\w.]*)\s*(.*)$`)
	branchArgs = regexp.MustCompile(`^(.*, )?0x([0-9a-f]+) <.*>$`)
	symbolName = regexp.MustCompile(`f32_\w+_ukernel__\w+`)
)

// disassembly reads what llvm-objdump -d --no-show-raw-insn writes, and keeps
// the functions that are kernels. Of a kernel in Go assembly that is the code,
// and not what calls it by Go's other calling convention.
func (a *arch) disassembly(r io.Reader, native bool) (map[string]*function, error) {
	all := make(map[string]*function)
	var f *function
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if m := headLine.FindStringSubmatch(line); m != nil {
			f = nil
			name := symbolName.FindString(m[1])
			wanted := strings.HasPrefix(m[1], "xnn_"+name)
			if native {
				wanted = m[1] == a.native+"."+name+".abi0"
			}
			if k, err := ukernel.Parse(name); err == nil && wanted {
				f = &function{kernel: k}
				all[name] = f
			}
			continue
		}
		m := codeLine.FindStringSubmatch(line)
		if f == nil || m == nil {
			continue
		}
		at, err := strconv.ParseUint(m[1], 16, 64)
		if err != nil {
			return nil, fmt.Errorf("address %q: %w", m[1], err)
		}
		in := instruction{at: at, name: m[2]}
		args, _, _ := strings.Cut(m[3], a.comment)
		in.args = strings.TrimSpace(args)
		if b := branchArgs.FindStringSubmatch(in.args); b != nil && a.branch(in.name) {
			in.jumps = true
			if in.target, err = strconv.ParseUint(b[2], 16, 64); err != nil {
				return nil, fmt.Errorf("branch to %q: %w", b[2], err)
			}
			in.args = b[1]
		} else {
			// What a symbol adds to an operand.
			in.args, _, _ = strings.Cut(in.args, " <")
		}
		f.code = append(f.code, in)
	}
	return all, lines.Err()
}

// branch is whether an instruction may jump and is no call.
func (a *arch) branch(name string) bool {
	if a.goarch == "amd64" {
		return name[0] == 'j'
	}
	return name == "b" || strings.HasPrefix(name, "b.") || strings.HasPrefix(name, "cb") || strings.HasPrefix(name, "tb")
}
