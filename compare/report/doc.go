// Package report turns the results of compare's runs into a page to read: HTML
// with its figures in it, and the same as Markdown with figures beside it.
//
// [Write] reads nothing but the results it is given. Equal results make equal
// files.
package report
