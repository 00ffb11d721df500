"""The commit of google/XNNPACK that the kernels come from; SHA256SUMS has the hashes of its files that are used.

`go run ./tools/movepin` writes both: see docs/moving-the-pin.md.
"""

COMMIT = "4ea82e595b36106653175dcb04b2aa532660d0d8"

# Debian's name for that commit, and the release that has it as source package xnnpack; "" if none has.
VERSION = "0.0~git20241108.4ea82e5"
SUITE = "trixie"
