module github.com/twopass-softmax/twopass/tools/dependency

go 1.24.0

require golang.org/x/mod v0.26.0
