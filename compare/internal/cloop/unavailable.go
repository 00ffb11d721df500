//go:build !cgo

package cloop

// Compiler is the one that made the loops, and Level the instructions that they use; they are empty without cgo.
func Compiler() string { return "" }

func Level() string { return "" }

// Run panics: there are no loops without cgo.
func Run(Loop, []float32, []float32, []float32, int, int) { panic("cloop: built without cgo") }
