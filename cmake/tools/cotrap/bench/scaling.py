"""`./cotrap bench scale --icount`: what an operation costs each hart in counted instructions, on one hart and
on several, and the throughput that follows. With --profile and --lines: which functions and which cache lines
make the difference."""

import json
import math
import re
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..errors import ToolError
from ..paths import Build
from ..provenance import provenance
from ..ui import bad, faint, good
from . import holds
from .conflicts.naming import LIBRARY, Names, Variable
from .goals import operation_goal, throughput_goal
from .profile import stacks_at
from .rounds import Counted

_SHOWN = 12  # functions or variables of a row in the terminal
_SMALL = re.compile(r"\b(?:__cxx_atomic_\w+|relax\b)")  # the name of the caller says more
_LEAST_SHARE = 0.002  # of a row's instructions: functions that differ by less are not shown


@dataclass(frozen=True)
class Row:
    """What an operation costs on `harts` harts, in instructions of the hart that makes it: the kernel's, the
    program's and the firmware's. waits: those of them that are waiting loops. idle: in instructions that a
    busy hart executes meanwhile. held: those in which the hart holds the strand alone. lines: how many cache
    lines move to the hart. one_hart: the time of an operation on one hart."""

    name: str
    harts: int
    operations: int
    kernel: float
    program: float
    firmware: float
    waits: float
    idle: float
    held: float
    lines: float
    one_hart: float

    @property
    def time(self) -> float:
        return self.instructions + self.idle

    @property
    def at_most(self) -> float:
        """The throughput at which some hart always holds the strand alone."""
        return self.one_hart / self.held if self.held else math.inf

    @property
    def throughput(self) -> float:
        """How many times the operations of one hart these harts make at the same time."""
        if self.harts == 1:
            return 1.0
        return min(self.harts * self.one_hart / self.time, self.at_most) if self.operations else 0.0

    @property
    def instructions(self) -> float:
        """Those that a hart executes for an operation, without idle time."""
        return self.kernel + self.program + self.firmware

    def goals(self, machine: str) -> list[tuple[str, bool]]:
        """The goals of the row on this machine, and whether it misses them."""
        found = []
        if least := throughput_goal(self.name, self.harts):
            found.append((f"≥ {least}", self.throughput < least))
        if most := operation_goal(self.name, machine, self.harts):
            found.append((f"≤ {most:,} instructions", self.instructions > most))
        return found

    @property
    def is_worse(self) -> bool:
        """Whether several harts together make fewer operations than one."""
        return self.throughput < 1


def rows(found: list[Counted]) -> list[Row]:
    """The rows with all numbers of workers, in the order of the first one. found: one worker, and others."""
    one_hart = {each.name: each.of_windows("time") for each in found if each.workers == 1}
    done = [
        Row(
            each.name,
            each.workers,
            each.operations,
            *map(each.of_windows, ("kernel", "program", "firmware", "waits", "idle")),
            each.held,
            each.moves,
            one_hart[each.name],
        )
        for each in found
    ]
    order = list(one_hart)
    return sorted(done, key=lambda row: order.index(row.name))


def show(found: list[Counted], machine: str, harts: int) -> None:
    """harts: the largest number of workers."""
    if not found:
        raise ToolError("the program printed no results")
    its = rows(found)
    width = max(len(row.name) for row in its)
    print(faint("instructions of a hart for an operation, and how many times the operations of one hart"))
    print(
        f"  {'':<{width}}  harts  operations    kernel  program  firmware     waits     idle  lines"
        "  at most  throughput  goals"
    )
    for row in its:
        figures = f"{row.kernel:>8,.1f}  {row.program:>7,.1f}  {row.firmware:>8,.1f}  {row.waits:>8,.1f}"
        figures += f"  {row.idle:>7,.1f}  {row.lines:>5.1f}  {_limit(row):>7}"
        times = f"{row.throughput:>10.2f}"
        name = row.name if row.harts == 1 else ""
        end = bad(f"{times}  worse than one hart") if row.is_worse else times
        goals = [bad(f"missed {goal}") if missed else good(goal) for goal, missed in row.goals(machine)]
        end += "  " * bool(goals) + ", ".join(goals)
        print(f"  {name:<{width}}  {row.harts:>5}  {row.operations:>10,}  {figures}  {end}")
    print()
    _judge(its)
    print()
    holds.show([holds.row_of(each) for each in found if each.workers == harts], harts)


def _limit(row: Row) -> str:
    return f"{row.at_most:.1f}" if row.at_most < 10 * row.harts else "–"


def _judge(its: list[Row]) -> None:
    worse = dict.fromkeys(row.name for row in its if row.is_worse)
    if worse:
        print(bad(f"worse on several harts than on one: {', '.join(worse)}"))
    else:
        print(good("no row is worse on several harts than on one"))


def to_json(found: list[Counted], machine: str) -> str:
    lengths = {(each.name, each.workers): holds.row_of(each).holds for each in found}
    results = [
        asdict(row)
        | {"throughput": row.throughput, **_goals(row, machine), "holds": lengths[row.name, row.harts]}
        for row in rows(found)
    ]
    return json.dumps(provenance() | {"results": results}, indent=1, ensure_ascii=False) + "\n"


