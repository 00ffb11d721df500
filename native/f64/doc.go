// Package f64 is package native for float64: the same functions and options, with the errors of
// float64.
//
//	f64.Softmax(probs, logits) // one row
//	lse := f64.LogSumExp(energies)
//
//	f64.SoftmaxRows(native.Rows(probs, 1000), native.Rows(logits, 1000), nil)
//
// It lacks 16-bit elements and the options that don't change results: Algorithm, Streaming and
// Explain. [native.Row], [native.Rows], [native.Along] and [native.Level] serve both packages. A
// gonum blas64.General converts to a native.Matrix[float64].
//
// Functions do not retain their slices. They allocate nothing, except to start goroutines that
// Options.Goroutines asks for; scratch buffers come from a pool. All functions are safe for
// concurrent use; methods that change an [Accumulator] are not.
//
// # One answer
//
// The same input and options give the same bits on every CPU and architecture, with every number of
// goroutines, in place or not. Every NaN is 0x7ff8000000000000, which is not the one of [math.NaN].
// From version 1 on, the bits change only with the major version of the module.
//
// # Errors
//
//	Softmax      relative, at most 7 * 2^-53
//	LogSoftmax   absolute, at most 2^-51 + 2^-52 * |y|; relative for an almost sure element, down to 2^-1022
//	LogSumExp    absolute, at most 2^-51 + 2^-53 * |y|
//
// The bounds hold for every length of a row and every distance to its maximum. The package comment
// of internal/arith64 defines the arithmetic and counts its roundings.
//
// # Special values
//
//	input                             Softmax              LogSoftmax             LogSumExp
//	finite, anywhere in float64       correct              correct                correct
//	some -Inf, at least one finite    0 there, the rest    -Inf there, the rest   correct
//	                                  correct              correct
//	all -Inf                          all NaN              all NaN                -Inf
//	any +Inf, no NaN                  all NaN              all NaN                +Inf
//	any NaN                           all NaN              all NaN                NaN
//	empty                             nothing written      nothing written        -Inf
//
// "Correct" means within the bounds above. A softmax below 2^-1022 is 0. With Options.ZeroRows, the
// softmax of a row that is all -Inf is all 0, and its log-softmax all -Inf.
//
// # How it works
//
// As in package native, each exponential is a pair, m * 2^n. The pairs of a chunk of 4096 elements
// share an integer N, so that m * 2^(n-N) is one float64. N comes from the chunk's largest element,
// found while the chunk is in the cache, so that a row is read from memory twice. Its exponentials
// are stored between the passes or, in rows longer than the caches, computed twice.
//
// The instructions are those that native uses, and TWOPASS_ISA limits both.
package f64
