"""`./cotrap bench`: its options."""

import argparse

from ..option_groups import add_build, add_hardware, add_timeout
from ..option_types import path
from .others import OTHERS


def add_bench(command: argparse.ArgumentParser) -> None:
    command.add_argument("names", nargs="*", metavar="NAME", help="a benchmark, or the NAME of NAME.…")
    command.add_argument("--list", action="store_true", help="name the benchmarks, with a line each")
    kinds = command.add_mutually_exclusive_group()
    kinds.add_argument("--icount", action="store_true", help="only what is counted, exactly")
    kinds.add_argument("--time", action="store_true", help="only what the clock says")
    kinds.add_argument(
        "--profile", action="store_true", help="which functions the instructions of each NAME are in"
    )
    add_hardware(command)
    add_build(command)
    command.set_defaults(sanitize=None, self_tests=True)
    add_timeout(command, "give up on a machine after S seconds")
    kinds.add_argument(
        "--frames",
        action="store_true",
        help="what the kernel's coroutines take of memory in the demos; status 1 if one is larger than "
        "tests/bench/frames.json has it",
    )
    command.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="KERNEL[=IMAGE]",
        help="run the same program on another kernel, too (" + ", ".join(OTHERS) + "), as "
        "Debian has it, or the one in the file IMAGE (repeatable)",
    )
    for option, what in (
        ("--json", "write the figures with their distributions to FILE"),
        ("--html", "write them as a page to FILE, which needs nothing else to be looked at"),
        ("--svg", "write the bars of one unit as a picture to FILE"),
        ("--save", "write what another run can be compared with to FILE"),
        ("--compare", "say what has changed since FILE was written by --save or --json"),
    ):
        command.add_argument(option, type=path, metavar="FILE", help=what)
