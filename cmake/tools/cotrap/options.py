"""The command line: what can be asked for, in the words of `--help`."""

import argparse
import os

from . import bench, bootargs, debug, demos, disk, hosted, memory, run, setup, tests, top, trace
from .errors import UsageError
from .option_types import Once, checked, duration, events, harts, path, positive
from .paths import MACHINES, SANITIZED


class Parser(argparse.ArgumentParser):
    """A wrong option is one line, and the command it was given to is the one that says it."""

    def parse_known_args(self, args=None, namespace=None):
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown

    def error(self, message: str):
        raise UsageError(f"{message} (`{self.prog} --help` explains)")


def parser() -> argparse.ArgumentParser:
    whole = Parser(
        prog="./cotrap",
        description="Builds Cotrap, boots it in QEMU and runs programs on it.",
        epilog="Each command has its own --help. docs/running.md tells the rest.",
        allow_abbrev=False,
    )
    commands = whole.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, action, summary: str, **more) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            allow_abbrev=False,
            **more,
        )
        added.set_defaults(action=action)
        return added

    command(
        "setup",
        lambda _: setup.install(),
        "install the packages that are missing (Debian 12 and 13)",
    )

    demo = command(
        "demo",
        demos.run,
        "run the demos, one verdict line each; with NAMEs, those, with all they print",
    )
    demo.add_argument("names", nargs="*", metavar="NAME", help="a demo to run and to watch")
    demo.add_argument("--list", action="store_true", help="name the demos, with a line each")
    add_machine(demo)
    demo.set_defaults(harts=0)
    add_timeout(demo, f"give up on a demo after S seconds ({demos.TIMEOUT:g})")
    add_quiet(demo, "print verdict lines only, and what a demo printed that fails")

    runs = command(
        "run",
        run.run,
        "boot to a shell, or with a program in its place",
        epilog="Everything after FILE goes to the program. Its standard output and exit status are "
        "the command's: 128 + signal where it was killed, 124 on --timeout, 125 if Cotrap "
        "itself failed.",
    )
    add_machine(runs)
    add_timeout(runs, "give up after S seconds, with exit status 124")
    add_quiet(runs, "standard output is what the program writes and nothing else")
    runs.add_argument(
        "--callgrind",
        type=path,
        metavar="FILE",
        help="of the hosted machine: run it under valgrind, and write to FILE which functions its "
        "instructions are in, for callgrind_annotate or kcachegrind",
    )
    add_program(runs)

    debugs = command("debug", debug.run, "boot stopped, with gdb attached and symbols loaded")
    add_machine(debugs)
    add_timeout(debugs, "give up after S seconds, with exit status 124")
    add_quiet(debugs, "of the console, show what the program writes and nothing else")
    debugs.add_argument(
        "--gdb",
        action="append",
        default=[],
        metavar="COMMAND",
        help="a command for gdb once it is attached (repeatable)",
    )
    add_program(debugs)

    traces = command(
        "trace",
        trace.run,
        "run, and write a timeline of what happened on every hart",
        epilog="Without -o and --html it is trace.json. Everything after FILE goes to the program, "
        "except these two at the end of the line if none is in front. Exit status as of `run`.",
    )
    add_machine(traces)
    add_timeout(traces, "give up after S seconds, with exit status 124")
    add_quiet(traces, "standard output is what the program writes and nothing else")
    traces.add_argument(
        "-o",
        dest="output",
        type=path,
        metavar="FILE",
        help="write the timeline for ui.perfetto.dev or chrome://tracing",
    )
    traces.add_argument(
        "--html", type=path, metavar="FILE", help="write it as a page that needs nothing else"
    )
    traces.add_argument(
        "--events",
        type=events,
        default=trace.EVENTS,
        metavar="N",
        help="keep the last N events of every hart, or a few more (%(default)s)",
    )
    add_program(traces)

    tops = command(
        "top",
        top.run,
        "run a program and show live who runs and who waits for what",
        epilog="What the program prints is shown at its end, its last lines. Where standard output is no "
        "terminal the tables come one below the other. Exit status as of `run`.",
    )
    add_machine(tops)
    add_timeout(tops, "give up after S seconds, with exit status 124")
    tops.set_defaults(quiet=True)
    tops.add_argument(
        "--every",
        type=duration("seconds"),
        default=top.EVERY,
        metavar="S",
        help="look every S seconds (%(default)g)",
    )
    add_program(tops)

    benches = command(
        "bench",
        bench.run,
        "measure what things cost: instructions exactly, and time",
        epilog="Without NAME all are measured. Exit status 1: --compare found something that got "
        "worse, exact figures by more than 2 %, times by more than runs differ.",
    )
    add_bench(benches)

    test = command("test", tests.run, "build and run all tests: on the host and in QEMU")
    test.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="only tests whose name contains one of these (regular expressions)",
    )
    test.add_argument(
        "--minutes",
        type=duration("minutes"),
        metavar="N",
        help="how long `test soak` goes on (10); it runs only when it is asked for",
    )
    test.add_argument("--list", action="store_true", help="name the tests")
    test.add_argument(
        "--quick", action="store_true", help="one kernel build: without the other trap path"
    )
    test.add_argument(
        "-j",
        "--jobs",
        type=positive,
        metavar="N",
        default=os.cpu_count(),
        help="so many at once (%(default)s)",
    )
    return whole


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
    command.set_defaults(sanitize=None)
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
        help="run the same program on another kernel, too (" + ", ".join(bench.OTHERS) + "), as "
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


