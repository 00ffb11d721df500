module github.com/twopass-softmax/twopass/tools

go 1.24.12

tool (
	github.com/bazelbuild/bazel-gazelle/cmd/gazelle
	github.com/bazelbuild/buildtools/buildifier
	github.com/bazelbuild/rules_go/go/tools/gopackagesdriver
)

require (
	github.com/mmcloughlin/avo v0.5.0
	github.com/twopass-softmax/twopass v0.0.0
	golang.org/x/arch v0.24.0
	golang.org/x/mod v0.33.0
	golang.org/x/sys v0.41.0
)

require (
	github.com/bazel-contrib/bazel-gazelle/v2 v2.0.0-2 // indirect
	github.com/bazelbuild/bazel-gazelle v0.51.3 // indirect
	github.com/bazelbuild/buildtools v0.0.0-20260904073137-eaa4d125b423 // indirect
	github.com/bazelbuild/rules_go v0.62.0 // indirect
	github.com/bmatcuk/doublestar/v4 v4.10.4 // indirect
	github.com/golang/protobuf v1.5.4 // indirect
	github.com/google/safeopen v0.0.0-20260327150837-43626d6f4685 // indirect
	github.com/klauspost/cpuid/v2 v2.4.2 // indirect
	github.com/pmezard/go-difflib v1.0.0 // indirect
	golang.org/x/sync v0.19.0 // indirect
	golang.org/x/tools v0.42.0 // indirect
	golang.org/x/tools/go/vcs v0.1.0-deprecated // indirect
	google.golang.org/protobuf v1.36.12 // indirect
)

replace github.com/twopass-softmax/twopass => ../
