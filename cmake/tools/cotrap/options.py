"""The parser of the command line. It also prints `--help` and makes docs/reference/commands.md."""

import argparse
import sys

from . import bootargs, packages, top, trace
from .bench.options import add_bench
from .defaults import DEMO_TIMEOUT, TEST_JOBS
from .errors import UsageError
from .option_groups import add_machine, add_program, add_quiet, add_starving, add_timeout
from .option_types import duration, events, path, positive
from .sim.options import add_sim
from .suggestions import did_you_mean


class Parser(argparse.ArgumentParser):
    """Reports a wrong option in one line, which names the help of the command that got it."""

    def parse_known_args(self, args=None, namespace=None):
        known, unknown = super().parse_known_args(args, namespace)
        if hasattr(known, "names"):  # argparse accepts names in one place only: collect the others
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

    def _check_value(self, action, value):
        """Refuses a name that is no choice, and suggests a similar one."""
        try:
            super()._check_value(action, value)
        except argparse.ArgumentError as error:
            error.message += did_you_mean(str(value), map(str, action.choices))
            raise

    def print_help(self, file=None):
        """Prints the help, and raises OSError if it cannot be written; argparse ignores such errors."""
        (file or sys.stdout).write(self.format_help())

    def error(self, message: str):
        raise UsageError(f"{message} (`{self.prog} --help` explains)")


# The commands by their names. The module of a command is imported when it runs.
_ACTIONS = {
    "setup": lambda arguments: packages.module(".commands.setup", __package__).run(arguments),
    "demo": lambda arguments: packages.module(".commands.demo", __package__).run(arguments),
    "run": lambda arguments: packages.module(".commands.run", __package__).run(arguments),
    "debug": lambda arguments: packages.module(".commands.debug", __package__).run(arguments),
    "trace": lambda arguments: packages.module(".commands.trace", __package__).run(arguments),
    "top": lambda arguments: packages.module(".commands.top", __package__).run(arguments),
    "bench": lambda arguments: packages.module(".commands.bench", __package__).run(arguments),
    "sim": lambda arguments: packages.module(".commands.sim", __package__).run(arguments),
    "test": lambda arguments: packages.module(".commands.test", __package__).run(arguments),
}


