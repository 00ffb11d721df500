"""The external repositories that this one needs, for its own WORKSPACE and for those that depend on it."""

load("//third_party/go:modules.bzl", "go_modules")
load("//third_party/go:repository.bzl", "bazel_module", "gazelle_binary")
load("//third_party/xnnpack:repository.bzl", "xnnpack_repository")

def twopass_dependencies():
    """Declares rules_go, XNNPACK and the Go modules, but for those that the workspace has declared before.

    Only what a build uses is fetched. The workspace goes on with rules_go's go_rules_dependencies and
    go_register_toolchains, whose own choice of the same modules comes too late then.
    """
    tools = {
        "go_mod": Label("//tools:go.mod"),
        "go_sum": Label("//tools:go.sum"),
    }
    if not native.existing_rule("io_bazel_rules_go"):
        bazel_module(
            name = "io_bazel_rules_go",
            module = "github.com/bazelbuild/rules_go",
            **tools
        )
    if not native.existing_rule("gazelle"):
        gazelle_binary(name = "gazelle", **tools)
    go_modules()
    if not native.existing_rule("xnnpack"):
        xnnpack_repository(name = "xnnpack")
