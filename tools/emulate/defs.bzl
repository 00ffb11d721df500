"""Running tests under tools/emulate: a repository that provides an emulator, and a command for --run_under."""

def _emulator_impl(ctx):
    go = ctx.which("go")
    if not go:
        fail("no go command on PATH")
    root = ctx.path(Label("//:go.mod")).dirname
    ctx.report_progress("providing the emulator from Debian's packages")
    result = ctx.execute(
        [go, "-C", root, "run", "./tools/emulate", "provide"] + (["--prefer-native"] if ctx.attr.prefer_native else []) + [ctx.attr.target],
        environment = {"GOFLAGS": ""},
        timeout = 1800,
    )
    if result.return_code:
        fail("emulate provide %s: %s%s" % (ctx.attr.target, result.stdout, result.stderr))

    # Tests do not see the user's environment, so the cache directory is told to them here.
    cache = ctx.getenv("XDG_CACHE_HOME") or "%s/.cache" % ctx.getenv("HOME")
    ctx.file("environment.sh", "XDG_CACHE_HOME='%s'\nexport XDG_CACHE_HOME\n" % cache)
    ctx.file("BUILD.bazel", "exports_files([\"environment.sh\"])\n")

emulator = repository_rule(
    implementation = _emulator_impl,
    attrs = {
        "prefer_native": attr.bool(doc = "provide nothing where this machine's CPU will do"),
        "target": attr.string(mandatory = True, doc = "as for `emulate provide`"),
    },
    doc = "An emulator, provided in the user's cache directory while the workspace is loaded and not while a test runs.",
    environ = ["HOME", "PATH", "XDG_CACHE_HOME"],
    local = True,
)

def _run_under_impl(ctx):
    # Beside each other, because a test's runfiles are laid out in another way than Bazel's output directories.
    emulate = ctx.actions.declare_file(ctx.label.name + ".d/emulate")
    ctx.actions.symlink(output = emulate, target_file = ctx.executable.emulate, is_executable = True)
    environment = ctx.actions.declare_file(ctx.label.name + ".d/environment.sh")
    ctx.actions.symlink(output = environment, target_file = ctx.file.environment)
    command = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(command, is_executable = True, content = """#!/bin/sh
# Runs a test under tools/emulate.
. "$0.d/environment.sh"
exec "$0.d/emulate" %s -- "$@"
""" % " ".join(ctx.attr.arguments))
    return [DefaultInfo(
        executable = command,
        files = depset([command]),
        runfiles = ctx.runfiles([emulate, environment]),
    )]

run_under = rule(
    implementation = _run_under_impl,
    attrs = {
        "arguments": attr.string_list(doc = "target and flags of emulate"),
        "emulate": attr.label(
            cfg = "exec",  # it runs here, whatever the test is built for
            default = "//tools/emulate",
            executable = True,
        ),
        "environment": attr.label(allow_single_file = True, mandatory = True),
    },
    doc = "A command for --run_under that runs tests under tools/emulate.",
    executable = True,
)
