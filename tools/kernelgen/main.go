// Kernelgen writes the assembly kernels of package native.
//
//	go run . -o ../..
//
// writes them into the tree that begins at ../..; it prints nothing.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/twopass-softmax/twopass/internal/atomicfile"
)

func main() {
	root := flag.String("o", "../..", "write into the source tree at `DIR`")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, "kernelgen:", err)
		os.Exit(1)
	}
}

// run writes every generated file below root.
func run(root string) error {
	files, err := generate()
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := atomicfile.Write(filepath.Join(root, filepath.FromSlash(name)), text); err != nil {
			return err
		}
	}
	return nil
}
