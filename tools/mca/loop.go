package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// loop is the main loop of a kernel.
type loop struct {
	body []instruction
	// elements is how many a turn processes.
	elements int
}

// mainLoop finds the main loop: of the innermost loops that work on vectors, in
// the order of the code, those before a loop which is for what a turn of the main
// loop leaves, and of them the one with the most vector instructions, as a
// compiler may have unrolled it. How many elements a turn processes follows from
// how far it moves on in the row, which must be what it loads of it.
//
// Upstream's turns are multiples of the tile that the kernel is named for, and
// what is left is less than that. Ours have lengths of their own, and the main
// loop is the longest.
func (a *arch) mainLoop(f *function, tile int) (loop, error) {
	var best loop
	most, err := 0, errors.New("no loop with vector instructions")
	for i, in := range f.code {
		if !in.jumps || in.target > in.at {
			continue
		}
		from := slices.IndexFunc(f.code, func(x instruction) bool { return x.at == in.target })
		if from < 0 {
			continue
		}
		body := f.code[from : i+1]
		inner := func(x instruction) bool { return x.jumps && x.target <= x.at && x.target >= in.target && x.at < in.at }
		vectors := 0
		for _, x := range body {
			if a.vector.MatchString(x.args) {
				vectors++
			}
		}
		if vectors == 0 || slices.ContainsFunc(body, inner) {
			continue
		}
		w := &walker{moved: make(map[string]int), loads: make(map[string][]span)}
		a.walk(body, w)
		bytes, err2 := w.step()
		if n := bytes / 4; err2 == nil && n%tile != 0 {
			err2 = fmt.Errorf("a turn has %d elements, the tile %d", n, tile)
		}
		switch {
		case err2 != nil && most > 0:
			return best, nil
		case err2 != nil:
			err = err2
		case vectors > most:
			best, most = loop{body, bytes / 4}, vectors
		}
	}
	if most == 0 {
		return best, err
	}
	return best, nil
}

// walker follows the addresses that a turn of a loop loads from.
type walker struct {
	// moved is by how much a register has moved on.
	moved map[string]int
	// loads are places relative to a register, or to several.
	loads map[string][]span
}

// span is a range of bytes.
type span struct{ from, to int }

func (w *walker) load(base string, at, bytes int) {
	w.loads[base] = append(w.loads[base], span{at, at + bytes})
}

// step is by how many bytes a turn moves on in the row: that of the address with
// the most loads among those that move. It is an error if the loads are not of
// as many different bytes.
func (w *walker) step() (int, error) {
	most, step := 0, 0
	for base, spans := range w.loads {
		moved := 0
		for register := range strings.SplitSeq(base, "+") {
			name, scale, _ := strings.Cut(register, "*")
			times, err := strconv.Atoi(scale)
			if err != nil {
				times = 1
			}
			moved += times * w.moved[name]
		}
		if bytes := covered(spans); moved != 0 && bytes > most {
			most, step = bytes, max(moved, -moved)
		}
	}
	if step == 0 {
		return 0, errors.New("no load moves on with the loop")
	}
	if step != most || step%4 != 0 {
		return 0, fmt.Errorf("a turn moves on by %d bytes and loads %d", step, most)
	}
	return step, nil
}

// covered is how many different bytes spans have.
func covered(spans []span) int {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	bytes, end := 0, spans[0].from
	for _, s := range spans {
		if s.to > end {
			bytes += s.to - max(s.from, end)
			end = s.to
		}
	}
	return bytes
}

// number reads an operand's integer; empty is 0.
func number(text string) int {
	n, _ := strconv.ParseInt(text, 0, 64)
	return int(n)
}

var (
	memoryX86 = regexp.MustCompile(`(-?0x[0-9a-f]+|-?\d+)?\((%r\w+)(?:,(%r\w+)(?:,(\d))?)?\)`)
	addX86    = regexp.MustCompile(`^\$(-?(?:0x)?[0-9a-f]+), (%r\w+)$`)
	leaX86    = regexp.MustCompile(`^(-?0x[0-9a-f]+)\((%r\w+)\), (%r\w+)$`)
	widths    = []struct {
		register string
		bytes    int
	}{{"%zmm", 64}, {"%ymm", 32}, {"%xmm", 16}}
)

// walkX86 reads AT&T syntax.
func walkX86(body []instruction, w *walker) {
	for _, in := range body {
		if m := addX86.FindStringSubmatch(in.args); m != nil {
			switch strings.TrimSuffix(in.name, "q") {
			case "add":
				w.moved[m[2]] += number(m[1])
			case "sub":
				w.moved[m[2]] -= number(m[1])
			}
			continue
		}
		if m := leaX86.FindStringSubmatch(in.args); m != nil && in.name == "leaq" && m[2] == m[3] {
			w.moved[m[2]] += number(m[1])
			continue
		}
		at := memoryX86.FindStringSubmatchIndex(in.args)
		// The last operand is the destination: a store. Scalars are no part of a
		// row in a main loop.
		if at == nil || at[1] == len(in.args) || strings.HasSuffix(in.name, "ss") || strings.HasPrefix(in.name, "lea") {
			continue
		}
		m := memoryX86.FindStringSubmatch(in.args)
		bytes := 0
		for _, x := range widths {
			if bytes == 0 && strings.Contains(in.args, x.register) {
				bytes = x.bytes
			}
		}
		if bytes == 0 || m[2] == "%rip" || m[2] == "%rsp" {
			continue
		}
		base, place := m[2], number(m[1])+w.moved[m[2]]
		if m[3] != "" {
			scale := max(number(m[4]), 1)
			base += fmt.Sprintf("+%s*%d", m[3], scale)
			place += scale * w.moved[m[3]]
		}
		w.load(base, place, bytes)
	}
}

var (
	memoryARM = regexp.MustCompile(`^(.*?), \[(x\d+)(?:, #(-?0x[0-9a-f]+|-?\d+))?\](!)?(?:, #(-?0x[0-9a-f]+|-?\d+))?$`)
	addARM    = regexp.MustCompile(`^(x\d+), (x\d+), #(0x[0-9a-f]+|\d+)$`)
	quad      = regexp.MustCompile(`\bq\d+|\bv\d+\.(?:4s|16b|2d|8h)`)
)

func walkARM(body []instruction, w *walker) {
	for _, in := range body {
		if m := addARM.FindStringSubmatch(in.args); m != nil && m[1] == m[2] {
			switch in.name {
			case "add":
				w.moved[m[1]] += number(m[3])
			case "sub", "subs":
				w.moved[m[1]] -= number(m[3])
			}
			continue
		}
		m := memoryARM.FindStringSubmatch(in.args)
		if m == nil {
			continue
		}
		base, offset := m[2], number(m[3])
		at := w.moved[base] + offset
		bytes := 16 * len(quad.FindAllString(m[1], -1))
		// A lane has a number behind its register.
		if strings.HasPrefix(in.name, "ld") && in.name != "ld1r" && bytes > 0 && !strings.Contains(m[1], "}[") {
			w.load(base, at, bytes)
		}
		if m[4] == "!" {
			w.moved[base] += offset
		}
		w.moved[base] += number(m[5])
	}
}
