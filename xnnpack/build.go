package xnnpack

// Commit is the commit of google/XNNPACK that the kernels come from.
const Commit = "4ea82e595b36106653175dcb04b2aa532660d0d8"

// Compiler names the C compiler that built this package's C half, such as
// "gcc 12.2.0": under Bazel, that of the kernels too. It is empty where
// [Available] returns an error.
func Compiler() string { return compiler }
