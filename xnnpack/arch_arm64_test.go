package xnnpack

const (
	architecture = "arm64"
	kernelCount  = 40
	foreign      = "f32_rmax_ukernel__avx_u8"
)
