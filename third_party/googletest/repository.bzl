"""GoogleTest's source as an external repository, for //compare/upstream_tests."""

load("//tools:debian.bzl", "debian_source")

# Debian's source package has GitHub's archive.
VERSION = "1.12.1"
SUITE = "bookworm"
SHA256 = "81964fe578e9bd7c94dfdb09c8e4d6e6759e19967e397dbea48d1c10e45d0df2"

def _impl(ctx):
    ctx.path(ctx.attr._apt_private)
    archive = {"sha256": SHA256, "stripPrefix": "googletest-release-" + VERSION}
    url = "https://github.com/google/googletest/archive/refs/tags/release-%s.tar.gz" % VERSION
    if not ctx.download_and_extract(url, allow_fail = True, **archive).success:
        file, error = debian_source(ctx, ctx.attr._apt_private, "googletest", SUITE)
        if not file:
            fail("no source of GoogleTest %s. Tried:\n- %s can't be downloaded\n- Debian's source package googletest (%s): %s" % (VERSION, url, SUITE, error))
        ctx.download_and_extract("file://%s" % file, **archive)
        ctx.delete("archive")

    # Everything else here is built by a C compiler alone, so that whoever has no other can still build //...
    cc = ctx.getenv("CC") or "gcc"
    cxx = ctx.execute(["sh", "-c", "echo '#include <string>' | \"$1\" -xc++ -fsyntax-only -", "sh", cc])
    if cxx.return_code:
        ctx.execute(["sh", "-c", "echo \"GoogleTest: $1 compiles no C++ (as root: apt-get install g++); //compare/upstream_tests is left out\" >&2", "sh", cc], quiet = False)
    ctx.file("compiler.bzl", "COMPATIBLE_WITH = %r\n" % (["@platforms//:incompatible"] if cxx.return_code else []))
    ctx.delete("BUILD.bazel")
    ctx.symlink(ctx.attr._build, "BUILD.bazel")

googletest_repository = repository_rule(
    implementation = _impl,
    attrs = {
        "_apt_private": attr.label(default = "//:tools/apt-private.sh"),
        "_build": attr.label(default = ":googletest.BUILD"),
    },
    doc = "GoogleTest, from GitHub, else from Debian's source package; incompatible with every platform where the C compiler has no C++.",
    environ = ["CC", "PATH"],
)

googletest = module_extension(
    implementation = lambda _ctx: googletest_repository(name = "googletest"),
    doc = "The repository for MODULE.bazel.",
)
