// Emulate runs a static Linux program on a CPU that this machine does not have.
//
//	emulate avx512 [FLAGS] [--] BINARY [ARGS...]
//	emulate arm64|riscv64|s390x [FLAGS] [--] BINARY [ARGS...]
//	emulate provide [--prefer-native] avx512|arm64|riscv64|s390x|arm64-gcc
//
// avx512 boots a Linux kernel under the Bochs emulator, which shows an Intel
// Skylake-X (or another --cpu: see emulate avx512 --cpu=help), and runs BINARY
// there as the only program: about 10 seconds before its first instruction,
// then some 40 million instructions a second. arm64, riscv64 and s390x
// translate BINARY with qemu's user mode. All come from Debian's packages, provided at first use in
// the user's cache directory ($XDG_CACHE_HOME, ~/.cache) by the machine's own
// apt configuration, without root; provide does only that, and prints where.
// provide arm64-gcc is for the C and C++ compiler that makes programs for arm64.
//
// Bochs 2.7 computes some results wrongly: VCVTPS2PH rounds what lies halfway
// between two float16 numbers away from zero, and a fused multiply-add of float64
// loses a rest below 2^-53 or so of its product.
//
// The program sees its arguments, its environment and its working directory
// under the names they have here. Under qemu it sees every file; under Bochs
// only itself, the testdata folder of the working directory, the runfiles of a
// Bazel test, and what --file names. Standard input is empty there. The variable
// TWOPASS_EMULATOR tells the program what it runs on. Under qemu a program that
// starts another one, such as itself, puts the words of TWOPASS_RUN_UNDER before
// its name: this machine's kernel would not run it.
//
// # As a runner of tests
//
// By hand, in any folder of this module:
//
//	go install ./tools/emulate
//	CGO_ENABLED=0 go test -exec 'emulate avx512' ./native/...
//	CGO_ENABLED=0 GOARCH=arm64 go test -exec 'emulate arm64' ./native/...
//	CGO_ENABLED=0 GOARCH=riscv64 go test -short -exec 'emulate riscv64 --cpu=rv64,v=true,vlen=256' ./native/...
//	CGO_ENABLED=0 GOARCH=s390x go test -short -exec 'emulate s390x' ./native
//
// Bazel's configurations avx512 and arm64 use it as --run_under. A test's time
// limit (-test.timeout) is kept in this machine's time; the guest's clock is
// not to be relied on. The shard of a Bazel test is passed on, and what it
// leaves in TEST_UNDECLARED_OUTPUTS_DIR comes back.
//
// # Exit status
//
// The program's own, and where there is none, with a line that says so:
//
//	124    the time limit was reached
//	125    emulate could not do its work: wrong usage, no emulator to be had,
//	       BINARY not static or for another CPU
//	126    the emulator ended before the program did
//	132    an illegal instruction (128 + SIGILL): BINARY uses an instruction
//	       that the CPU shown does not have
//	128+N  signal N ended the program
//
// A Go program reports such a signal itself and exits with status 2, which is
// turned into 128+N. (go run replaces every status other than 0 by 1.)
package main
