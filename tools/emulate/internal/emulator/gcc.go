//go:build linux

package emulator

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/twopass-softmax/twopass/tools/emulate/internal/prefix"
)

const arm64Triple = "aarch64-linux-gnu"

// gccSet is the compiler of C and C++ that makes programs for arm64 on amd64.
var gccSet = prefix.Set{
	Name:     "gcc-arm64-12-2",
	Suite:    "bookworm",
	Packages: []string{"g++-" + arm64Triple, "libc6-dev-arm64-cross"},
	// The compiler runs on this machine's libc; the sanitizers are not used.
	Without: []string{
		"libc6", "libgcc-s1", "zlib1g",
		"libasan8-arm64-cross", "libhwasan0-arm64-cross", "libitm1-arm64-cross",
		"liblsan0-arm64-cross", "libtsan2-arm64-cross", "libubsan1-arm64-cross",
	},
	Finish: finishGCC,
}

// compilerWrapper runs one of the compiler's programs with its own libraries.
// gcc finds its other parts by its own place.
const compilerWrapper = `#!/bin/sh
root=$(dirname "$(dirname "$(realpath "$0")")")
LD_LIBRARY_PATH=$root/` + prefix.LibDir + ` exec "$root/usr/bin/${0##*/}" "$@"
`

// finishGCC puts wrappers into bin and checks that the compiler makes a program.
func finishGCC(ctx context.Context, dir string) error {
	programs, err := filepath.Glob(filepath.Join(dir, "usr/bin", arm64Triple+"-*"))
	if err != nil {
		return err
	}
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	for _, p := range programs {
		if err := os.WriteFile(filepath.Join(bin, filepath.Base(p)), []byte(compilerWrapper), 0o755); err != nil {
			return err
		}
	}
	source := filepath.Join(dir, "check.cc")
	if err := os.WriteFile(source, []byte("#include <cmath>\n#include <iostream>\nint main(int n, char **v) { std::cout << std::exp(n); }\n"), 0o644); err != nil {
		return err
	}
	program := filepath.Join(dir, "check")
	defer os.Remove(source)
	defer os.Remove(program)
	if out, err := exec.CommandContext(ctx, filepath.Join(bin, arm64Triple+"-gcc"), "-static", "-o", program, source, "-lstdc++", "-lm").CombinedOutput(); err != nil {
		return fmt.Errorf("the compiler makes no program: %w: %s", err, tail(out))
	}
	return nil
}

// ProvideGCC makes a compiler of C and C++ for arm64 available in a directory below base
// and returns the directory; its programs are in bin.
func ProvideGCC(ctx context.Context, base string, log io.Writer) (string, error) {
	if runtime.GOARCH != "amd64" {
		return "", fmt.Errorf("the compiler is provided for linux/amd64 only, this is linux/%s", runtime.GOARCH)
	}
	return prefix.Provide(ctx, base, gccSet, log)
}
