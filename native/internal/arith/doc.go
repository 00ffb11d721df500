// Package arith is the arithmetic of package native: a definition that fixes every bit of a
// result, and kernels that follow it in plain Go and in assembly.
//
// # The definition, version 1
//
// From version 1 of the module on, it changes only with the major version. An operation on float32
// rounds once, to nearest even; fma(a, b, c) is a*b + c, rounded once. Lower-case names are float32
// unless the text says float64.
//
// An exponential. The idea is that of the two-pass algorithm (Dukhan and Ablavatski, arXiv
// 2001.04438): e^x = m * 2^n, a pair that can't overflow. Here all elements of a segment share an
// integer N, and m * 2^(n-N) is a single float32.
//
//  1. kHi + kLo is scale * log2(e): the float64 product, split into two float32.
//  2. u = fma(x, kHi, 1.5*2^20), whose last bits are x * kHi in eighths, rounded.
//  3. n = u - 1.5*2^20, exact. An exponential with n < N - 125 is +0; that of a NaN is a NaN.
//  4. f = fma(x, kLo, fma(x, kHi, -n)).
//  5. s is 2^(n-N) times K: the bits of table[8n mod 8] + (8n << 20) - (N << 23).
//  6. q = f * fma(fma(exp3, f, exp2), f, exp1), which is 2^f - 1.
//  7. The exponential is fma(s, q, s).
//
// N is at least 24 below the largest element of the segment in powers of two, as N comes from one
// of its elements, and at most 84: a limit of elements goes with it.
//
// A sum.
//
//  8. Rows are cut into chunks of 2^16 elements. Element i of a chunk belongs to lane i mod 16. A
//     group is 64 elements, 4 in each lane, and a turn two groups. An element that is missing counts as an exponential of 0.
//  9. A chunk's N is round(x * kHi) - 24 for its first element x with scale * x from -2^18 to
//     2^18; if all are below, for the largest one.
//  10. The limit is min((N + 84) * invK, 2^18 / scale), with invK = 1 / (scale * log2(e)) from
//     float64. A turn with an element above it ends the segment before that turn, and begins
//     another with N from the turn's largest element.
//  11. A group's sum of a lane is t = (r0+r1)+(r2+r3). TwoSum adds it to the lane's sum S and
//     rest R: a = S; S = a + t; z = S - a; R += (a - (S-z)) + (t - z).
//  12. A segment's total, in float64: S + R of each lane; then lanes 8 to 15 are added to lanes 0
//     to 7, 4 to 7 to 0 to 3, and so on. Totals of segments and chunks are added in order in
//     float64, times the power of two that brings both to the larger N.
//
// Softmax. c = 2^100/total in float64; cHi = float32(c); cLo = float32(c - cHi).
//
//  13. The result is fma(e, cHi, e * cLo) * 2^-100 for the exponential e, the last product exact,
//     and +0 where e is less than total * (1 + 2^-23) * 2^-126, the float64 product rounded to
//     float32: results are 0 or at least 2^-126. As long as the cHi of an early segment is below
//     1, its exponentials are multiplied by 2^-64 first, exactly, and total is taken 2^-64 times.
//
// Logarithms. In float64; [Excess] has the formulas.
//
//  14. Top is the exponential of the largest element, once. The rest is the sum without it: in
//     the first lane that has that element, S - top takes the place of S. If the rest of a chunk
//     is below top / 2, it is the total of another sum, in which that element is missing and N is
//     round(x * kHi) - 100 for it: next to a large element, small ones are rounded off.
//  15. excess is log1p(rest/top) where the quotient is below 1/2, else the logarithm of top +
//     rest less what belongs to the largest element.
//  16. log-sum-exp = scale * max + excess, rounded once. Log-softmax = fma(x - max, scale, -excess);
//     with a max beyond 2^100 in size fma(x/2 - max/2, 2*scale, -excess).
//
// Rows far from 0.
//
//  17. A row whose largest element is beyond 5 * 2^16 in size, times the scale, is shifted: it is
//     subtracted from all elements first. Differences within a factor of two are exact, and of
//     others the exponential is 0. Kernels stop at 2^18 in order not to overwrite the row before
//     that is known.
//
// Prepared elements.
//
//  18. With something to add, an element is fma(x, scale, add), rounded once, and then the scale
//     is 1. A negative scale negates elements and is taken for its size. Where finite numbers make
//     an infinity, it is the largest finite number of that sign. A mask that takes an element out
//     makes it -Inf.
//  19. 16-bit results are those in float32, rounded to nearest even. Every NaN is 0x7fc00000, in
//     16 bits 0x7e00 (binary16) or 0x7fc0 (bfloat16).
//
// Nothing else shows in a result: no set of instructions, no number of goroutines, no stride or
// alignment, and not whether exponentials are stored or computed twice.
//
// docs/arithmetic.md proves the error bounds.
package arith
