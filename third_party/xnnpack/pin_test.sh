#!/usr/bin/env bash
# pin_test.sh BUILD_GO COMMIT: the Go package names the commit that Bazel fetches.
grep -qF "const Commit = \"$2\"" "$1" || {
  echo "$1 does not name commit $2" >&2
  exit 1
}
