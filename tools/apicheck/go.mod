module github.com/twopass-softmax/twopass/tools/apicheck

go 1.24.0

require (
	golang.org/x/exp v0.0.0-20250718183923-645b1fa84792
	golang.org/x/mod v0.26.0
)

require golang.org/x/tools v0.35.0 // indirect
