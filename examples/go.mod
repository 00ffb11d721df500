module github.com/twopass-softmax/twopass/examples

go 1.24.0

replace github.com/twopass-softmax/twopass => ../

require (
	github.com/twopass-softmax/twopass v0.0.0
	pgregory.net/rapid v1.3.0
)

require (
	github.com/klauspost/cpuid/v2 v2.4.2 // indirect
	golang.org/x/sys v0.41.0 // indirect
)
