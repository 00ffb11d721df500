// Package neon holds the kernels written in arm64 assembly. It is empty on other
// architectures and under the purego build tag.
package neon
