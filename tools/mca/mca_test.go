package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// x86Text is a kernel as a compiler writes it: a loop of two turns at a time
// after one for the odd turn, then the like for what is left, and another
// function.
const x86Text = `
lib.a(rmax.o):	file format elf64-x86-64

0000000000000000 <xnn_f32_rmax_ukernel__avx_u16_acc2>:
       0:      	vbroadcastss	(%rip), %ymm0   # 0x9 <xnn_f32_rmax_ukernel__avx_u16_acc2+0x9>
      10:      	vmaxps	(%rsi,%r8), %ymm0, %ymm0
      16:      	vmaxps	0x20(%rsi,%r8), %ymm1, %ymm1
      1d:      	addq	$0x40, %r8
      24:      	jne	0x10 <xnn_f32_rmax_ukernel__avx_u16_acc2+0x10>
      30:      	vmaxps	(%rsi), %ymm0, %ymm0
      34:      	vmaxps	0x20(%rsi), %ymm1, %ymm1
      36:      	vmaxps	(%rsi), %ymm0, %ymm0
      38:      	vmaxps	0x60(%rip), %ymm0, %ymm0
      39:      	subq	$-0x40, %rsi
      3a:      	vmaxps	(%rsi), %ymm0, %ymm0
      3e:      	jb	0x100 <xnn_f32_rmax_ukernel__avx_u16_acc2+0x100>
      40:      	vmovups	0x20(%rsi), %ymm2
      44:      	vmovaps	%ymm2, 0x40(%rsp)
      46:      	leaq	0x40(%rsi), %rsi            # imm = 0x40
      50:      	ja	0x30 <xnn_f32_rmax_ukernel__avx_u16_acc2+0x30>
      60:      	vmaxps	(%rsi), %ymm0, %ymm0
      64:      	addq	$0x20, %rsi
      68:      	ja	0x60 <xnn_f32_rmax_ukernel__avx_u16_acc2+0x60>
      70:      	vmaxps	(%rsi), %ymm0, %ymm0
      71:      	vmaxps	0x20(%rsi), %ymm0, %ymm0
      72:      	vmaxps	0x40(%rsi), %ymm0, %ymm0
      73:      	vmaxps	0x60(%rsi), %ymm0, %ymm0
      74:      	vmaxps	0x80(%rsi), %ymm0, %ymm0
      75:      	vmaxps	0xa0(%rsi), %ymm0, %ymm0
      76:      	vmaxps	0xc0(%rsi), %ymm0, %ymm0
      77:      	vmaxps	0xe0(%rsi), %ymm0, %ymm0
      78:      	addq	$0x100, %rsi
      80:      	ja	0x70 <xnn_f32_rmax_ukernel__avx_u16_acc2+0x70>
      90:      	retq

0000000000000000 <something_else>:
       0:      	vmaxps	(%rsi), %ymm0, %ymm0
`

const armText = `
0000000000010000 <github.com/twopass-softmax/twopass/native/twins/internal/neon.f32_vmulc_ukernel__neon_u8.abi0>:
   10000:      	ldr	q16, [x3]
   10004:      	ldp	q0, q1, [x0], #0x20
   10008:      	ldr	q2, [x0, #-0x20]
   1000c:      	fmul	v0.4s, v0.4s, v16.4s
   10010:      	ld1	{ v4.4s, v5.4s }, [x0]
   10014:      	ld1	{ v6.s }[1], [x9]
   10018:      	stp	q0, q1, [x1], #0x20 // see above
   1001c:      	add	x0, x0, #0x20
   10020:      	subs	x2, x2, #0x10
   10024:      	b.ge	0x10004 <github.com/twopass-softmax/twopass/native/twins/internal/neon.f32_vmulc_ukernel__neon_u8.abi0+0x4>
   10028:      	tbz	w2, #0x1, 0x10030 <x>
   1002c:      	ret

0000000000020000 <github.com/twopass-softmax/twopass/native/twins/internal/neon.f32_vmulc_ukernel__neon_u8>:
   20000:      	bl	0x10000 <github.com/twopass-softmax/twopass/native/twins/internal/neon.f32_vmulc_ukernel__neon_u8.abi0>
`

func one(t *testing.T, goarch, text, name string, native bool) *function {
	t.Helper()
	all, err := arches[goarch].disassembly(strings.NewReader(text), native)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[name] == nil {
		t.Fatalf("functions %v, want %s alone", all, name)
	}
	return all[name]
}

func TestMainLoop(t *testing.T) {
	const rmax, vmulc = "f32_rmax_ukernel__avx_u16_acc2", "f32_vmulc_ukernel__neon_u8"
	f := one(t, "amd64", x86Text, rmax, false)
	l, err := arches["amd64"].mainLoop(f, f.kernel.Tile)
	if err != nil || l.elements != 32 || l.body[0].at != 0x30 || len(l.body) != 11 {
		t.Errorf("%d elements, %d instructions from %#x, %v; want 32, 11 from 0x30", l.elements, len(l.body), l.body[0].at, err)
	}
	text := input(map[string]loop{rmax: l}, []string{rmax})
	want := "# LLVM-MCA-BEGIN " + rmax + "\n.L0:\n\tvmaxps\t(%rsi), %ymm0, %ymm0\n"
	if !strings.HasPrefix(text, want) || !strings.Contains(text, "\tjb\t.Lout\n") || !strings.Contains(text, "\tja\t.L0\n# LLVM-MCA-END\n") ||
		strings.Contains(text, "imm =") {
		t.Errorf("input\n%s", text)
	}

	f = one(t, "arm64", armText, vmulc, true)
	l, err = arches["arm64"].mainLoop(f, 1)
	if err != nil || l.elements != 16 || len(l.body) != 9 {
		t.Errorf("%d elements, %d instructions, %v; want 16 and 9", l.elements, len(l.body), err)
	}
	if text := input(map[string]loop{vmulc: l}, []string{vmulc}); !strings.Contains(text, "\tstp\tq0, q1, [x1], #0x20\n") || !strings.Contains(text, "\tb.ge\t.L0\n") {
		t.Errorf("input\n%s", text)
	}
}

