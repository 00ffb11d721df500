// Package tools holds the shell library that this repository's tools share.
package tools

import _ "embed"

// AptPrivate is apt-private.sh, whose functions get Debian packages without
// root; programs in Go hand it to bash.
//
//go:embed apt-private.sh
var AptPrivate string
