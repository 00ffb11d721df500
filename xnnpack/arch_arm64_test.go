package xnnpack

const (
	architecture = "arm64"
	kernelCount  = 79
	foreign      = "f32_rmax_ukernel__avx_u8"
)