// TestLoopsNotUnderstood holds that a wrong number of elements is an error.
func TestLoopsNotUnderstood(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"addq	$0x40, %r8", "addq	$0x80, %r8", "a turn moves on by 128 bytes and loads 64"},
		{"addq	$0x40, %r8", "nop", "no load moves on with the loop"},
		{"_u16_acc2>:", "_u24_acc2>:", "a turn has 16 elements, the tile 24"},
	} {
		// The first loop alone.
		text, _, _ := strings.Cut(x86Text, "      30:")
		all, err := arches["amd64"].disassembly(strings.NewReader(strings.Replace(text, c.from, c.to, 1)), false)
		if err != nil || len(all) != 1 {
			t.Fatalf("%v, %v", all, err)
		}
		for _, f := range all {
			if _, err := arches["amd64"].mainLoop(f, f.kernel.Tile); err == nil || err.Error() != c.want {
				t.Errorf("%q: error %v, want %q", c.to, err, c.want)
			}
		}
	}
}

func TestReadFigures(t *testing.T) {
	const text = `{"CodeRegions": [{"Name": "k", "SummaryView": {"BlockRThroughput": 2.5, "TotalCycles": 1500, "Iterations": 500}}]}`
	all, err := readFigures(strings.NewReader(text))
	if err != nil || all["k"] != (figures{3, 2.5}) {
		t.Errorf("%v, %v", all, err)
	}
	for _, bad := range []string{"", strings.Replace(text, "1500", "0", 1), strings.Replace(text, `"Iterations": 500`, `"Iterations": 0`, 1)} {
		if _, err := readFigures(strings.NewReader(bad)); err == nil {
			t.Errorf("no error from %q", bad)
		}
	}
}

// TestAnalyse has a program say that a loop of ours takes 12 cycles, one of
// upstream's 24, both for the same number of elements.
func TestAnalyse(t *testing.T) {
	const rmax = "f32_rmax_ukernel__avx_u16_acc2"
	a := arches["amd64"]
	upstream := map[string]*function{rmax: one(t, "amd64", x86Text, rmax, false)}
	// Ours have no loop longer than the main one.
	text, _, _ := strings.Cut(x86Text, "      60:")
	native := map[string]*function{rmax: one(t, "amd64", strings.Replace(text, "<xnn_"+rmax, "<"+a.native+"."+rmax+".abi0", 1), rmax, true)}
	calls := 0.0
	r := &Results{Tool: "a tool"}
	run := func(cpu string, loops map[string]loop, names []string) (map[string]figures, error) {
		calls++
		if cpu == "broken" {
			return nil, errors.New("no such CPU")
		}
		return map[string]figures{names[0]: {12 * calls, 10}}, nil
	}
	if err := r.analyse(a, native, upstream, []string{"znver4"}, run); err != nil {
		t.Fatal(err)
	}
	if len(r.Loops) != 1 || r.Loops[0].Ratio != 0.5 || !r.Loops[0].Stalled || r.Loops[0].Native != (Side{32, 11, 12.0 / 32, 10.0 / 32}) {
		t.Errorf("%+v", r.Loops)
	}
	if err := r.analyse(a, native, upstream, []string{"broken"}, run); err == nil {
		t.Error("no error from a program that fails")
	}
	if err := r.analyse(a, nil, upstream, []string{"znver4"}, run); err == nil || !strings.Contains(err.Error(), "native has no such kernel") {
		t.Errorf("nothing in common: error %v", err)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	o := options{json: filepath.Join(dir, "a.json"), markdown: filepath.Join(dir, "a.md"), all: true}
	r := &Results{Tool: "a tool", Skipped: []string{"k: why"}, Loops: []Loop{
		{Kernel: "f32_rmax_ukernel__avx_u16_acc2", CPU: "x", Ratio: 0.5, Native: Side{Cycles: 2, Ports: 1}, Stalled: true},
		{Kernel: "f32_vmulc_ukernel__avx_u16", CPU: "x", Ratio: 2, Native: Side{Cycles: 1, Ports: 1}},
	}}
	if err := o.write(r); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(o.markdown)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| avx | x | f32_rmax | 1 | 0.500 | 0.500 | 0.500 | 1 |  | 50 % |\n| avx | x | f32_vmulc | 1 | 2.000 |",
		"| avx | x | all families | 2 | 1.000 | 0.500 | 2.000 | 1 | 2.000 | 71 % |", "- k: why", "| `f32_rmax_ukernel__avx_u16_acc2` | x | 2.000 | 0.000 | 0.500 | 1.000 | 0.000 |",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("%v were written, want two files", entries)
	}
	if err := (&options{json: filepath.Join(dir, "none", "a.json")}).write(r); err == nil {
		t.Error("no error where there is no directory")
	}
	if got := toolName("LLVM (http://llvm.org/):\n  Debian LLVM version 16.0.6\n"); got != "llvm-mca of Debian LLVM version 16.0.6" {
		t.Errorf("tool %q", got)
	}
}
