// Package arith64 is the arithmetic of package f64: a definition that fixes every bit of a result,
// and kernels that follow it in plain Go and in assembly.
//
// # The definition, version 1
//
// From version 1 of the module on, it changes only with the major version. An operation rounds
// once, to nearest even; fma(a, b, c) is a*b + c, rounded once. u is 2^-53, the largest relative
// error of a rounding.
//
// An exponential. As in the two-pass algorithm (Dukhan and Ablavatski, arXiv 2001.04438) it is a
// pair, m * 2^n. All elements of a chunk share an integer N, and m * 2^(n-N) is one float64.
//
//  1. kHi + kLo is scale * log2(e) to 2^-105.
//  2. A row is cut into chunks of 4096 elements. m is the largest element of a chunk, and N is
//     round(m * kHi) - 4.
//  3. low is (N - 1020) / kHi. An element below low counts as low.
//  4. n = round(x * kHi) is made of magic = 1.5 * 2^52 - N, exact: v = fma(x, kHi, magic), whose last
//     bits are n - N; -n = magic - v, exact.
//  5. f = fma(x, kLo, fma(x, kHi, -n)).
//  6. q = f * p(f) is 2^f - 1, with p a polynomial of degree 10 by Horner's rule, in fma.
//  7. The exponential is fma(s, q, s) with s = 2^(n-N).
//
// A sum.
//
//  8. Element i of a chunk belongs to lane i mod 8. Elements i and i+8, with i mod 16 < 8, are added
//     up to t; an element that is missing counts as low.
//  9. A lane's sum S begins at 2^18 and its rest R at 0: a = S; S = a + t; R += t - (S - a). The
//     exponentials are below 2^4.6, so S stays below 2^19 and t - (S - a) is exact.
//  10. A chunk's total is hi + lo: hi is the sum of S - 2^18 over the lanes, exact, as all are
//     multiples of 2^-34 below 2^17; lo that of R. Lanes 4 to 7 are added to lanes 0 to 3, 2 and 3
//     to 0 and 1, 1 to 0.
//  11. Chunks are added up in blocks of 16, and those to the row: with the power of two that brings
//     both to the larger N, hi by TwoSum, whose error goes to lo with the other lo.
//
// Softmax. c = 1/(hi + lo) * 2^(300-d) is cHi + cLo, d being the row's N less that of the
// exponential.
//
//  12. The result is fma(e, cHi, e * cLo) * 2^-300 for the exponential e, the last product exact, and
//     +0 where e is below thr = hi * (1 + 2^-51) * 2^(d-1022): results are 0 or at least 2^-1022.
//
// Logarithms.
//
//  13. top is the exponential of the largest element with the row's N. If the rest of the sum, without
//     it, is below top / 2, it is the total of the same row with -Inf in place of the first such
//     element, and the excess, log(sum(exp(scale*x))) - scale*max, is log1p(rest / top). Otherwise the
//     excess is (N*ln(2) - scale*max) + log(hi + lo), in two float64. [Excess] has the formulas.
//  14. log-sum-exp = scale * max + excess, rounded once. Log-softmax = fma(x - max, scale, -excess);
//     with a max beyond 2^900 in size fma(x/2 - max/2, 2*scale, -excess).
//
// Rows far from 0.
//
//  15. A row whose largest element is beyond 2^41 in size, times the scale, is shifted: that element
//     is subtracted from all others first. Differences within a factor of two are exact, and of
//     others the exponential is 0.
//
// Prepared elements.
//
//  16. With something to add, an element is fma(x, scale, add), rounded once, and then the scale is 1.
//     A negative scale negates elements and is taken for its size. Where finite numbers make an
//     infinity, it is the largest finite number of that sign. A mask that takes an element out makes
//     it -Inf. Every NaN is 0x7ff8000000000000.
//
// Exponentials with their sum, as online softmax takes them.
//
//  17. They have the N of the largest element so far, without a shift or less the accumulator's
//     reference, and are 0 below 2^-1019. Another N multiplies earlier ones by a power of two.
//  18. They are divided as in 12, the total being that of this N. An element beyond 2^700 in size is
//     multiplied by 2^-400 first and by 2^400 last; -0 becomes 0.
//
// Nothing else shows in a result: no set of instructions, no number of goroutines, no stride or
// alignment, and not whether exponentials are stored or computed twice.
//
// # Errors
//
// In units of u, relative, to first order. What is left out is below 0.01.
//
// An exponential has at most 2.1. For f from -1/2 to 1/2: f is rounded twice, each to 2^-55, together
// 0.35 of 2^f; the last step of p is rounded to 2^-54 and multiplied by f, 0.25; its constant term is
// the float64 next to ln(2), 0.11, and p is off by 0.05; q is rounded to 2^-55, 0.25. At f = -1/2 that is
// divided by 2^f = 0.707, with a last rounding of 0.707: 2.1 together. For f above 0 the last rounding is
// 1/2^f and the others grow with f: less. What is computed of kHi + kLo adds |scale*x| * 2^-105.
//
// A total has 3.1: its exponentials, and one for each t. S - 2^18 and the lanes are exact; R is a
// sum of 256 numbers below 2^-35, each rounded to 2^-80, next to a total of at least 11.
//
// A softmax has 6.2: its exponential, the total, and one rounding. cHi + cLo is off by 2^-100. An
// element that counts as low would have a result below 2^-1020 / 11, and so is 0.
//
// The excess is off by the total's 3.1 * 2^-53 absolutely, and by 2^-58 for the logarithm. If the rest
// is below top / 2: relatively by 2.1 of top, 3.1 of rest, and 4 of the quotient and log1p.
package arith64
