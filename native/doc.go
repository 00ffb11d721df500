// Package native computes softmax, log-softmax and log-sum-exp of float32 in Go
// assembly, without cgo, within stated error bounds, and treats special values
// as PyTorch does.
//
//	native.Softmax(probs, logits)                          // one row
//	native.SoftmaxRows(probs, logits, rows, cols, cols, cols)
//	lse := native.LogSumExp(energies)
//
//	sampler, err := native.New(native.WithScale(1 / temperature))
//	sampler.Masked(native.Mask{Keep: allowed}).Softmax(probs, logits)
//
// The functions [Softmax], [LogSoftmax] and [LogSumExp] and their forms for the
// rows of a matrix have no settings. A [Softmaxer] has: algorithm, scale, masks,
// instructions, goroutines. An [Accumulator] takes a row that comes in pieces or
// lies on several machines. [SoftmaxHalf] and the like take float16 and
// bfloat16. [SoftmaxGrad] and [LogSoftmaxGrad] are the backward passes.
//
// No function keeps the memory that it is given, but a [Mask] stays with the
// Softmaxer that has it. Those that compute allocate nothing, unless they are
// told to use more than one goroutine; scratch buffers come from a pool, which a
// garbage collection may empty. All may be called concurrently, except those
// that change an Accumulator.
//
// # Special values
//
// Whatever the algorithm, the CPU and the number of goroutines:
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
// [WithZeroRows] makes rows that are all -Inf zeros. "Correct" means within
// the bounds that each function states. Sums carry along what their additions
// round off, so that the error does not grow with the length of a row.
//
// # Which algorithm
//
// The default, Auto, needs no thought. It takes the reload algorithm for rows in
// the caches, and another for longer ones: recompute, or with AVX-512F
// alone two passes.
//
//	algorithm             reads + writes of memory   exponentials   best where
//	TwoPass               2 + 1                      2              memory is the limit, and there is no fused first pass
//	ThreePassReload       2 + 2                      1              arithmetic is: rows in the cache, short vectors
//	ThreePassRecompute    2 + 1                      2              memory is: long rows, many cores
//
// The three-pass algorithms go over long rows by blocks, so that the pass for the
// maximum and the one after it read memory once, and not twice as in their plain
// form. With AVX2, AVX-512 and NEON these two are one pass, which sums relative to a
// number near the maximum and looks for larger ones as it goes.
//
// With them the reload algorithm is one kernel for rows of up to 2^20 elements. That
// for up to 32 elements (NEON), 64 (AVX2) or 128 (AVX-512) keeps a row in registers.
//
// [Softmaxer.Explain] tells what is chosen for a length, which kernels run, and
// why. LogSumExp and LogSoftmax read a row once to sum it, whichever the
// algorithm, and LogSoftmax once more to write.
//
// The two-pass algorithm is that of Dukhan and Ablavatski, "The Two-Pass Softmax
// Algorithm" (arXiv 2001.04438): it sums exp(x) as pairs (mantissa, exponent),
// which can't overflow, and so needs no maximum first. Its results do not
// suffer from the rounding of x - max: their error is at most 4 units in the
// last place if the maximum is within 45000 in size. Beyond, it takes three passes.
//
// # Which instructions
//
// The widest that the CPU has, or those up to the level that the environment
// variable [EnvISA] names, or those of [WithISA]. GODEBUG=cpu.avx2=off and the
// like work as they do for the standard library. The purego build tag leaves
// all assembly out.
//
// # Kernels
//
// [Kernels] and [Lookup] give the kernels themselves, which have upstream
// XNNPACK's names and bits, and upstream's special values: its two-pass kernels
// return NaN as soon as one input is -Inf.
package native