def _goals(row: Row, machine: str) -> dict[str, float | None]:
    return {
        "throughput_goal": throughput_goal(row.name, row.harts),
        "instructions_goal": operation_goal(row.name, machine, row.harts),
    }


# ── Functions ──


@dataclass(frozen=True)
class Growth:
    """The instructions of a function for an operation, on one hart and on several."""

    function: str
    one: float
    several: float

    @property
    def more(self) -> float:
        return self.several - self.one


def growths(
    one: Counted, several: Counted, stacks: dict[int, list[str]]
) -> list[tuple[Growth, list[Growth]]]:
    """The functions, with the one that grows most first, and of each function the parts: the functions that
    the compiler has inlined there. stacks: by address the inlined functions, the innermost first, and the
    function that holds the code."""
    parts: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    for at, counted in enumerate((one, several)):
        for address, instructions in counted.round.code.items():
            stack = stacks[address]
            parts[stack[-1]][_part(stack)][at] += counted.each(instructions)
    found = []
    for function, its in parts.items():
        inner = sorted((Growth(name, *rates) for name, rates in its.items()), key=lambda each: -each.more)
        whole = Growth(function, sum(each.one for each in inner), sum(each.several for each in inner))
        found.append((whole, inner))
    return sorted(found, key=lambda each: -each[0].more)


def _part(stack: list[str]) -> str:
    """The innermost function whose name says what the code does."""
    own = (name for name in stack if not _SMALL.search(name) and not LIBRARY.match(name))
    return next(own, stack[-1])


def show_functions(kernel: Path, found: list[Counted]) -> None:
    """found: one worker, and the largest number of workers."""
    stacks = stacks_at(kernel, {at for each in found for at in each.round.code})
    ones = {each.name: each for each in found if each.workers == 1}
    for several in (each for each in found if each.workers > 1):
        one = ones[several.name]
        before, after = one.of_windows("kernel"), several.of_windows("kernel")
        print(
            f"{several.name}: {after:,.1f} instructions of the kernel on {several.workers} harts, "
            f"{before:,.1f} on one"
        )
        print(faint("      more    several        one  function"))
        least = _LEAST_SHARE * after
        for whole, parts in growths(one, several, stacks)[:_SHOWN]:
            if whole.more < least:
                break
            print(f"{whole.more:>10,.1f} {whole.several:>10,.1f} {whole.one:>10,.1f}  {whole.function}")
            for part in parts if len(parts) > 1 else ():
                if part.more >= max(least, whole.more / 20):
                    name = part.function if part.function != whole.function else "(itself)"
                    print(faint(f"{part.more:>10,.1f} {part.several:>10,.1f} {part.one:>10,.1f}      {name}"))


# ── Cache lines ──


@dataclass
class Moves:
    """How often an operation moves the lines of a variable. false_sharing: those moves in which the two harts
    use different bytes. functions: by their moves."""

    variable: Variable
    times: float = 0.0
    false_sharing: float = 0.0
    functions: Counter = field(default_factory=Counter)


def moved(build: Build, counted: Counted) -> list[Moves]:
    """The variables, with the one whose lines move most often first."""
    names = Names(build, (move.accesses for move in counted.round.moves))
    found: dict[Variable, Moves] = {}
    for move in counted.round.moves:
        named = names.of(move.accesses)
        its = found.setdefault(named.variable, Moves(named.variable))
        times = counted.each(move.times)
        its.times += times
        its.false_sharing += times * named.is_false_sharing
        its.functions[named.functions] += times
    return sorted(found.values(), key=lambda its: (-its.times, str(its.variable)))


def show_lines(build: Build, found: list[Counted]) -> None:
    for counted in found:
        harts = f"{counted.workers} harts"
        print(f"{counted.name}: {counted.moves:,.2f} cache lines move in an operation on {harts}")
        its = moved(build, counted)
        if its:
            print(faint("     moves      false  variable"))
        for each in its[:_SHOWN]:
            print(f"{each.times:>10,.2f} {each.false_sharing:>10,.2f}  {each.variable}")
            for functions, times in each.functions.most_common(3):
                if times >= each.times / 10:
                    print(faint(f"{times:>10,.2f} {'':>10}      from {functions[0]} to {functions[1]}"))


def lines_to_json(build: Build, found: list[Counted]) -> str:
    results = [
        {
            "name": counted.name,
            "harts": counted.workers,
            "operations": counted.operations,
            "lines": counted.moves,
            "variables": [
                {
                    "name": str(each.variable),
                    "moves": each.times,
                    "false_sharing": each.false_sharing,
                    "functions": [[*functions, times] for functions, times in each.functions.most_common()],
                }
                for each in moved(build, counted)
            ],
        }
        for counted in found
    ]
    return json.dumps(provenance() | {"results": results}, indent=1, ensure_ascii=False) + "\n"

