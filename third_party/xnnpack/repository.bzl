"""XNNPACK's source as an external repository."""

load("//tools:debian.bzl", "debian_source")
load(":pin.bzl", "COMMIT", "SUITE", "VERSION")

# Each way to get the source returns its unpacked directory, or None, and a text: where it is from, or what went wrong.

def _from_directory(ctx, directory):
    what = "XNNPACK_SOURCE_DIR=" + directory
    if not directory.startswith("/"):
        return None, what + ": not an absolute path"
    if not ctx.path(directory).exists:
        return None, what + ": no such directory"
    return ctx.path(directory), what

def _from_github(ctx):
    url = "https://github.com/google/XNNPACK/archive/%s.tar.gz" % COMMIT

    # GitHub does not promise that an archive's bytes stay as they are, so that its files are checked, not itself.
    got = ctx.download_and_extract(url, output = "github", stripPrefix = "XNNPACK-" + COMMIT, allow_fail = True)
    return (ctx.path("github"), url) if got.success else (None, "%s can't be downloaded" % url)

def _from_debian(ctx):
    if not SUITE:
        return None, "Debian: no release has the source of this commit"
    what = "Debian's source package xnnpack %s (%s)" % (VERSION, SUITE)
    archive, error = debian_source(ctx, ctx.attr._apt_private, "xnnpack", SUITE)
    if not archive:
        return None, "%s: %s" % (what, error)
    ctx.extract(archive, output = "debian")
    ctx.delete("archive")
    return ctx.path("debian"), what

def _impl(ctx):
    # Declared before anything is done, so that a change of one of them does not begin the work again.
    missing = ctx.path(ctx.attr._missing)
    build, fxdiv, pthreadpool, compiler, manifest, take = [ctx.path(f) for f in [ctx.attr._build, ctx.attr._fxdiv, ctx.attr._pthreadpool, ctx.attr._compiler, ctx.attr._manifest, ctx.attr._take]]
    ctx.path(ctx.attr._apt_private)

    directory = ctx.getenv("XNNPACK_SOURCE_DIR")
    if directory:
        # Nothing else is tried: a source that the user chose and did not get would be a surprise.
        ways = [lambda: _from_directory(ctx, directory)]
    else:
        ways = [lambda: _from_github(ctx), lambda: _from_debian(ctx)]
    if ctx.getenv("TWOPASS_UPSTREAM_HEAD"):
        # Another commit, without known hashes: what it has of our kernels.
        if not directory:
            fail("--config=upstream_head compares with the XNNPACK in the directory XNNPACK_SOURCE_DIR, which is not set")
        source, text = ways[0]()
        if not source:
            fail(text)
        root = ctx.path(ctx.attr._go_work).dirname
        result = ctx.execute(["go", "run", "./tools/movepin", "-source", source, "-export", ctx.path("."), "0" * 40], working_directory = str(root), timeout = 600)
        if result.return_code:
            fail("%s: %s" % (text, result.stderr.strip()))
        ctx.file("SOURCE", "google/XNNPACK, not at the pinned commit, from %s\n" % text)
        ctx.execute(["sh", "-c", "echo \"XNNPACK: $1\" >&2", "sh", result.stdout.strip()], quiet = False)
        ctx.symlink(build, "BUILD.bazel")
        ctx.symlink(fxdiv, "stand_ins/fxdiv.h")
        ctx.symlink(pthreadpool, "stand_ins/pthreadpool.h")
        ctx.symlink(compiler, "compiler.c")
        return
    failures = []
    for way in ways:
        source, text = way()
        if source:
            result = ctx.execute(["bash", take, manifest, source, "."], timeout = 600)
            if not result.return_code:
                ctx.file("SOURCE", "google/XNNPACK at commit %s, from %s\n" % (COMMIT, text))
                ctx.execute(["sh", "-c", "echo XNNPACK: source from \"$1\", all files as pinned >&2", "sh", text], quiet = False)
                for unpacked in ["github", "debian"]:
                    ctx.delete(unpacked)
                ctx.symlink(build, "BUILD.bazel")
                ctx.symlink(fxdiv, "stand_ins/fxdiv.h")
                ctx.symlink(pthreadpool, "stand_ins/pthreadpool.h")
                ctx.symlink(compiler, "compiler.c")
                ctx.symlink(missing, "missing.c")
                return
            text = "%s:\n%s" % (text, result.stderr.strip())
        failures.append(text)
    remedy = "Set XNNPACK_SOURCE_DIR to a checkout of that commit, for example by --repo_env=XNNPACK_SOURCE_DIR=/path."
    if directory:
        remedy = "Unset XNNPACK_SOURCE_DIR, or set it to a checkout of that commit."
    fail("no source of XNNPACK at commit %s. Tried:\n- %s\n%s" % (
        COMMIT,
        "\n- ".join(failures),
        remedy,
    ))

xnnpack_repository = repository_rule(
    implementation = _impl,
    doc = """The files of XNNPACK that SHA256SUMS names, at the commit of pin.bzl.

They come from the directory XNNPACK_SOURCE_DIR if the environment has that; else from GitHub's archive of the commit;
else, which needs no root, from Debian's source package by the machine's own apt configuration. The file SOURCE in the
repository tells which. If the environment has TWOPASS_UPSTREAM_HEAD (--config=upstream_head), the directory may have
another commit, whose files are not checked.""",
    attrs = {
        "_apt_private": attr.label(default = "//:tools/apt-private.sh"),
        "_build": attr.label(default = ":xnnpack.BUILD"),
        "_compiler": attr.label(default = ":compiler.c"),
        "_fxdiv": attr.label(default = ":fxdiv.h"),
        "_go_work": attr.label(default = "//:go.work"),
        "_manifest": attr.label(default = ":SHA256SUMS"),
        "_missing": attr.label(default = ":missing.c"),
        "_pthreadpool": attr.label(default = ":pthreadpool.h"),
        "_take": attr.label(default = ":take.sh"),
    },
    environ = ["TWOPASS_UPSTREAM_HEAD", "XNNPACK_SOURCE_DIR"],
)

def _extension_impl(_ctx):
    xnnpack_repository(name = "xnnpack")

xnnpack = module_extension(
    implementation = _extension_impl,
    doc = "The repository for MODULE.bazel; deps.bzl declares it for WORKSPACE.",
)
