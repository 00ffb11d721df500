#!/usr/bin/env bash
# refresh.sh SOURCE: writes SHA256SUMS, the manifest of the files that the build uses, from an unpacked XNNPACK.
#
# The files are the kernels that ukernel/upstream.txt names, the table that some of them read, the softmax operator,
# upstream's own tests of the families and of the operator, what gcc finds that these include, and the licence.
# tools/movepin runs this.
set -euo pipefail
[ $# = 1 ] || {
  echo "usage: $0 SOURCE" >&2
  exit 2
}
here=$(cd "$(dirname "$0")" && pwd)
cd "$1"

kernels=()
while read -r name; do
  # f32_rmax_ukernel__avx_u8 is in f32-rmax-avx-u8.c, in a folder of its template's name, below gen if there is a template.
  file=${name/_ukernel__/-}
  mapfile -t found < <(find src -name "${file//_/-}.c")
  [ "${#found[@]}" = 1 ] || {
    echo "refresh.sh: ${#found[@]} files ${file//_/-}.c for kernel $name below $1/src, not 1" >&2
    exit 1
  }
  kernels+=("${found[0]}")
done <"$here/../../ukernel/upstream.txt"

# f32-rmax.cc has the tests of f32_rmax. Another commit may have them elsewhere, which //compare/upstream_tests finds out.
mapfile -t tests < <({
  sed 's/_ukernel__.*//' "$here/../../ukernel/upstream.txt" | tr _ - | sort -u
  printf '%s\n' vbinary-microkernel-tester softmax-nc
} | while read -r test; do if [ -f "test/$test.cc" ]; then echo "test/$test.cc"; fi; done)

# What the linker asks for in //compare/operator.
operator=(src/{allocator,indirection,init,operator-delete,operator-run,operator-utils,params}.c src/operators/softmax-nc.c
  src/configs/{binary-elementwise,hardware,lut32norm,raddstoreexpminusmax,rmax}-config.c src/enums/{microkernel,operator}-type.c)

# -MG, because a machine of one architecture has not the system headers of the other, and none GoogleTest's. -xc, because a
# C compiler is enough to see what C++ includes. Includes go by one of these paths, which are those of xnnpack.BUILD.
sources=("${kernels[@]}" src/tables/exp2-k-over-64.c src/microparams-init.c "${operator[@]}" "${tests[@]}")
deps=$(gcc -MM -MG -xc -DXNN_LOG_LEVEL=0 -I"$here" -I. -Iinclude -Isrc "${sources[@]}" | tr -d '\\' | tr ' ' '\n' | sed 's,^\./,,' |
  grep -E '^(src|include|test)/.*\.(h|inc)$')
{
  printf '%s\n' "${sources[@]}" "$deps" LICENSE
} | LC_ALL=C sort -u | xargs sha256sum >"$here/SHA256SUMS.tmp"
mv "$here/SHA256SUMS.tmp" "$here/SHA256SUMS"
echo "SHA256SUMS: $(wc -l <"$here/SHA256SUMS") files" >&2
