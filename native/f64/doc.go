// Package f64 is package native for float64: its functions, with the same shapes and words and with the
// errors of float64.
//
//	f64.Softmax(probs, logits)                       // one row
//	lse := f64.LogSumExp(energies)
//
//	f64.SoftmaxRows(native.Rows(probs, 1000), native.Rows(logits, 1000), nil)
//
// What native has and this has not: options that don't show in results (Algorithm, Streaming and
// Explain), and elements of 16 bits. [native.Row], [native.Rows], [native.Along] and [native.Level] are for
// both.
//
// A gonum blas64.General can be converted to a native.Matrix[float64]. Functions do not retain their
// slices. They allocate nothing, unless they are told to use more than one goroutine; scratch buffers
// come from a pool. All may be called concurrently, except those that change an [Accumulator].
//
// # One answer
//
// The same input and options give the same bits on every CPU and architecture, whatever instructions
// it has, with every number of goroutines, in place or not. Every NaN is 0x7ff8000000000000, which is
// not the one of [math.NaN]. The bits change with the major version of the module alone.
//
// # Errors
//
//	Softmax      relative, at most 7 * 2^-53
//	LogSoftmax   absolute, at most 2^-51 + 2^-52 * |y|; relative for an almost sure element, down to 2^-1022
//	LogSumExp    absolute, at most 2^-51 + 2^-53 * |y|
//
// They do not grow with the length of a row nor with the distance to its maximum. The comment of
// package arith64, below this one, has the definition of the arithmetic and counts its roundings.
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
// Options.ZeroRows makes rows that are all -Inf zeros. "Correct" is within the bounds above. A softmax
// below 2^-1022 is 0.
//
// # How it works
//
// As in package native each exponential is a pair, m * 2^n, and those of a chunk of 4096 elements share
// an integer N, so that m * 2^(n-N) is one float64. N comes from the chunk's largest element, which
// takes a look at the chunk first, while it is in the cache. So a row is read from memory twice. Its
// exponentials are stored between the passes, or, of rows longer than the caches, computed twice.
//
// The instructions are those that native uses, and TWOPASS_ISA limits both.
package f64
