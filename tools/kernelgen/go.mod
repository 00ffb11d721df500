module github.com/twopass-softmax/twopass/tools/kernelgen

go 1.24.0

require (
	github.com/mmcloughlin/avo v0.5.0
	github.com/twopass-softmax/twopass v0.0.0
	golang.org/x/arch v0.24.0
)

require (
	github.com/klauspost/cpuid/v2 v2.4.2 // indirect
	golang.org/x/mod v0.6.0 // indirect
	golang.org/x/sys v0.41.0 // indirect
	golang.org/x/tools v0.2.0 // indirect
)

replace github.com/twopass-softmax/twopass => ../..
