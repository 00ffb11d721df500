"""A C toolchain for arm64 on amd64: Debian's cross compiler, or clang with its headers and libraries."""

_TRIPLE = "aarch64-linux-gnu"

_BUILD = """
load("@rules_cc//cc/private/toolchain:unix_cc_toolchain_config.bzl", "cc_toolchain_config")
load("@rules_cc//cc/toolchains:cc_toolchain.bzl", "cc_toolchain")

package(default_visibility = ["//visibility:public"])

filegroup(name = "empty")

cc_toolchain_config(
    name = "config",
    abi_libc_version = "unknown",
    abi_version = "unknown",
    compile_flags = {compile_flags},
    compiler = {compiler},
    coverage_compile_flags = ["--coverage"],
    coverage_link_flags = ["--coverage"],
    cpu = "aarch64",
    cxx_builtin_include_directories = {include_dirs},
    dbg_compile_flags = ["-g"],
    host_system_name = "local",
    link_flags = {link_flags},
    opt_compile_flags = ["-O2", "-DNDEBUG"],
    supports_start_end_lib = False,
    target_libc = "glibc",
    target_system_name = "{triple}",
    tool_paths = {tool_paths},
    toolchain_identifier = "{triple}",
    # Nothing of the time or place of the build may reach its result.
    unfiltered_compile_flags = [
        "-no-canonical-prefixes",
        "-Wno-builtin-macro-redefined",
        "-D__DATE__=\\"redacted\\"",
        "-D__TIMESTAMP__=\\"redacted\\"",
        "-D__TIME__=\\"redacted\\"",
    ],
)

cc_toolchain(
    name = "cc_toolchain",
    all_files = ":empty",
    ar_files = ":empty",
    as_files = ":empty",
    compiler_files = ":empty",
    dwp_files = ":empty",
    linker_files = ":empty",
    objcopy_files = ":empty",
    strip_files = ":empty",
    supports_param_files = 1,
    toolchain_config = ":config",
    toolchain_identifier = "{triple}",
)
"""

def _run(ctx, command, environment = {}):
    result = ctx.execute(command, environment = environment, timeout = 1200)
    if result.return_code:
        fail("%s: exit status %d: %s%s" % (" ".join([str(c) for c in command]), result.return_code, result.stdout, result.stderr))
    return result

def _include_dirs(ctx, command):
    """The directories in which a compiler looks for headers of C++ and of C, as it tells them itself.

    Its notes of what a file includes have them by the name that it was given or by the real one; by which it finds its own
    depends on -no-canonical-prefixes, which Bazel's toolchain passes.
    """
    said = _run(ctx, command + ["-no-canonical-prefixes", "-E", "-xc++", "-", "-v"]).stderr
    begin = said.find("#include <...> search starts here:")
    end = said.find("End of search list.")
    if begin < 0 or end < begin:
        fail("%s -v does not list its include directories: %s" % (command[0], said))
    dirs = [ctx.path(line.strip()) for line in said[begin:end].split("\n")[1:] if line.strip()]
    return {str(d): None for dir in dirs for d in (dir, dir.realpath)}.keys()

def _cross_arm64_impl(ctx):
    prefix = ""
    gcc = ctx.which(_TRIPLE + "-gcc")
    if not gcc or not ctx.which(_TRIPLE + "-g++"):
        # No such package on this machine: unpack it for this user.
        go = ctx.which("go")
        if not go:
            fail("neither %s-g++ nor go is on PATH: install Debian's g++-%s" % (_TRIPLE, _TRIPLE))
        root = ctx.path(Label("//:go.mod")).dirname
        prefix = _run(ctx, [go, "-C", root, "run", "./tools/emulate", "provide", "arm64-gcc"], {"GOFLAGS": ""}).stdout.strip()
        gcc = ctx.path(prefix + "/bin/" + _TRIPLE + "-gcc")
    bin = gcc.dirname
    tools = {t: str(bin.get_child("%s-%s" % (_TRIPLE, t))) for t in ["ar", "cpp", "gcov", "ld", "nm", "objcopy", "objdump", "strip"]}
    tools["gcc"] = str(gcc)

    # Wanted by cc_toolchain_config, and used for coverage with clang only.
    tools.update({t: "/bin/false" for t in ["dwp", "llvm-cov", "llvm-profdata"]})
    flags = []

    # CC chooses the compiler of other builds too; a version of clang makes programs for every CPU.
    cc = ctx.getenv("CC") or ""
    compiler = "gcc"
    if "clang" in cc:
        clang = ctx.which(cc) if "/" not in cc else ctx.path(cc)
        if not clang or not clang.exists:
            fail("CC is %s, which is not there" % cc)
        compiler = "clang"
        tools["gcc"] = str(clang)
        flags = ["--target=" + _TRIPLE] + (["--sysroot=" + prefix, "--gcc-toolchain=" + prefix + "/usr"] if prefix else [])

    ctx.file("BUILD.bazel", _BUILD.format(
        triple = _TRIPLE,
        compiler = repr(compiler),
        compile_flags = repr(flags + ["-fstack-protector", "-Wall", "-fno-omit-frame-pointer"]),
        # libgcc and libc are archives too: the program must run without this machine's dynamic linker.
        link_flags = repr(flags + ["-static", "-Wl,-z,relro,-z,now"]),
        include_dirs = repr(_include_dirs(ctx, [tools["gcc"]] + flags)),
        tool_paths = repr(tools),
    ))
    return None

cross_arm64 = repository_rule(
    implementation = _cross_arm64_impl,
    configure = True,
    doc = """The repository with the toolchain's definition.

It uses aarch64-linux-gnu-gcc and -g++ from PATH, else from Debian's packages in the user's cache directory; and clang in the
compiler's place where CC names one.""",
    environ = ["CC", "PATH", "HOME", "XDG_CACHE_HOME"],
    local = True,
)
