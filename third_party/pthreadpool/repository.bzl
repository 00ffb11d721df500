"""The source of pthreadpool and FXdiv, on which XNNPACK's operators run, as an external repository."""

load("//tools:debian.bzl", "debian_source")

# Those that trixie has as source packages of these names. Upstream's build files name an older pthreadpool, 4fe0e1e18392.
SUITE = "trixie"
PTHREADPOOL = "560c60d342a76076f0557a3946924c6478470044"
SOURCES = {
    "fxdiv": struct(name = "FXdiv", commit = "b408327ac2a15ec3e43352421954f5b1967701d1"),
    "pthreadpool": struct(name = "pthreadpool", commit = PTHREADPOOL),
}

def _impl(ctx):
    manifest, take = ctx.path(ctx.attr._manifest), ctx.path(ctx.attr._take)
    ctx.path(ctx.attr._apt_private)
    for package, source in SOURCES.items():
        output = "source/" + package

        # As with XNNPACK it is the files that are checked.
        url = "https://github.com/Maratyszcza/%s/archive/%s.tar.gz" % (source.name, source.commit)
        if ctx.download_and_extract(url, output = output, stripPrefix = "%s-%s" % (source.name, source.commit), allow_fail = True).success:
            continue
        archive, error = debian_source(ctx, ctx.attr._apt_private, package, SUITE)
        if not archive:
            fail("no source of %s at commit %s. Tried:\n- %s can't be downloaded\n- Debian's source package %s (%s): %s" % (source.name, source.commit, url, package, SUITE, error))
        prefix, _, _ = archive.basename.partition(".orig.tar.")
        ctx.extract(archive, output = output, stripPrefix = prefix.replace("_", "-"))
        ctx.delete("archive")
    result = ctx.execute(["bash", take, manifest, "source", "."])
    if result.return_code:
        fail("pthreadpool and FXdiv: " + result.stderr.strip())
    ctx.delete("source")
    ctx.symlink(ctx.attr._build, "BUILD.bazel")

pthreadpool_repository = repository_rule(
    implementation = _impl,
    attrs = {
        "_apt_private": attr.label(default = "//:tools/apt-private.sh"),
        "_build": attr.label(default = ":pthreadpool.BUILD"),
        "_manifest": attr.label(default = ":SHA256SUMS"),
        "_take": attr.label(default = "//third_party/xnnpack:take.sh"),
    },
    doc = "The files of pthreadpool and FXdiv that SHA256SUMS names, from GitHub, else from Debian's source packages.",
)

pthreadpool = module_extension(
    implementation = lambda _ctx: pthreadpool_repository(name = "pthreadpool"),
    doc = "The repository for MODULE.bazel.",
)
