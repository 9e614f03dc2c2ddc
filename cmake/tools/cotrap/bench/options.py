"""The options of `./cotrap bench`."""

import argparse

from ..defaults import BENCH_TIMEOUT, OTHER_KERNEL_TIMEOUT
from ..option_groups import add_build, add_hardware, add_timeout
from ..option_types import path
from .others import OTHERS


def add_bench(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="a benchmark, or the first part of some names, up to a dot or an @: `fault` runs all of fault.* "
        "(all benchmarks). `conflicts` traces pairs of system calls, `scale` measures the throughput of "
        "several harts, and `pool` measures async::HostPool on threads of this host. `shapes` counts both "
        "trap shapes on both trap paths, and `stackful` counts stackful jobs beside coroutines. Names after "
        "these select rows: docs/conflicts.md and docs/benchmarks.md explain them",
    )
    command.add_argument(
        "--list", action="store_true", help="list the benchmarks with their descriptions, and run none"
    )
    kinds = command.add_mutually_exclusive_group()
    kinds.add_argument(
        "--icount",
        action="store_true",
        help="only count instructions, which is exact, and measure no times; with `scale`, count the "
        "throughput of several harts, and how long they hold the strand; not with --machine hosted",
    )
    kinds.add_argument("--time", action="store_true", help="only measure times, by the clock")
    kinds.add_argument(
        "--profile",
        action="store_true",
        help="print which functions execute the instructions of each NAME; with `scale`, which functions "
        "execute more of them on several harts than on one; not with --machine hosted",
    )
    kinds.add_argument(
        "--lines",
        action="store_true",
        help="only with `scale`: print which cache lines move from hart to hart in an operation, and between "
        "which functions; not with --machine hosted",
    )
    add_hardware(command)
    add_build(command)
    command.set_defaults(sanitize=None, self_tests=True)
    add_timeout(
        command,
        f"fail if a machine has not measured everything after S seconds ({BENCH_TIMEOUT:g}; "
        f"{OTHER_KERNEL_TIMEOUT:g} with --against)",
    )
    kinds.add_argument(
        "--frames",
        action="store_true",
        help="print the size of the frame of each kernel coroutine, and how many of them the demos use. Exit "
        "status 1 if one is larger than its budget in tests/bench/frames.json. Not with --machine hosted",
    )
    command.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="KERNEL[=IMAGE]",
        help="also run the benchmarks on another kernel: " + " or ".join(OTHERS) + " downloads Debian's "
        "kernel; =IMAGE uses that kernel file instead (repeatable); not with --machine hosted",
    )
    for option, help in (
        ("--json", "write the results with their distributions to FILE as JSON"),
        ("--html", "write the results to FILE as a page that works offline"),
        ("--svg", "write a bar chart of one unit to FILE"),
        ("--save", "write the results to FILE for a later --compare, without distributions and date"),
        ("--compare", "compare the results with FILE, which --save or --json has written"),
    ):
        command.add_argument(option, type=path, metavar="FILE", help=help)
