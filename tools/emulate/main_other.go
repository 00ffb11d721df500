//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "emulate: it runs on Linux only")
	os.Exit(125)
}
