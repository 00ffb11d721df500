#!/usr/bin/env bash
# take_test.sh TAKE: a flipped bit and a missing file are named, and nothing is taken then. A file that is changed while
# take.sh runs is not taken either.
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

# swapping COMMAND WHEN: take.sh with a COMMAND that changes a file of the source before or after it does its work.
swapping() {
  mkdir -p bin swapped
  rm -rf bin/* swapped/* racing
  cp -R source racing
  {
    echo '#!/bin/sh'
    [ "$2" = after ] || echo "echo evil >$PWD/racing/src/gen/b.c"
    echo "PATH=$PATH $1 \"\$@\"; status=\$?"
    [ "$2" = before ] || echo "echo evil >$PWD/racing/src/gen/b.c"
    echo 'exit $status'
  } >"bin/$1"
  chmod +x "bin/$1"
  PATH=$PWD/bin:$PATH bash "$take" SHA256SUMS racing swapped >/dev/null 2>&1 || true
  [ "$(cat racing/src/gen/b.c)" = evil ] || die "take.sh does not use $1"
  ! grep -rq evil swapped || die "a file that was swapped $2 $1 was taken"
}
for command in cp sha256sum; do
  swapping $command before
  swapping $command after
done

refused() { # what must be named, what may not
  message=$(bash "$take" SHA256SUMS source none 2>&1) && die "taken although $1 is wrong"
  grep -qF "$1" <<<"$message" || die "the message does not name $1: $message"
  ! grep -qF "$2" <<<"$message" || die "the message names $2: $message"
  [ -z "$(ls -A none)" ] || die "files were taken although $1 is wrong"
}
printf B | dd of=source/src/gen/b.c bs=1 seek=2500 conv=notrunc status=none # one bit from b
refused "src/gen/b.c: not the content that SHA256SUMS pins" a.c
rm source/src/gen/c.c
refused "src/gen/c.c: missing" a.c
echo nonsense >SHA256SUMS
refused "SHA256SUMS" a.c
