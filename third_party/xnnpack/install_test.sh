#!/usr/bin/env bash
# install_test.sh INSTALL LIBRARY HEADER PC LICENSE UPSTREAM: installs twice, then looks for every kernel.
set -euo pipefail
prefix="$TEST_TMPDIR/a prefix"
for _ in 1 2; do "$1" "$2" "$3" "$4" "$5" "$prefix"; done

want=$'include/xnnpack-softmax/kernels.h\nlib/libxnnpack-softmax.a\nlib/pkgconfig/xnnpack-softmax.pc\nshare/doc/xnnpack-softmax/copyright'
got=$(cd "$prefix" && find . -type f -printf '%P\n' | LC_ALL=C sort)
[ "$got" = "$want" ] || {
  echo "installed files are: $got" >&2
  exit 1
}
grep -q 'Copyright.*Facebook' "$prefix/share/doc/xnnpack-softmax/copyright"

# The pkg-config file finds the rest from its own place.
pc=$prefix/lib/pkgconfig/xnnpack-softmax.pc
libdir=$(sed -n 's,^libdir=${pcfiledir},,p' "$pc") includedir=$(sed -n 's,^includedir=${pcfiledir},,p' "$pc")
[ -e "$(dirname "$pc")$libdir/libxnnpack-softmax.a" ] && [ -e "$(dirname "$pc")$includedir/xnnpack-softmax/kernels.h" ] || {
  echo "not found from $pc: $libdir, $includedir" >&2
  exit 1
}

case $(uname -m) in
  x86_64) isas='scalar|sse|sse2|avx|f16c|avx2|avx256skx|avx512f|avx512skx|avx512fp16' count=216 ;;
  aarch64) isas='scalar|neon|neonfma|fp16arith|neonfp16arith' count=79 ;;
esac
kernels=$(grep -E "__($isas)(_|\$)" "$6")
[ "$(wc -l <<<"$kernels")" = $count ]
defined=$(nm --defined-only "$prefix/lib/libxnnpack-softmax.a" | sed -n 's/.* T xnn_//p')
missing=$(LC_ALL=C comm -23 <(LC_ALL=C sort <<<"$kernels") <(LC_ALL=C sort <<<"$defined"))
[ -z "$missing" ] || {
  echo "not in the library: $missing" >&2
  exit 1
}
echo "$count kernels in the library"
