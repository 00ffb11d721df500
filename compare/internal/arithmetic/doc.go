// Package arithmetic computes and moves no data: it measures the limit that the CPU's ports set.
package arithmetic