def parser() -> argparse.ArgumentParser:
    whole = Parser(
        prog="./cotrap",
        description="Builds Cotrap, boots it in QEMU or as a process of this host, and runs programs on it.",
        epilog="Each command has its own --help. Brackets in a description contain the default. A time is "
        "a number in the unit that its option names, or a number with a unit: 1.5s, 500ms. "
        "docs/running.md explains how to use the commands.",
        allow_abbrev=False,
    )
    commands = whole.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)

    def command(name: str, summary: str, **more) -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            allow_abbrev=False,
            **more,
        )
        added.set_defaults(action=_ACTIONS[name])
        return added

    sets = command(
        "setup",
        "install the packages that demo, run and most commands need (Debian 12 and 13)",
        epilog="You need not run this first: each command installs the packages that it needs and that "
        "are missing. `debug` adds gdb, `sim` the host's compiler and libraries, `--machine hosted` musl "
        "and valgrind, `--machine pc` those and QEMU for PCs, and `test` all packages, including Chromium. cmake/tools/packages.txt lists them.",
    )
    sets.add_argument(
        "--all",
        action="store_true",
        help="install the packages of all commands, including those of the tests",
    )

    shows = command(
        "demo",
        "run all demos, with one line for each; with NAME, run that demo and show its output",
        epilog="Each demo checks its own claim. Exit status 1: a demo failed.",
    )
    shows.add_argument("names", nargs="*", metavar="NAME", help="a demo to run and to watch (all demos)")
    shows.add_argument(
        "--list", action="store_true", help="list the demos with their descriptions, and run none"
    )
    add_machine(shows)
    shows.set_defaults(harts=0)  # 0: the number that each demo names
    add_timeout(shows, f"end a demo after S seconds; it then counts as failed ({DEMO_TIMEOUT:g})")
    add_quiet(shows, "print only one line for each demo, and the output of demos that fail")

    runs = command(
        "run",
        "boot, and run the shell or a program",
        epilog="Everything after FILE goes to the program; the command prints a hint if one of its own "
        "options stands there. The program's output and exit status become the command's. Other exit "
        "statuses: 128 + signal if a signal killed the program, 124 after --timeout, 125 if Cotrap itself "
        "failed, 126 if the kernel cannot run FILE. FILE may be a workload (docs/workloads.md); then options "
        "may also follow it, and the default of --harts is the workload's number.",
    )
    add_machine(runs)
    runs.set_defaults(harts=0)  # 0: the workload's number, or 1 for a program
    runs.set_defaults(parse=lambda words: parser().parse_args(words))  # for options after a workload
    add_timeout(runs)
    add_quiet(runs)
    runs.add_argument(
        "--builtin",
        action="store_true",
        help="boot without a boot archive. FILE is then the number or the name of a program that the build "
        "option COTRAP_BUILTIN has linked into the kernel (number 0); not with --add",
    )
    runs.add_argument(
        "--callgrind",
        type=path,
        metavar="FILE",
        help="run the machine under valgrind and write to FILE how many instructions each function "
        "executed, for callgrind_annotate or kcachegrind; only with --machine hosted, and not with "
        "--sanitize",
    )
    runs.add_argument(
        "--trace",
        type=path,
        metavar="FILE",
        help="with a workload: write its timeline to FILE, as a page if the name ends in .html, otherwise "
        "for ui.perfetto.dev",
    )
    runs.add_argument(
        "--record",
        type=path,
        metavar="FILE",
        help="with a workload: write every scheduling decision to FILE, for `./cotrap sim --replay`",
    )
    add_starving(runs, "with a workload: ")
    add_program(runs)

    debugs = command(
        "debug",
        "boot, stop at the kernel's first C++ function, and start gdb with symbols loaded",
        epilog="After `continue`, gdb stops again at the first instruction of FILE. Cotrap adds the gdb "
        "commands coroutines, await-chain, harts, hart and areas; `help coroutines` explains the first one. The "
        "exit status is that of gdb, or 124 after --timeout.",
    )
    add_machine(debugs)
    add_timeout(debugs)
    add_quiet(debugs, "show only the program's output, no kernel messages")
    debugs.add_argument(
        "--gdb",
        action="append",
        default=[],
        metavar="COMMAND",
        help="run this gdb command after gdb has attached (repeatable)",
    )
    add_program(debugs)

    traces = command(
        "trace",
        "run a program, and write a timeline of every hart and every job",
        epilog="Without -o and --html, the timeline goes to trace.json. Everything after FILE goes to the "
        "program, except -o and --html at the end of the line, if neither stands before FILE. The exit "
        "status is that of `run`.",
    )
    add_machine(traces)
    add_timeout(traces)
    add_quiet(traces)
    traces.add_argument(
        "-o",
        dest="output",
        type=path,
        metavar="FILE",
        help="write the timeline to FILE as JSON, for ui.perfetto.dev or chrome://tracing",
    )
    traces.add_argument(
        "--html", type=path, metavar="FILE", help="write the timeline to FILE as a page that works offline"
    )
    traces.add_argument(
        "--events",
        type=events,
        default=trace.EVENTS,
        metavar="N",
        help=f"keep at least the last N events of every hart, 1 to {trace.EVENTS_LIMIT} (%(default)s)",
    )
    add_starving(traces)
    add_program(traces)

    tops = command(
        "top",
        "run a program, and show live which jobs run and which wait, and for what",
        epilog="At its end the command prints the last lines of the program's output. If standard output is "
        "no terminal, it prints the tables one below the other. The exit status is that of `run`.",
    )
    add_machine(tops)
    add_timeout(tops)
    tops.set_defaults(quiet=True)
    tops.add_argument(
        "--every",
        type=duration("seconds"),
        default=top.EVERY,
        metavar="S",
        help="update the table every S seconds (%(default)g)",
    )
    add_program(tops, or_shell=False)

    benches = command(
        "bench",
        "measure the kernel's operations: exact numbers of instructions, and times",
        epilog="Without NAME, all benchmarks run. Exit status 1: --compare found a result that got worse. "
        "A whole number of instructions is worse if it grew, another figure if it grew by more than 2 %. "
        "A time must also have grown by more than its spread between runs. docs/benchmarks.md explains each benchmark.",
    )
    add_bench(benches)

    simulates = command(
        "sim",
        "simulate a workload under scheduling policies, in virtual time on this host",
        epilog="docs/reference/workloads.md describes the format of workloads, docs/write-a-scheduler.md how "
        "to add a policy. Exit status 1: a detector found an error, --explore found a schedule that "
        "fails, or the schedule of --replay differs from the recorded one. Detectors find deadlocks, lost "
        "wakes, double enqueues, stalls, and tasks that exceed --starving or --stalled. --list, "
        "--list-policies, --merge, --replay and --explore exclude each other, and refuse options that have "
        "no effect with them.",
    )
    add_sim(simulates)

    checks = command(
        "test",
        "build and run the tests, on the host and in QEMU",
        epilog="With neither NAME nor a tier, the everyday tests run, which cover each test's main path. Several "
        "tiers can be given. "
        "Exit status 1: a test failed, or a mutant survived or could not be tested. docs/testing.md explains "
        "the tests.",
    )
    checks.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="run only tests whose name matches this regular expression, of all tiers; with --mutants, the "
        "mutants whose name matches",
    )
    checks.set_defaults(tiers=[])
    for tier, what in (
        ("everyday", "the everyday tests, also with NAME"),
        ("rest", "the tests that are neither everyday nor long; they need more builds"),
        ("long", "the tests that take long and repeat others with more schedules or in another build"),
    ):
        checks.add_argument(
            f"--{tier}", dest="tiers", action="append_const", const=tier, help=f"run {what}"
        )
    checks.add_argument(
        "--all",
        dest="tiers",
        action="store_const",
        const=["everyday", "rest", "long"],
        help="run all tests of all builds; each build has its own selection of the tests",
    )
    checks.add_argument("--list", action="store_true", help="list the chosen tests, and run none")
    checks.add_argument(
        "--mutants",
        action="store_true",
        help="for each patch of tests/mutants, which adds a bug, check that the test that it names fails; "
        "of the other options it takes only -j",
    )
    checks.add_argument(
        "--minutes",
        type=duration("minutes"),
        metavar="N",
        help="the duration of `./cotrap test soak`, a test that runs only by this name (10)",
    )
    checks.add_argument(
        "-j",
        "--jobs",
        type=positive,
        metavar="N",
        default=TEST_JOBS,
        help="run up to N tests in parallel; a test that keeps several processors busy counts as several "
        "(three times the number of processors)",
    )
    return whole
