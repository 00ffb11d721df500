// Package native computes softmax, log-softmax and log-sum-exp of float32 in Go assembly, without
// cgo.
//
//	native.Softmax(probs, logits) // one row
//	lse := native.LogSumExp(energies)
//
//	native.SoftmaxRows(native.Rows(probs, 1000), native.Rows(logits, 1000), nil)
//	native.SoftmaxRows(native.Row(probs), native.Row(logits), &native.Options{
//		Scale: 1 / temperature,
//		Keep:  native.Row(allowed),
//	})
//
// [Softmax], [LogSoftmax] and [LogSumExp] take one row. [SoftmaxRows], [LogSoftmaxRows] and
// [LogSumExpRows] take a [Matrix] of float32, float16 or bfloat16, and [Options]: scale, masks,
// goroutines. [SoftmaxAxis], [LogSoftmaxAxis] and [LogSumExpAxis] work along any axis of a
// [Tensor]. [LogProbs] computes one element of each row's log-softmax, [TopK] the largest elements
// of each row's softmax. [SoftmaxGrad] and [LogSoftmaxGrad] are the backward passes. An
// [Accumulator] takes a row in pieces, which may lie on several machines; [ExpRows] takes a piece
// of many rows at once, as attention by blocks of keys needs it.
//
// Functions do not retain their slices. They allocate nothing, except to start goroutines that
// Options.Goroutines asks for; scratch buffers come from a pool. All functions are safe for
// concurrent use; methods that change an Accumulator are not.
//
// # One answer
//
// The same input and options give the same bits on every CPU and architecture, with every algorithm
// and number of goroutines, in place or not. Results that a laptop wrote to a file hold on the
// server. Every NaN is 0x7fc00000 (0x7e00 in float16, 0x7fc0 in bfloat16). From version 1 on, the
// bits change only with the major version of the module.
//
// # Errors
//
//	Softmax      relative, at most 6 * 2^-24, or 7 * 2^-24 if an element of the row is beyond 16,384 in size
//	LogSoftmax   absolute, at most 2^-22 + 2^-23 * |y|; relative for an almost sure element, down to 2^-128
//	LogSumExp    absolute, at most 2^-22 + 2^-24 * |y|
//
// The bounds hold for every length of a row and every distance to its maximum. docs/arithmetic.md
// in the repository proves them.
//
// # Special values
//
//	input                             Softmax              LogSoftmax             LogSumExp
//	finite, anywhere in float32       correct              correct                correct
//	some -Inf, at least one finite    0 there, the rest    -Inf there, the rest   correct
//	                                  correct              correct
//	all -Inf                          all NaN              all NaN                -Inf
//	any +Inf, no NaN                  all NaN              all NaN                +Inf
//	any NaN                           all NaN              all NaN                NaN
//	empty                             nothing written      nothing written        -Inf
//
// "Correct" means within the bounds above. A softmax below 2^-126 is 0, and one below 2^-126 *
// (1 + 2^-20) may be. With Options.ZeroRows, the softmax of a row that is all -Inf is all 0, and its
// log-softmax all -Inf.
//
// # How it works
//
// Softmax normally takes three passes over a row: its maximum, which prevents overflow, the sum of
// exp(x - max), and the division. The two-pass algorithm of Dukhan and Ablavatski ("The Two-Pass
// Softmax Algorithm", arXiv 2001.04438) writes each exp(x) as a pair, m * 2^n, which can't
// overflow, and so needs no maximum. Here all pairs of a row share an integer N, and m * 2^(n-N) is
// one float32. N comes from the beginning of the row; an element too large for it starts a new N.
// This leaves two passes, one exponential per element, and no rounded x - max.
//
// Rows that fit into the caches store their exponentials between the passes. Longer rows compute
// them twice, which is less traffic to memory. [Options.Explain] says which.
//
// # Instructions
//
// AVX-512, AVX2 (with FMA and F16C), NEON, RVV 1.0 (RISC-V's V extension, registers of any size),
// and plain Go. The environment variable TWOPASS_ISA limits the package to a level: scalar, avx2,
// avx512, neon or rvv. XNNPACK's names of sets of instructions work too, and mean the level that
// needs no more than they have: avx512skx is avx512, avx512f is avx2, sse2 is scalar. An unknown
// value, or one for another architecture, is ignored, and [Level] reports it. GODEBUG=cpu.avx2=off
// and the like work as in the standard library. The purego build tag leaves all assembly out, as
// does Go 1.24 on RISC-V, whose assembler lacks the instructions.
package native
