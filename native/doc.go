// Package native computes softmax, log-softmax and log-sum-exp of float32 in Go assembly, without
// cgo.
//
//	native.Softmax(probs, logits)                       // one row
//	lse := native.LogSumExp(energies)
//
//	native.SoftmaxRows(native.Rows(probs, 1000), native.Rows(logits, 1000), nil)
//	native.SoftmaxRows(native.Row(probs), native.Row(logits), &native.Options{
//		Scale: 1 / temperature,
//		Keep:  native.Row(allowed),
//	})
//
// [Softmax], [LogSoftmax] and [LogSumExp] take a row. [SoftmaxRows], [LogSoftmaxRows] and
// [LogSumExpRows] take the rows of a [Matrix] of float32, float16 or bfloat16, and [Options]: scale,
// masks, goroutines. [SoftmaxAxis], [LogSoftmaxAxis] and [LogSumExpAxis] go along any axis of a [Tensor].
// [LogProbs] takes one element of each row's log-softmax, [TopK] the largest ones of each row's softmax.
// [SoftmaxGrad] and [LogSoftmaxGrad] are the backward passes. An [Accumulator] takes a row that comes in
// pieces or lies on several machines; [ExpRows] is such a step for many rows, as attention by blocks takes it.
//
// Functions do not retain their slices. They allocate nothing, unless they are told to use more than
// one goroutine; scratch buffers come from a pool. All may be called concurrently, except those that
// change an Accumulator.
//
// # One answer
//
// The same input and options give the same bits on every CPU and architecture, whatever instructions
// it has, with every algorithm and number of goroutines, in place or not. A file of results that was
// written on a laptop holds on the server. Every NaN is 0x7fc00000 (0x7e00 in float16, 0x7fc0 in
// bfloat16). The bits change with the major version of the module alone.
//
// # Errors
//
//	Softmax      relative, at most 6 * 2^-24, and 7 * 2^-24 in a row with an element beyond 16,384 in size
//	LogSoftmax   absolute, at most 2^-22 + 2^-23 * |y|; relative for an almost sure element
//	LogSumExp    absolute, at most 2^-22 + 2^-24 * |y|
//
// They do not grow with the length of a row nor with the distance to its maximum. docs/arithmetic.md
// in the module's repository proves them.
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
// Options.ZeroRows makes rows that are all -Inf zeros. "Correct" is within the bounds above. A softmax
// below 2^-126 is 0.
//
// # How it works
//
// Softmax that can't overflow normally takes three passes over a row: its maximum, the sum of
// exp(x - max), the division. The two-pass algorithm of Dukhan and Ablavatski ("The Two-Pass Softmax
// Algorithm", arXiv 2001.04438) writes each exp(x) as a pair, m * 2^n, which can't overflow, so that the
// sum needs no maximum first. Here all pairs of a row share an integer N, and m * 2^(n-N) is one float32.
// N comes from the beginning of the row; where a later element is too large for it, a new N begins. So
// there are two passes and one exponential, and no x - max that rounds.
//
// Rows that stay in the caches store their exponentials between the passes; longer ones compute them
// twice, which is less traffic to memory. [Options.Explain] tells.
//
// # Instructions
//
// AVX-512, AVX2 (with FMA and F16C), NEON, RVV 1.0 (RISC-V's V extension, registers of any size), and
// plain Go. The environment variable TWOPASS_ISA limits them to the named level: scalar, avx2, avx512,
// neon or rvv. A value that is unknown or of another architecture is ignored; [Level] reports it.
// GODEBUG=cpu.avx2=off and the like work as they do for the standard library. The purego build tag
// leaves all assembly out; so does Go 1.24 on RISC-V, which can't assemble it.
package native
