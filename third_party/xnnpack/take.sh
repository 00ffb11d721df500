#!/usr/bin/env bash
# take.sh MANIFEST SOURCE DEST: copies the files that MANIFEST (sha256sum's format) names from SOURCE to DEST.
#
# Every file must have the hash that MANIFEST gives. Those that have not, or are missing, are named on standard error,
# and the exit status is 1. It is the copy that is checked: SOURCE may belong to others, who may change it at any time.
set -euo pipefail
[ $# = 3 ] || {
  echo "usage: $0 MANIFEST SOURCE DEST" >&2
  exit 2
}
manifest=$(realpath "$1") source=$(realpath "$2") dest=$(realpath "$3")
copy=$(mktemp -d "$dest/.take.XXXXXX") # nobody else may write there
trap 'rm -rf "$copy"' EXIT

# What can't be copied is missing in the check.
(cd "$source" && sed -n 's/^[0-9a-f]\{64\}  //p' "$manifest" | xargs -d '\n' cp --parents --target-directory="$copy" 2>/dev/null) || true
cd "$copy"
checked=$(LC_ALL=C sha256sum --check --strict "$manifest" 2>/dev/null) || true
bad=$(grep -v ': OK$' <<<"$checked") || true
if [ -n "$bad" ]; then
  sed -e 's/: FAILED open or read$/: missing or unreadable/' -e 's/: FAILED$/: not the content that SHA256SUMS pins/' <<<"$bad" >&2
  exit 1
fi
# Whatever else went wrong (a malformed manifest, no sha256sum) shows in the number of files checked.
if [ -z "$checked" ] || [ "$(wc -l <<<"$checked")" != "$(wc -l <"$manifest")" ]; then
  echo "$(wc -l <"$manifest") files in $manifest, but sha256sum could not check as many in $source" >&2
  exit 1
fi
cp -R --link . "$dest"
