// Package x86 holds the kernels written in amd64 assembly. It is empty on other
// architectures and under the purego build tag.
package x86
