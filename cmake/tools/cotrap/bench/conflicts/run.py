"""The command: boots the machine with the tracer, and finds the conflicts of each pair."""

import re
import tempfile
from dataclasses import replace
from pathlib import Path

from ... import build
from ...errors import ToolError, UsageError
from ...paths import check_output, write_output
from ...qemu import Boot, archive_with
from ...ui import Waiting
from .. import boots, plugins
from ..boots import Bench
from ..guest import output_of
from ..plugins import escaped, explain
from . import report
from .naming import Names
from .summary import Pair
from .trace import conflicts, traced_calls

NAME = "conflicts"
ABOUT = "pairs of calls that commute: which ones share a cache line (runs only by this name)"
# In the build folder: the tracer and the program.
TRACER, PROGRAM = "conflicts/access_trace.so", "conflicts/conflicts"
_HARTS = 2
_LINE = re.compile(r"^(threads|processes)\t(\S+)\t(\S+)$", re.MULTILINE)


def run(arguments) -> int:
    """The command. arguments.names: NAME, and then the calls whose pairs it traces, by default all."""
    _check(arguments)
    if arguments.json:
        check_output(arguments.json)
    built = build.chosen(arguments)
    _check(arguments)  # again: --build may have selected another machine
    bench, folder = boots.of_options(arguments, built, _HARTS, "cotrap_conflicts")
    pairs = measure(bench, folder, arguments.names[1:])
    report.show(pairs)
    if arguments.json:
        write_output(arguments.json, report.to_json(pairs))
    return 0


def _check(arguments) -> None:
    """Raises UsageError for options that have no effect here."""
    plugins.check(arguments, NAME)
    if arguments.harts > _HARTS:
        raise UsageError(f"{NAME} traces two harts: leave out `--harts {arguments.harts}`")
    for option in ("time", "profile", "lines", "frames", "against", "html", "svg", "save", "compare"):
        if getattr(arguments, option):
            raise UsageError(f"{NAME} prints a table of its own: leave out --{option}")


def measure(bench: Bench, folder: Path, calls: list[str]) -> list[Pair]:
    """Runs the pairs of these calls, by default of all, and finds their conflicts. folder: the build of the
    tracer and the program."""
    for file in (TRACER, PROGRAM):
        if not (folder / file).exists():
            raise ToolError(f"{folder / file} does not exist: `ninja -C {folder} cotrap_conflicts` builds it")
    with tempfile.NamedTemporaryFile(prefix="cotrap-") as trace, Waiting("tracing pairs of calls"):
        made = _LINE.findall(_boot(bench, folder, trace.name, calls))
        found = _conflicts(Path(trace.name), len(made))
    names = Names(bench.build, [each for pair in found for each in pair])
    return [
        Pair(state, (first, second), tuple(map(names.of, pair)))
        for (state, first, second), pair in zip(made, found)
    ]


def _conflicts(trace: Path, pairs: int) -> list[list]:
    """The conflicts of each pair. Calls 1 and 2 of the trace are the first pair, 3 and 4 the second."""
    found, first = [], None
    for call in traced_calls(trace):
        if first is None:
            first = call
            continue
        if first.hart == call.hart:
            raise ToolError(f"both calls of pair {len(found)} ran on hart {call.hart}")
        found.append(conflicts(first, call))
        first = None
    if first or len(found) != pairs:
        raise ToolError(f"the trace has {len(found)} pairs of calls, but the program made {pairs} pairs")
    return found


def _boot(bench: Bench, folder: Path, trace: str, calls: list[str]) -> str:
    """Runs the program, and the tracer, which writes the file `trace`. Returns the program's output."""
    archive = archive_with(bench.build)
    archive.add_program(folder / PROGRAM, "run/conflicts")
    boot = Boot(
        bench.build,
        archive.pack(),
        program="/run/conflicts",
        arguments=calls,
        append=bench.append,
    )
    plugin = ",".join(escaped(word) for word in (str(folder / TRACER), f"out={trace}"))
    machine = replace(bench.machine, icount=True, extra=("-plugin", plugin))
    return output_of(machine, boot, bench.timeout, "the pairs", explain)
