// Package scalar holds the kernels that are written in plain Go and run on
// every architecture.
//
// Upstream's unrolled C kernels of one family differ, bit for bit, only in which
// accumulator an element goes to and in how the accumulators are merged. So there
// is one loop per number of accumulators here, and the tile size only says how
// many elements the main loop takes and how many are left for the first
// accumulator.
//
// Every product that is added to something is converted explicitly: the language
// lets a compiler fuse x*y + z into one rounding, and Go's does on arm64, ppc64,
// riscv64, s390x and, at GOAMD64=v3, on amd64; float32(x*y) + z forbids it.
//
// # The two-pass kernels
//
// Upstream has no scalar f32_raddextexp and f32_vscaleextexp. The ones here do what its
// AVX2 kernels do in one lane: same constants, rounding, order of operations and
// merge of accumulators. Their variants are
//
//   - fma_p5, where each multiply-add is rounded once, as on AVX2, on any machine;
//   - p5, where product and sum are each rounded, and x - n*log(2), which needs the
//     digits that this loses, is computed in float64: some four times faster,
//     since Go offers no float32 FMA.
package scalar
