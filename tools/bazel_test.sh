#!/usr/bin/env bash
# bazel_test.sh BAZEL VERSION_FILE: tools/bazel refuses a cache directory that others own or can write to.
set -euo pipefail
mkdir -p "$TEST_TMPDIR/workspace/tools"
workspace=$(realpath "$TEST_TMPDIR/workspace") tmp=$(realpath "$TEST_TMPDIR")
cp "$1" "$workspace/tools/bazel"
cp "$2" "$workspace/.bazelversion"
# Stands in for Bazel, the compiler and go.
for name in bazel gcc go; do
  printf '#!/bin/sh\n[ "$1" = --version ] && echo "bazel 7.7.1" || echo "ran: $*"\n' >"$workspace/$name"
  chmod +x "$workspace/$name"
done
export PATH=$workspace:$PATH BAZEL_REAL=$workspace/bazel CC=gcc
chmod go-w "$tmp" "$workspace"

die() {
  printf '%s\n' "$@" >&2
  exit 1
}
fresh() { # a cache directory as tools/bazel makes it
  rm -rf "$tmp/home"
  mkdir -p -m 755 "$tmp/home" "$tmp/home/above" "$tmp/home/above/cache" "$tmp/home/above/cache/twopass"
  mkdir "$tmp/home/above/cache/twopass/bazel-disk"
}
call() { XDG_CACHE_HOME=$tmp/home/above/cache "$workspace/tools/bazel" info 2>&1; }
accepted() {
  got=$(call) || die "$1 was refused: $got"
  [[ $got == "ran: --bazelrc=$tmp/home/above/cache/twopass/bazelrc-"*" info" ]] || die "$1: $got"
}
refused() { # what, text
  ! got=$(call) || die "$1 was not refused: $got"
  [[ $got == "tools/bazel: refusing the cache directory $tmp/home/above/cache/twopass: "*"$2"* ]] || die "$1: $got"
}

rm -rf "$tmp/home"
mkdir -m 755 "$tmp/home"
(umask 002; accepted "a directory that is yet to be made")
fresh
accepted "a directory of the user's own"
chmod 1777 "$tmp/home/above"
accepted "a directory below a sticky one"
for mode in 777 1777 775; do
  fresh
  chmod $mode "$tmp/home/above/cache/twopass"
  refused "mode $mode" "cache/twopass has mode $mode"
done
for dir in home home/above home/above/cache; do
  fresh
  chmod 777 "$tmp/$dir"
  refused "$dir of mode 777" "$dir has mode 777"
done
fresh
if chown 65534 "$tmp/home/above/cache/twopass/bazel-disk" 2>/dev/null; then
  refused "a directory of another's in it" "owns $tmp/home/above/cache/twopass/bazel-disk"
  for dir in home/above/cache/twopass home/above/cache; do
    fresh
    chown 65534 "$tmp/$dir"
    refused "another's directory" "owns $tmp/$dir"
  done
else
  echo "NOT TESTED: directories that another user owns, which only root can make"
fi
