package dependency

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/twopass-softmax/twopass/tools"
)

// watch makes the go command's cache of test results look at the source tree, once.
var watch = sync.OnceValue(tools.WatchTree)

// root is the source tree.
func root(t *testing.T) string {
	t.Helper()
	dir, err := tools.Root()
	if err == nil {
		err = watch()
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// blocks are the fenced blocks of a language in a document of the source tree.
func blocks(t *testing.T, document, language string) (found []string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root(t), document))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(data), "\n```")
	for i := 1; i < len(parts); i += 2 {
		if text, ok := strings.CutPrefix(parts[i], language+"\n"); ok {
			found = append(found, text+"\n")
		}
	}
	return found
}

// mainFile uses the functions that README.md shows.
const mainFile = `package main

import (
	"fmt"
	"math"
)

func main() {
	x := []float32{1, 2, 3, float32(math.Inf(-1))}
	y := make([]float32, len(x))
	sample(y, x, 0.5)
	fmt.Printf("native %.4f\n", y)
	clear(y)
	err := probabilities(y, x)
	fmt.Printf("xnnpack %.4f %v\n", y, err)
}
`

// What the program of consumer prints; its second line is one of two.
const (
	printsNative  = "native [0.0159 0.1173 0.8668 0.0000]\n"
	printsXNNPACK = "xnnpack [0.0900 0.2447 0.6652 0.0000] <nil>\n"
	printsWithout = "xnnpack [0.0000 0.0000 0.0000 0.0000] xnnpack: "
)

// consumer makes a directory with a program made of README.md's two examples.
func consumer(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write(t, filepath.Join(dir, "main.go"), mainFile)
	examples := blocks(t, "README.md", "go")
	if len(examples) != 2 {
		t.Fatalf("README.md has %d examples in Go, want that of native and that of xnnpack", len(examples))
	}
	write(t, filepath.Join(dir, "native.go"), "package main\n\n"+examples[0])
	write(t, filepath.Join(dir, "xnnpack.go"), "package main\n\n"+examples[1])
	return dir
}

func write(t *testing.T, name, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(name), 0o755)
	if err == nil {
		err = os.WriteFile(name, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// output runs a program in dir, with env added to this environment, and returns
// what it prints on standard output.
func output(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	out, err := tools.Output(dir, env, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
