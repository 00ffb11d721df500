//go:build !race

package f64_test

const race = false
