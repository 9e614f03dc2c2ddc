"""`./cotrap bench pool`: async::HostPool on threads of this host, beside TBB."""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .. import build
from ..errors import ToolError, UsageError
from ..paths import write_output
from ..provenance import provenance
from ..ui import Waiting, bad, faint, good, say
from .goals import POOL
from .own_table import chosen_rows

NAME = "pool"
ABOUT = "fork-join, channels and mutexes on threads of this host, beside TBB (runs only by this name)"
PRESET = "host-debug"
TARGET = "bench_pool"
PROGRAM = Path("tests") / "bench" / TARGET  # in the build folder
_ROUNDS = 40
_LINE = re.compile(r"^(\S+)\t(pool|tbb)\t(\d+)\t([\d.]+)\t([\d.]+)$", re.MULTILINE)

# What one operation is.
OPERATIONS = {
    "fib": "a call of fib(30), which spawns one of its two calls",
    "skynet": "a job of a tree with 10^5 leaves",
    "nqueens": "a solution for 9 queens; jobs place the first four",
    "matmul": "a block of 32 × 32 of a product of two matrices of 256 × 256",
    "channel": "a value that one job sends to another, and both work on it; four such pairs",
    "channel.pair": "a round trip between two jobs, which wait for each other",
    "mutex": "work, a tenth as much with a shared mutex, by eight jobs",
    "mutex.held": "lock and unlock a shared mutex, by four jobs that do nothing else",
}


@dataclass(frozen=True)
class Row:
    """pool, tbb: ns an operation by the number of threads."""

    name: str
    pool: dict[int, float]
    tbb: dict[int, float]

    @property
    def ratio(self) -> float | None:
        """How many times the operations of one thread two threads make."""
        return self.pool[1] / self.pool[2] if 2 in self.pool else None

    @property
    def goal(self) -> float | None:
        """The least ratio that reaches the row's goal. None: the row has no goal."""
        return POOL.get(self.name)

    @property
    def is_missed(self) -> bool:
        return self.goal is not None and self.ratio is not None and self.ratio < self.goal


def run(arguments) -> int:
    """The command. arguments.names: NAME, and then the rows, by default all."""
    chosen = chosen_rows(arguments, NAME, OPERATIONS)
    processors = len(os.sched_getaffinity(0))
    if processors < 2:
        say("this host has one processor: two threads share it, so no row can reach its goal")
    rows = measure(_program(arguments), max(processors, 2), chosen)
    _show(rows)
    if arguments.json:
        write_output(arguments.json, _to_json(rows))
    return 0


def _program(arguments) -> Path:
    folder = Path(arguments.build) if arguments.build else build.make(PRESET, TARGET)
    if not (folder / PROGRAM).exists():
        raise UsageError(f"{folder / PROGRAM} does not exist: is {folder} a build of the preset {PRESET}?")
    return folder / PROGRAM


def measure(program: Path, threads: int, chosen: list[str]) -> list[Row]:
    text = ""
    names = chosen or list(OPERATIONS)
    for number, name in enumerate(names, 1):
        with Waiting(f"measuring {name}, {number} of {len(names)}", lines=True):
            words = [program, str(_ROUNDS), str(min(threads, 64)), name]
            done = subprocess.run(words, capture_output=True, text=True, errors="replace")
        if done.returncode != 0:
            raise ToolError(f"{program} failed in {name}: {done.stderr.strip() or done.returncode}")
        text += done.stdout
    found: dict[str, dict[str, dict[int, float]]] = {}
    for name, way, count, ns, _ in _LINE.findall(text):
        found.setdefault(name, {"pool": {}, "tbb": {}})[way][int(count)] = float(ns)
    return [Row(name, **ways) for name, ways in found.items() if ways["pool"].get(1)]


def _show(rows: list[Row]) -> None:
    if not rows:
        raise ToolError("the program printed no results")
    counts = sorted({count for row in rows for count in row.pool})
    has_tbb = any(row.tbb for row in rows)
    print(faint("ns an operation, of the shortest of many rounds; `ratio`: one thread's by two threads'"))
    heads = [f"{count} thread{'s' * (count > 1)}" for count in counts]
    tbb = [f"TBB {count}" for count in counts] if has_tbb else []
    width = max(len(row.name) for row in rows) + 1
    print(f"  {'':<{width}}" + "".join(f"{head:>11}" for head in [*heads, *tbb]) + f"{'ratio':>7}  goal")
    for row in rows:
        cells = [row.pool.get(count) for count in counts]
        cells += [row.tbb.get(count) for count in counts] if has_tbb else []
        texts = "".join(f"{'–' if cell is None else f'{cell:,.1f}':>11}" for cell in cells)
        ratio = "–" if row.ratio is None else f"{row.ratio:.2f}"
        goal = ""
        if row.goal is not None:
            goal = bad(f"missed ≥ {row.goal}") if row.is_missed else good(f"≥ {row.goal}")
        print(f"  {row.name:<{width}}{texts}{ratio:>7}  {goal}".rstrip())
    for row in rows:
        print(faint(f"  {row.name}: {OPERATIONS[row.name]}"))
    if not has_tbb:
        say(
            "no column for TBB, because it was not installed when the benchmark was built: on Debian, "
            f"install libtbb-dev (or run `./cotrap setup --all`), then `cmake --preset {PRESET}`"
        )


def _to_json(rows: list[Row]) -> str:
    results = [{"name": row.name, "ns": row.pool, "tbb_ns": row.tbb, "ratio": row.ratio} for row in rows]
    return json.dumps(provenance() | {"results": results}, indent=1, ensure_ascii=False) + "\n"
