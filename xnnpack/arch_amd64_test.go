package xnnpack

const (
	architecture = "amd64"
	kernelCount  = 216
	foreign      = "f32_rmax_ukernel__neon_u4"
)
