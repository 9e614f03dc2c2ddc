"""`./cotrap bench scale`: how many times the operations of one hart several harts make, by the clock. With
--icount, --profile or --lines: counted, and why."""

import json
import os
import re
from dataclasses import dataclass

from .. import build
from ..defaults import BENCH_TIMEOUT
from ..errors import ToolError, UsageError
from ..machines import given_cpu
from ..paths import MACHINES, write_output
from ..provenance import provenance
from ..qemu import Boot, Machine, archive_with
from ..ui import Waiting, bad, faint, good, say
from . import plugins, rounds, scaling
from .goals import THROUGHPUTS
from .guest import output_of
from .own_table import chosen_rows

NAME = "scale"
ABOUT = "throughput of several harts, as a multiple of that of one (runs only by this name)"
PROGRAMS = ("scale/scale", "scale/scale-jobs")  # in the build folder; the first one starts the other one
_WINDOWS, _WINDOW_MS = 10, 100
_COUNTED = ("icount", "profile", "lines")  # options
_LINE = re.compile(r"^(\S+)\t(\d+)\t(\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """rates: operations a second by the number of harts, all harts together."""

    name: str
    rates: dict[int, int]

    def times(self, harts: int) -> float:
        return self.rates[harts] / self.rates[1]

    @property
    def is_missed(self) -> bool:
        return 2 in self.rates and self.times(2) < THROUGHPUTS[self.name]


def run(arguments) -> int:
    """The command. arguments.names: NAME, and then the rows, by default all."""
    chosen = chosen_rows(arguments, NAME, THROUGHPUTS, takes=_COUNTED)
    harts = max(arguments.harts, 2)
    if any(getattr(arguments, option) for option in _COUNTED):
        return _count(harts, arguments, chosen)
    if harts > (processors := len(os.sched_getaffinity(0))):
        say(f"{harts} harts on a host with {processors} processors: they wait for each other's processor")
    rows = measure(build.chosen(arguments), harts, arguments, chosen)
    _show(rows)
    if arguments.json:
        write_output(arguments.json, _to_json(rows))
    return 0


def worker_counts(harts: int) -> list[int]:
    """1, 2, 4 and so on, and the number of harts."""
    return [*(1 << power for power in range((harts - 1).bit_length())), harts]


def _count(harts: int, arguments, chosen: list[str]) -> int:
    """The command with an option that counts."""
    _check(arguments)
    if arguments.profile and arguments.json:
        raise UsageError("scale --profile has no results of benchmarks: leave out --json")
    built = build.chosen(arguments)
    _check(arguments)  # again: --build may have selected another machine
    boot = _boot(built, arguments, "cotrap_scale", chosen)
    workers = [1, harts] if arguments.profile else [harts] if arguments.lines else worker_counts(harts)
    machine = Machine(harts, arguments.memory, **given_cpu(arguments))
    found = rounds.measure(built, built.folder, boot, machine, arguments.timeout or BENCH_TIMEOUT, workers)
    if arguments.profile:
        scaling.show_functions(built.kernel, found)
    elif arguments.lines:
        scaling.show_lines(built, found)
    else:
        scaling.show(found, arguments.machine, harts)
    if arguments.json:
        text = scaling.lines_to_json(built, found) if arguments.lines else scaling.to_json(found, arguments.machine)
        write_output(arguments.json, text)
    return 0


def _check(arguments) -> None:
    option = next(each for each in ("lines", "profile", "icount") if getattr(arguments, each))
    plugins.check(arguments, f"scale --{option}")


def measure(built, harts: int, arguments, chosen: list[str]) -> list[Row]:
    words = [",".join(map(str, worker_counts(harts))), str(_WINDOWS), str(_WINDOW_MS), *chosen]
    boot = _boot(built, arguments, "user-scale", words)
    machine = Machine(harts, arguments.memory, fs=arguments.fs, **given_cpu(arguments))
    with Waiting("measuring the throughput"):
        text = output_of(machine, boot, arguments.timeout or BENCH_TIMEOUT, "the measurement")
    rates: dict[str, dict[int, int]] = {}
    for name, workers, rate in _LINE.findall(text):
        rates.setdefault(name, {})[int(workers)] = int(rate)
    return [Row(name, found) for name, found in rates.items() if found.get(1)]


def packed_archive(built) -> bytes:
    """The boot archive with the programs."""
    archive = archive_with(built)
    for program in PROGRAMS:
        archive.add_program(built.folder / program, f"run/{program.split('/')[-1]}")
    return archive.pack()


def _boot(built, arguments, target: str, words: list[str]) -> Boot:
    """The program with these arguments. target: what the build needs in addition to the kernel."""
    preset = arguments.build or MACHINES[arguments.machine]
    if preset in build.KERNEL_PRESETS:
        build.ready(preset, target)
    for program in PROGRAMS:
        if not (built.folder / program).exists():
            raise ToolError(
                f"{built.folder / program} does not exist: `ninja -C {built.folder} {target}` builds it"
            )
    return Boot(
        built,
        packed_archive(built),
        program="/run/scale",
        arguments=words,
        append=" ".join(arguments.append),
    )


def _show(rows: list[Row]) -> None:
    if not rows:
        raise ToolError("the program printed no results")
    counts = sorted({harts for row in rows for harts in row.rates})[1:]
    width = max(len(row.name) for row in rows)
    print(faint("operations a second on one hart, and how many times as many on several"))
    heads = "".join(f"  {f'{each} harts':>8}" for each in counts)
    print(f"  {'':<{width}}  {'one hart':>12}{heads}      goal")
    for row in rows:
        times = "".join(
            f"  {row.times(each):>8.2f}" if each in row.rates else f"  {'–':>8}" for each in counts
        )
        goal = f"≥ {THROUGHPUTS[row.name]}"
        verdict = bad(f"missed {goal}") if row.is_missed else good(goal)
        print(f"  {row.name:<{width}}  {row.rates[1]:>12,}{times}  {verdict:>10}")


def _to_json(rows: list[Row]) -> str:
    results = [
        {"name": row.name, "goal": THROUGHPUTS[row.name], "operations_a_second": row.rates} for row in rows
    ]
    return json.dumps(provenance() | {"results": results}, indent=1, ensure_ascii=False) + "\n"
