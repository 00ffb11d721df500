module github.com/twopass-softmax/twopass/examples

go 1.24.0

replace github.com/twopass-softmax/twopass => ../
