package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// iterations of a loop are so many that its beginning and end don't count.
const iterations = 500

// figures are what llvm-mca says about a loop.
type figures struct {
	// Cycles is those of a turn; Ports is the least that the CPU's execution
	// ports allow, if the instructions waited for nothing else.
	Cycles, Ports float64
}

// input is the text of loops, each a region of its own name.
func input(loops map[string]loop, names []string) string {
	var b strings.Builder
	for i, name := range names {
		body := loops[name].body
		fmt.Fprintf(&b, "# LLVM-MCA-BEGIN %s\n.L%d:\n", name, i)
		for j, in := range body {
			fmt.Fprintf(&b, "\t%s\t%s", in.name, in.args)
			if j == len(body)-1 {
				fmt.Fprintf(&b, ".L%d", i)
			} else if in.jumps {
				// A way out of the loop.
				fmt.Fprintf(&b, ".Lout")
			}
			b.WriteString("\n")
		}
		b.WriteString("# LLVM-MCA-END\n")
	}
	b.WriteString(".Lout:\n")
	return b.String()
}

// run analyses loops on a CPU.
func (a *arch) run(ctx context.Context, tool, cpu string, loops map[string]loop, names []string) (map[string]figures, error) {
	cmd := exec.CommandContext(ctx, tool, "-mtriple="+a.triple, "-mcpu="+cpu, fmt.Sprint("-iterations=", iterations),
		"-json", "-instruction-info=false", "-resource-pressure=false")
	cmd.Stdin = strings.NewReader(input(loops, names))
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s -mcpu=%s: %w: %.300s", tool, cpu, err, problems.String())
	}
	return readFigures(&out)
}

// readFigures reads llvm-mca's JSON.
func readFigures(r io.Reader) (map[string]figures, error) {
	var doc struct {
		CodeRegions []struct {
			Name        string
			SummaryView struct {
				BlockRThroughput, TotalCycles float64
				Iterations                    float64
			}
		}
	}
	if err := json.NewDecoder(r).Decode(&doc); err != nil {
		return nil, fmt.Errorf("llvm-mca's JSON: %w", err)
	}
	all := make(map[string]figures)
	for _, region := range doc.CodeRegions {
		s := region.SummaryView
		if !(s.Iterations > 0) || !(s.TotalCycles > 0) || !(s.BlockRThroughput > 0) {
			return nil, fmt.Errorf("llvm-mca says %+v of %s", s, region.Name)
		}
		all[region.Name] = figures{s.TotalCycles / s.Iterations, s.BlockRThroughput}
	}
	return all, nil
}
