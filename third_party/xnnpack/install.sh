#!/usr/bin/env bash
# install.sh LIBRARY HEADER PC LICENSE PREFIX: installs upstream's kernels for use by pkg-config.
#
# `bazel run //third_party/xnnpack:install -- PREFIX` supplies all but PREFIX, which may be relative to the directory
# that command was given in. Each file appears whole; the pkg-config file, which makes the others visible, is the last.
set -euo pipefail
[ $# = 5 ] || {
  echo "usage: bazel run //third_party/xnnpack:install -- PREFIX" >&2
  exit 2
}
prefix=$(cd "${BUILD_WORKING_DIRECTORY:-.}" && realpath -m "$5")

put() {
  mkdir -p "$(dirname "$2")"
  install -m 644 "$1" "$2.$$"
  mv -f "$2.$$" "$2"
}
put "$1" "$prefix/lib/libxnnpack-softmax.a"
put "$2" "$prefix/include/xnnpack-softmax/kernels.h"
put "$4" "$prefix/share/doc/xnnpack-softmax/copyright"
put "$3" "$prefix/lib/pkgconfig/xnnpack-softmax.pc"
echo "installed: PKG_CONFIG_PATH=$prefix/lib/pkgconfig go build -tags xnnpack ./..."
