"""Go modules, and gazelle itself, as external repositories, by means of the `go` command.

The `go` command brings its own settings (proxy, private modules, module cache), so nothing here names a host; once the
module cache is warm nothing here needs a network. Every module is checked against its go.sum hash.
"""

# What makes the go command fetch differently. A change of one of these fetches the repositories anew.
_ENVIRON = [
    "GOMODCACHE",
    "GOPATH",
    "GOPRIVATE",
    "GONOPROXY",
    "GOPROXY",
    "PATH",
]

def _go(ctx, arguments, what, **environment):
    """Runs the go command; on failure stops the build with its message. Returns its standard output."""
    go = ctx.which("go")
    if not go:
        fail("%s: no go command on PATH" % what)

    # GOFLAGS of the user (say, -mod=vendor) would break it; an empty value would only give way to `go env -w`'s.
    # GOSUMDB is off because the hash is checked against the committed one, which is stricter and needs no network.
    env = {"GOFLAGS": "-mod=readonly", "GOSUMDB": "off", "GOWORK": "off"}
    env.update(environment)
    result = ctx.execute([go] + arguments, environment = env, timeout = 1200)
    if result.return_code:
        fail("%s: `go %s` failed: %s%s" % (what, " ".join([str(a) for a in arguments]), result.stdout, result.stderr))
    return result.stdout

def _fetch(ctx, module, version, sum):
    """Puts the files of a Go module into the repository's root and checks them against the go.sum hash."""
    what = "%s@%s" % (module, version)
    info = json.decode(_go(ctx, ["mod", "download", "-json", what], what))
    if info["Sum"] != sum:
        fail("%s: the hash of the module is %s, but %s is expected" % (what, info["Sum"], sum))

    # Copied, not linked: the module cache is read-only. Module zips carry no execute bits, which shell wrappers need.
    # WORKSPACE files and the like belong to another build.
    result = ctx.execute(["sh", "-c", """
set -e
cp -R "$1/." .
chmod -R u+w .
find . -name '*.sh' -exec chmod +x {} +
find . '(' -name WORKSPACE -o -name WORKSPACE.bazel -o -name MODULE.bazel -o -name REPO.bazel ')' -type f -delete
""", "sh", info["Dir"]])
    if result.return_code:
        fail("%s: copying it from the module cache failed: %s" % (what, result.stderr))
    ctx.file("WORKSPACE", "workspace(name = %r)\n" % ctx.name)

def _bazel_module_impl(ctx):
    # Both files have one module a line: "[require] path version [// indirect]" and "path version hash".
    version = None
    for line in ctx.read(ctx.path(ctx.attr.go_mod)).splitlines():
        words = line.strip().removeprefix("require ").split(" ")
        if words[0] == ctx.attr.module and len(words) > 1:
            version = words[1]
    if not version:
        fail("%s requires no module %s" % (ctx.attr.go_mod, ctx.attr.module))
    prefix = "%s %s " % (ctx.attr.module, version)
    for line in ctx.read(ctx.path(ctx.attr.go_sum)).splitlines():
        if line.startswith(prefix):
            _fetch(ctx, ctx.attr.module, version, line[len(prefix):])
            return
    fail("%s has no hash of %s@%s" % (ctx.attr.go_sum, ctx.attr.module, version))

bazel_module = repository_rule(
    implementation = _bazel_module_impl,
    doc = "A Go module that is a Bazel repository with BUILD files of its own, such as rules_go.",
    attrs = {
        "module": attr.string(mandatory = True),
        "go_mod": attr.label(mandatory = True, doc = "the go.mod file that requires the module"),
        "go_sum": attr.label(mandatory = True, doc = "the go.sum file beside it, which has the module's hash"),
    },
    environ = _ENVIRON,
)

def _gazelle_binary_impl(ctx):
    go_mod = ctx.path(ctx.attr.go_mod)
    ctx.path(ctx.attr.go_sum)  # a change of it builds gazelle anew; the go command checks the hashes in it
    _go(
        ctx,
        ["build", "-C", go_mod.dirname, "-trimpath", "-buildvcs=false", "-o", ctx.path("gazelle"), "github.com/bazelbuild/bazel-gazelle/cmd/gazelle"],
        "gazelle",
        CGO_ENABLED = "0",
    )
    ctx.file("BUILD.bazel", 'exports_files(["gazelle"])\n')

gazelle_binary = repository_rule(
    implementation = _gazelle_binary_impl,
    doc = "gazelle, built by the machine's go command from the module that go_mod names among its tools.",
    attrs = {
        "go_mod": attr.label(mandatory = True),
        "go_sum": attr.label(mandatory = True),
    },
    environ = _ENVIRON,
)

def _go_repository_impl(ctx):
    _fetch(ctx, ctx.attr.importpath, ctx.attr.version, ctx.attr.sum)

    # The module's own BUILD files name repositories as its authors do, so they give way to generated ones.
    result = ctx.execute(["find", ".", "(", "-name", "BUILD", "-o", "-name", "BUILD.bazel", ")", "-type", "f", "-delete"])
    if result.return_code:
        fail("%s: removing its BUILD files failed: %s" % (ctx.attr.importpath, result.stderr))
    ctx.path(ctx.attr._modules)  # a change of the list resolves imports anew
    result = ctx.execute([
        ctx.path(ctx.attr._gazelle),
        "update",
        "-go_repository_mode",
        "-go_repository_module_mode",
        "-mode=fix",
        "-lang=go",
        "-build_file_name=BUILD.bazel",
        "-external=static",
        "-go_naming_convention=import",
        "-go_naming_convention_external=import",
        "-go_prefix=" + ctx.attr.importpath,
        "-repo_root=" + str(ctx.path("")),
        "-repo_config=" + str(ctx.path(ctx.attr._workspace)),
        ctx.path(""),
    ], timeout = 600)
    if result.return_code:
        fail("%s: gazelle failed: %s%s" % (ctx.attr.importpath, result.stdout, result.stderr))

_go_repository = repository_rule(
    implementation = _go_repository_impl,
    doc = "A Go module whose BUILD files gazelle generates. The list of them is modules.bzl.",
    attrs = {
        "importpath": attr.string(mandatory = True),
        "version": attr.string(mandatory = True),
        "sum": attr.string(mandatory = True, doc = "the module's hash in go.sum (h1:...)"),
        "_gazelle": attr.label(default = "@gazelle//:gazelle"),
        "_modules": attr.label(default = "//third_party/go:modules.bzl"),
        "_workspace": attr.label(default = "//:WORKSPACE"),
    },
    environ = _ENVIRON,
)

def go_repository(name, **kwargs):
    """Declares a Go module, unless a workspace that depends on this one has done so before."""
    if not native.existing_rule(name):
        _go_repository(name = name, **kwargs)
