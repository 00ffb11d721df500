// Package proptest has property tests of package native. It is a module of its
// own so that who uses native does not inherit the library they are written
// with.
package proptest
