// Package xnnpack calls the softmax microkernels of XNNPACK, Google's library
// of neural-network operators, compiled from upstream's C at the commit that
// third_party/xnnpack pins: 216 kernels on amd64, 79 on arm64.
//
// There are two ways to compute, which differ in denormals, numbers below 2^-126:
//
//   - [SoftmaxNCF32] is upstream's operator, to the bit; [SoftmaxNCF16] and
//     [SoftmaxNCQU8] are those for float16 and quantized numbers. They run with
//     denormals off, as upstream runs all operators: denormals count as zeros, and
//     results below 2^-126 (2^-14 in binary16, on arm64) are 0. A whole matrix is one
//     call through cgo.
//   - [Softmax], [SoftmaxRows], [SoftmaxWith] and the kernels of [Lookup] are
//     upstream's microkernels with denormals on, as in Go and in package native.
//     Where no denormal occurs, Softmax has the operator's bits. SoftmaxWith takes
//     any of the three algorithms of Dukhan and Ablavatski (arXiv 2001.04438) and any
//     kernels. The call through cgo costs about 50 ns for each pass of a row.
//
// No function copies data, or allocates memory other than for goroutines. All are safe
// for concurrent use.
//
// # Building
//
// Bazel builds and links the kernels itself. The go command needs the library
// installed, pkg-config, and a build tag:
//
//	tools/bazel run //third_party/xnnpack:install -- PREFIX
//	PKG_CONFIG_PATH=PREFIX/lib/pkgconfig go build -tags xnnpack ./...
//
// Without the tag, without cgo, and on architectures other than amd64 and arm64
// the package compiles, but has no kernels, and [Available] says why. The go command
// does not notice that an installed library has changed: build with -a after
// installing another one.
//
// # Special values
//
// Upstream promises nothing about infinities, NaNs and very large inputs, and
// its kernels differ. Measured on amd64, where N is a row's largest magnitude
// (of x - max in the three-pass algorithms):
//
//	                       reload   recompute, AVX2   recompute, AVX-512F   two-pass, AVX2   two-pass, AVX-512F
//	N up to 1e10           right    right             right                 right            right
//	N from 4e15 to 1e30    right    right             wrong                 wrong            wrong
//	some -Inf              right    right             right                 all NaN          right
//	all -Inf               all NaN  all NaN           all NaN               all NaN          all NaN
//	a +Inf                 all NaN  all NaN           all NaN               all NaN          NaN there, 0 elsewhere
//	a NaN                  all NaN  all NaN           all NaN               all NaN          all NaN
//
// Right means exp(x) / sum(exp(x)), which is 0 where x is -Inf, and 0 for results
// below about 2^-126. Wrong means NaN for some or all elements, and 0 for the others.
// Only reload is right for all finite rows on every ISA.
//
// # Reading past the end
//
// Some kernels read up to 12 bytes past the end of src (upstream marks them
// XNN_OOB_READS): f32_raddstoreexpminusmax for sse2, neon and neonfma, and
// f32_vmulc for sse and neon. [Softmax] uses them on arm64, and on amd64 without
// AVX2. Float16 kernels for f16c, avx2 and neonfp16arith, and with them [SoftmaxNCF16],
// read up to 14 bytes past the end. The bytes do not change the result, but a row at the
// end of the process's memory, as in a mapped file, needs room behind it. All other
// kernels access only their slices, and none writes outside of dst.
package xnnpack
