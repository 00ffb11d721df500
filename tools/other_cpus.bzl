"""Compilers and emulators for other CPUs than this machine's."""

load("//tools/cross:repository.bzl", "cross_arm64")
load("//tools/emulate:defs.bzl", "emulator")

def other_cpus():
    """Declares their repositories, which are made when a configuration of .bazelrc asks for them."""
    cross_arm64(name = "cross_arm64")
    emulator(
        name = "emulator_avx512",
        prefer_native = True,
        target = "avx512",
    )
    emulator(
        name = "emulator_bochs",
        target = "avx512",
    )
    emulator(
        name = "emulator_arm64",
        prefer_native = True,
        target = "arm64",
    )

other_cpus_extension = module_extension(implementation = lambda _ctx: other_cpus())
