#!/usr/bin/env bash
# move_test.sh GO_WORK LICENSE: moves a copy of the source tree to a doctored copy of the present XNNPACK, with bits.
#
# In the doctored copy a constant of one kernel is another, one kernel is missing, one is new, and one has a comment more.
set -euo pipefail
root=$(dirname "$(realpath "$1")") source=$(dirname "$(realpath "$2")")
tree=$TEST_TMPDIR/tree doctored=$TEST_TMPDIR/doctored wrong=$TEST_TMPDIR/wrong present=$TEST_TMPDIR/present
commit=00112233445566778899aabbccddeeff00112233

die() {
  printf '%s\n' "$@" >&2
  exit 1
}
mkdir -p "$tree" "$present"
tar -C "$root" -cf - --exclude=.git --exclude='./bazel-*' . | tar -C "$tree" -xf -
(cd "$source" && cp -RL include src test LICENSE "$present")
cp -R "$present" "$doctored"
cd "$doctored/src"
sed -i 's/vc5 = _mm256_set1_ps(0x1.0F9F9Cp-7f)/vc5 = _mm256_set1_ps(0x1.0F9F9Ep-7f)/' f32-raddextexp/gen/f32-raddextexp-avx2-p5-u96.c
rm f32-rminmax/gen/f32-rmax-sse-u12-acc3.c
sed 's/ukernel__avx_u16/ukernel__avx_u24/' f32-vbinary/gen/f32-vmulc-avx-u16.c >f32-vbinary/gen/f32-vmulc-avx-u24.c
echo '// A comment.' >>f32-rminmax/gen/f32-rmax-sse-u4.c
cp -R "$doctored" "$wrong"
sed -i 's/float\* sum)/float* sum, int more)/' "$wrong/src/f32-raddextexp/gen/f32-raddextexp-avx2-p5-u64.c"

cd "$tree"
state() { find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum; }
before=$(state)
unchanged() { diff <(echo "$before") <(state) || die "the tree was changed by $1"; }

go run ./tools/movepin -source "$doctored" -no-bits -dry-run $commit >"$TEST_TMPDIR/dry"
cat "$TEST_TMPDIR/dry"
grep -q '^source changed, not compared: 2$' "$TEST_TMPDIR/dry" || die "not two kernels with another source"
unchanged "-dry-run"
if message=$(go run ./tools/movepin -source "$wrong" -no-bits $commit 2>&1); then die "moved to kernels that can't be called"; fi
grep -qF 'f32_raddextexp_ukernel__avx2_p5_u64 has the parameters (size_t, const float*, float*, int)' <<<"$message" || die "$message"
unchanged "a move that failed"

# What --config=upstream_head builds: all that these kernels include, and stubs for those that can't be compared.
export_from() { rm -rf "$TEST_TMPDIR/head"; go run ./tools/movepin -source "$1" -export "$TEST_TMPDIR/head" $commit; }
export_from "$wrong"
for text in 'f32_rmax_ukernel__sse_u12_acc3: upstream has it no more' \
  'f32_raddextexp_ukernel__avx2_p5_u64: has the parameters (size_t, const float*, float*, int)'; do
  grep -qF "\"$text\\n\"" "$TEST_TMPDIR/head/missing.c" || die "missing.c does not say: $text"
done
(
  cd "$TEST_TMPDIR/head"
  gcc -c -o missing.o missing.c
  [ "$(nm --defined-only missing.o | grep -c ' T xnn_f')" = 2 ] || die "not two stubs"
  gcc -fsyntax-only -I"$tree/third_party/xnnpack" -I. -Iinclude -Isrc $(find src -name '*-scalar*.c') || die "a file is missing"
)
unchanged "-export"

go run ./tools/movepin -source "$doctored" $commit >"$TEST_TMPDIR/report"
cat "$TEST_TMPDIR/report"
# The names in each list.
list() { sed -n "/^$1: /,/^\$/s/^  \([a-z0-9_]*\).*/\1/p" "$TEST_TMPDIR/report"; }
expect() { [ "$(list "$1")" = "$2" ] || die "$1: '$(list "$1")', want '$2'"; }
expect added f32_vmulc_ukernel__avx_u24
expect removed f32_rmax_ukernel__sse_u12_acc3
avx2=f32_raddextexp_ukernel__avx2_p5_u96
if grep -qw avx2 /proc/cpuinfo; then
  expect 'bits changed' $avx2
  expect 'source changed, not compared' ''
else
  expect 'bits changed' ''
  expect 'source changed, not compared' $avx2
fi
expect 'source changed, same bits' f32_rmax_ukernel__sse_u4

# What was written fits together, and nothing else was.
changed=$(diff <(echo "$before") <(state) | sed -n 's/^> [0-9a-f]*  \.\///p' || true)
want='third_party/xnnpack/SHA256SUMS
third_party/xnnpack/pin.bzl
ukernel/upstream.txt
xnnpack/build.go
xnnpack/kernels.h
xnnpack/table_amd64.go'
[ "$changed" = "$want" ] || die "changed: $changed"
mkdir "$TEST_TMPDIR/taken"
third_party/xnnpack/take.sh third_party/xnnpack/SHA256SUMS "$doctored" "$TEST_TMPDIR/taken"
third_party/xnnpack/pin_test.sh xnnpack/build.go $commit
grep -qx "COMMIT = \"$commit\"" third_party/xnnpack/pin.bzl || die "pin.bzl does not name the commit"
go test -count=1 -run '^TestTables$' ./xnnpack

# And back: all is as it was, but for Debian's name of the commit, which a directory does not tell.
go run ./tools/movepin -source "$present" -no-bits "$(sed -n 's/^COMMIT = "\(.*\)"/\1/p' "$root/third_party/xnnpack/pin.bzl")" >/dev/null
diff <(grep -v pin.bzl <<<"$before") <(state | grep -v pin.bzl) || die "moving back does not restore the tree"
