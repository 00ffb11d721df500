// Package dependency has tests of this repository as others get it: as modules
// from a proxy, as a library that pkg-config finds, as a Bazel module, and as a
// repository of a Bazel workspace. What they build is the code that the documents
// show.
//
//	go test ./tools/dependency
//	PKG_CONFIG_PATH=PREFIX/lib/pkgconfig go test -tags xnnpack ./tools/dependency
//	go test -tags with_bazel -run Bazel ./tools/dependency
//
// They need the go command and the source tree, and no network once the module
// cache has what the root module needs.
package dependency
