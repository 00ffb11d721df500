// Package scalar holds the kernels that are written in plain Go and run on
// every architecture.
package scalar
