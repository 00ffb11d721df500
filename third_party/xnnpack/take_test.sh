#!/usr/bin/env bash
# take_test.sh TAKE: a flipped bit and a missing file are named, and nothing is taken then.
set -euo pipefail
take=$(realpath "$1")
cd "$TEST_TMPDIR"
mkdir -p source/src/gen taken none
for name in a b c; do head -c 5000 /dev/zero | tr '\0' "$name" >"source/src/gen/$name.c"; done
echo unlisted >source/src/gen/d.c
(cd source && sha256sum src/gen/[abc].c) >SHA256SUMS

die() {
  echo "$*" >&2
  exit 1
}
bash "$take" SHA256SUMS source taken || die "an unchanged source was refused"
got=$(cd taken && find . -type f | sort | tr '\n' ' ')
[ "$got" = "./src/gen/a.c ./src/gen/b.c ./src/gen/c.c " ] || die "taken: $got"

refused() { # what must be named, what may not
  message=$(bash "$take" SHA256SUMS source none 2>&1) && die "taken although $1 is wrong"
  grep -qF "$1" <<<"$message" || die "the message does not name $1: $message"
  ! grep -qF "$2" <<<"$message" || die "the message names $2: $message"
  [ -z "$(ls none)" ] || die "files were taken although $1 is wrong"
}
printf B | dd of=source/src/gen/b.c bs=1 seek=2500 conv=notrunc status=none # one bit from b
refused "src/gen/b.c: not the content that SHA256SUMS pins" a.c
rm source/src/gen/c.c
refused "src/gen/c.c: missing" a.c
echo nonsense >SHA256SUMS
refused "SHA256SUMS" a.c
