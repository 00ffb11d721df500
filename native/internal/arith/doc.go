// Package arith is the arithmetic.
package arith
