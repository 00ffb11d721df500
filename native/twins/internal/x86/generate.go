package x86

//go:generate go run -C ../../../../tools/kernelgen . -o ../..
