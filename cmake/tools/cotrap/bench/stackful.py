"""`./cotrap bench stackful`: the same jobs as coroutines and as functions with stacks of their own."""

import json
import re
import struct
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from .. import build
from ..errors import ToolError, UsageError
from ..paths import write_output
from ..provenance import provenance
from ..qemu import Boot, archive_with
from ..ui import Waiting, faint
from . import boots, plugins
from .boots import Bench
from .compare import number
from .guest import output_of
from .own_table import chosen_rows
from .plugins import escaped, explain

NAME = "stackful"
ABOUT = "stackful jobs beside coroutines: instructions, cache misses, memory (runs only by this name)"
# In the build folder: the plugin and the program.
COUNTER, PROGRAM = "stackful/cache_misses.so", "stackful/stackful"
KINDS = ("stackless", "stackful")
_ROWS = ("switch", "spawn", "memory")
_LINE = re.compile(r"^(\w+(?:@\d+)?)\t(\w+)\t(\d+)(?:\t(\d+))?$", re.MULTILINE)
_WINDOW = struct.Struct("<3Q")
_MEASURES = ("instructions", "loads and stores", "cache misses")


@dataclass(frozen=True)
class Figure:
    """What an operation of one kind of job costs."""

    row: str
    kind: str
    measure: str
    value: float


def run(arguments) -> int:
    """The command. arguments.names: NAME, and then the rows, by default all."""
    chosen = chosen_rows(arguments, NAME, _ROWS, takes=("icount",)) or _ROWS
    plugins.check(arguments, NAME)
    built = build.chosen(arguments)
    plugins.check(arguments, NAME)  # again: --build may have selected another machine
    if arguments.harts != 1:
        raise UsageError(f"{NAME} counts on one hart: leave out --harts")
    bench, folder = boots.of_options(arguments, built, 1, "cotrap_stackful")
    figures = [each for each in measure(bench, folder) if each.row.partition("@")[0] in chosen]
    _show(figures)
    if arguments.json:
        results = [vars(each) for each in figures]
        text = json.dumps(provenance() | {"results": results}, indent=1, ensure_ascii=False) + "\n"
        write_output(arguments.json, text)
    return 0


def measure(bench: Bench, folder: Path) -> list[Figure]:
    """folder: the build of the plugin and the program."""
    for file in (COUNTER, PROGRAM):
        if not (folder / file).exists():
            raise ToolError(f"{folder / file} does not exist: `ninja -C {folder} cotrap_stackful` builds it")
    with tempfile.NamedTemporaryFile(prefix="cotrap-") as counts, Waiting("counting both kinds of jobs"):
        output = _boot(bench, folder, counts.name)
        windows = list(_WINDOW.iter_unpack(Path(counts.name).read_bytes()))
    return figures(output, windows)


def figures(output: str, windows: list[tuple[int, int, int]]) -> list[Figure]:
    """The figures from the program's output and from the plugin's windows."""
    found, left = [], iter(windows)
    for row, kind, operations, total in _LINE.findall(output):
        if total:
            found.append(Figure(row, kind, "bytes", int(total) / int(operations)))
            continue
        window = next(left, None)
        if window is None:
            raise ToolError("the plugin has counted fewer windows than the program has marked")
        found += [
            Figure(row, kind, name, count / int(operations)) for name, count in zip(_MEASURES, window)
        ]
    return found


def _boot(bench: Bench, folder: Path, counts: str) -> str:
    """Runs the program, and the plugin, which writes the file `counts`. Returns the program's output."""
    archive = archive_with(bench.build)
    archive.add_program(folder / PROGRAM, "run/stackful")
    boot = Boot(bench.build, archive.pack(), program="/run/stackful", append=bench.append)
    plugin = ",".join(escaped(word) for word in (str(folder / COUNTER), f"out={counts}"))
    machine = replace(bench.machine, icount=True, extra=("-plugin", plugin))
    return output_of(machine, boot, bench.timeout, "the jobs", explain)


def _show(figures: list[Figure]) -> None:
    values = {(each.row, each.measure, each.kind): each.value for each in figures}
    print(faint("an operation of a program, counted"))
    print(f"  {'':<14}{'':<18}" + "".join(f"{kind:>11}" for kind in KINDS) + f"{'ratio':>8}")
    for row, measure_ in dict.fromkeys((each.row, each.measure) for each in figures):
        stackless, stackful = (values[row, measure_, kind] for kind in KINDS)
        ratio = f"{stackful / stackless:.1f}" if stackless >= 0.05 else "–"
        cells = f"{number(round(stackless, 2)):>11}{number(round(stackful, 2)):>11}{ratio:>8}"
        print(f"  {row:<14}{measure_:<18}{cells}")
