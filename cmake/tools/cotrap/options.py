"""The command line: what can be asked for, in the words of `--help`."""

import argparse
import sys

from . import bench, bootargs, debug, demos, run, setup, sim, tests, top, trace
from .bench.options import add_bench
from .errors import UsageError
from .option_groups import add_machine, add_program, add_quiet, add_starving, add_timeout
from .option_types import duration, events, path, positive
from .sim.options import add_sim


class Parser(argparse.ArgumentParser):
    """A wrong option is one line, and the command it was given to is the one that says it."""

    def parse_known_args(self, args=None, namespace=None):
        known, unknown = super().parse_known_args(args, namespace)
        if hasattr(known, "names"):  # argparse takes those of one place, and leaves other places'
            known.names = [*known.names, *(word for word in unknown if not word.startswith("-"))]
            unknown = [word for word in unknown if word.startswith("-")]
        if hasattr(known, "append"):
            try:
                known.append = bootargs.with_header_policy(known.append, known.policy_header)
            except ValueError as error:
                self.error(f"--policy: {error}")
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown

    def print_help(self, file=None):
        """argparse's own drops the error where the help cannot be written."""
        (file or sys.stdout).write(self.format_help())

    def error(self, message: str):
        raise UsageError(f"{message} (`{self.prog} --help` explains)")


def parser() -> argparse.ArgumentParser:
    whole = Parser(
        prog="./cotrap",
        description="Builds Cotrap, boots it in QEMU and runs programs on it.",
        epilog="Each command has its own --help. A time is a number in the unit that its option names, or a "
        "number with a unit: 1.5s, 500ms. docs/running.md tells the rest.",
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

    sets = command(
        "setup",
        lambda arguments: setup.install(*[setup.TEST] * arguments.all),
        "install the packages that demo, run and most commands need (Debian 12 and 13)",
        epilog="No command needs this first: each installs what it needs and is missing. `debug` adds gdb, "
        "`sim` the compiler and the libraries of the host, `--machine hosted` musl and valgrind, `test` all "
        "that there is, Chromium among it. cmake/tools/packages.txt names the packages.",
    )
    sets.add_argument(
        "--all", action="store_true", help="install what any command needs, the tests above all"
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
        epilog="Everything after FILE goes to the program; a hint on standard error names options of the "
        "command there. The program's standard output, standard error and exit status are the command's: "
        "128 + signal where it was killed, 124 on --timeout, 125 if Cotrap itself failed, 126 if the kernel "
        "cannot run FILE. FILE may be a workload (docs/workloads.md), with options before or after it, "
        "and as many harts as it says.",
    )
    add_machine(runs)
    runs.set_defaults(harts=0)  # as a workload says
    add_timeout(runs)
    add_quiet(runs)
    runs.add_argument(
        "--callgrind",
        type=path,
        metavar="FILE",
        help="of the hosted machine: run it under valgrind, and write to FILE which functions its "
        "instructions are in, for callgrind_annotate or kcachegrind",
    )
    runs.add_argument(
        "--trace",
        type=path,
        metavar="FILE",
        help="of a WORKLOAD in the place of a program: write its timeline as `trace` does, as a page "
        "if the name ends in .html",
    )
    runs.add_argument(
        "--record",
        type=path,
        metavar="FILE",
        help="of a WORKLOAD: write every scheduling decision to FILE, for `sim --replay`",
    )
    add_starving(runs, "of a WORKLOAD: ")
    add_program(runs)

    debugs = command("debug", debug.run, "boot stopped, with gdb attached and symbols loaded")
    add_machine(debugs)
    add_timeout(debugs)
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
    add_timeout(traces)
    add_quiet(traces)
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
    add_starving(traces)
    add_program(traces)

    tops = command(
        "top",
        top.run,
        "run a program and show live who runs and who waits for what",
        epilog="What the program prints is shown at its end, its last lines. Where standard output is no "
        "terminal the tables come one below the other. Exit status as of `run`.",
    )
    add_machine(tops)
    add_timeout(tops)
    tops.set_defaults(quiet=True)
    tops.add_argument(
        "--every",
        type=duration("seconds"),
        default=top.EVERY,
        metavar="S",
        help="look every S seconds (%(default)g)",
    )
    add_program(tops, or_shell=False)

    benches = command(
        "bench",
        bench.run,
        "measure what things cost: instructions exactly, and time",
        epilog="Without NAME all are measured. Exit status 1: --compare found something that got "
        "worse, exact figures by more than 2 %, times by more than runs differ.",
    )
    add_bench(benches)

    simulates = command(
        "sim",
        sim.run,
        "simulate a workload under scheduling policies, in virtual time on this host",
        epilog="docs/reference/workloads.md has the format of workloads, docs/write-a-scheduler.md how to add a "
        "policy. Exit status 1: a detector found something (a deadlock, a lost wake, a double "
        "enqueue, a stall, or what --starving and --stalled ask for), or --explore a schedule that "
        "fails; of --replay alone: the schedule is another one than was recorded.",
    )
    add_sim(simulates)

    test = command(
        "test",
        tests.run,
        "build and run the tests: on the host and in QEMU",
        epilog="Without NAME, --all and --rest these are the everyday tests: each test's main path. "
        "docs/testing.md tells the rest.",
    )
    test.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="only tests whose name contains one of these (regular expressions), of all tiers",
    )
    tiers = test.add_mutually_exclusive_group()
    tiers.add_argument(
        "--everyday",
        dest="tier",
        action="store_const",
        const="everyday",
        help="of the tests that NAMEs choose, the everyday ones",
    )
    tiers.add_argument(
        "--all",
        dest="tier",
        action="store_const",
        const="all",
        help="every test, on every kernel build and under every sanitizer",
    )
    tiers.add_argument(
        "--rest",
        dest="tier",
        action="store_const",
        const="rest",
        help="what --all has besides the everyday tests",
    )
    test.add_argument("--list", action="store_true", help="name the tests, and run none")
    test.add_argument(
        "--mutants",
        action="store_true",
        help="build the tree with each bug of tests/mutants, or with those that NAMEs choose, and see "
        "that an everyday test finds it",
    )
    test.add_argument(
        "--minutes",
        type=duration("minutes"),
        metavar="N",
        help="how long `test soak` goes on (10); it runs only when it is asked for",
    )
    test.add_argument(
        "-j",
        "--jobs",
        type=positive,
        metavar="N",
        default=tests.JOBS,
        help="start tests for so many processors at once (twice as many as there are)",
    )
    return whole
