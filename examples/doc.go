// Package examples has nothing of its own: each folder below is a program, or a
// package, that uses softmax as a Go service would.
package examples