def add_build(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--build",
        metavar="NAME",
        help="the preset to build and boot, or a build folder to take as it is (of the machine: "
        + ", ".join(MACHINES.values())
        + ")",
    )


def add_hardware(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--machine",
        choices=MACHINES,
        default="riscv64",
        help="riscv64 in QEMU, or hosted: the same kernel as a process of this host (%(default)s)",
    )
    command.add_argument(
        "--fs",
        choices=hosted.FS,
        help="of the hosted machine: programs' thread-local storage is found by fs, which is changed "
        "on the way in and out (wrfsbase, arch_prctl), or by gs, and their instructions are changed "
        "to that (rewrite)",
    )
    command.add_argument(
        "--harts", type=harts, default=1, metavar="N", help="processors, 1 to 8 (usually 1)"
    )
    command.add_argument(
        "--mem",
        dest="memory",
        type=checked(memory.parse),
        default="256M",
        metavar="SIZE",
        help="memory (%(default)s)",
    )
    command.add_argument(
        "--append",
        action="append",
        default=[],
        type=checked(bootargs.more_words),
        metavar="WORDS",
        help="more `key=value` words for the kernel (repeatable)",
    )


def add_machine(command: argparse.ArgumentParser) -> None:
    add_hardware(command)
    command.add_argument(
        "--sanitize",
        choices=SANITIZED,
        help="the hosted machine's kernel under AddressSanitizer and UndefinedBehaviorSanitizer, or "
        "under ThreadSanitizer",
    )
    command.add_argument(
        "--icount",
        action="store_true",
        help="count time in instructions, so that runs repeat exactly",
    )
    command.add_argument(
        "--disk",
        type=disk.parse,
        action=Once,
        metavar="FILE[,ro]",
        help="a disk, /dev/vda in the guest: a file of the host, of whole 512-byte sectors, which "
        "the guest writes to (not with ,ro)",
    )
    command.add_argument(
        "--add",
        action="append",
        default=[],
        type=path,
        metavar="PATH",
        help="put a host file or folder into the guest's root (repeatable)",
    )
    add_build(command)


def add_timeout(command: argparse.ArgumentParser, meaning: str) -> None:
    command.add_argument("--timeout", type=duration("seconds"), metavar="S", help=meaning)


def add_quiet(command: argparse.ArgumentParser, meaning: str) -> None:
    command.add_argument("-q", "--quiet", action="store_true", help=meaning)


def add_program(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "program",
        nargs="?",
        type=path,
        metavar="FILE",
        help="the first program, instead of the shell",
    )
    command.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARG", help="its arguments")
