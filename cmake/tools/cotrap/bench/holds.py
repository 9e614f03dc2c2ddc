"""`./cotrap bench scale --icount`: for how long harts hold the strand alone, in counted instructions."""

import json
import re
import subprocess
import sys
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import ToolError, UsageError
from ..llvm import llvm_tool
from ..provenance import provenance
from ..qemu import Boot, Machine
from ..ui import Waiting, faint
from .guest import output_of
from .plugins import escaped, explain
from .results import percentile

TRACER = "scale/strand_times.so"  # in the build folder
_WINDOWS, _WINDOW_MS = 1, 10  # after the warm-up, which is a window, too
_TAKEN = "_ZN5async6Strand6taken_E"
_WAIT = "_ZN5async6Strand8wait_forERKNS_12StrandSharerE"
_LINE = re.compile(r"^(\S+)\t(\d+)\t(\d+)$", re.MULTILINE)
_LEAST, _MOST = 7, 15  # the histogram: up to 2^7 instructions, from 2^15 on


@dataclass(frozen=True)
class Window:
    """instructions: what one hart executed in the window. holds: the instructions of each hold."""

    instructions: int
    holds: array


@dataclass(frozen=True)
class Row:
    """operations, instructions, holds: of all harts in the window. holds: each length, and how many holds
    have it, in ascending order."""

    name: str
    operations: int
    instructions: int
    holds: tuple[tuple[int, int], ...]

    @property
    def count(self) -> int:
        return sum(times for _, times in self.holds)

    @property
    def held(self) -> int:
        """The instructions of all holds."""
        return sum(length * times for length, times in self.holds)

    @property
    def alone(self) -> float:
        """The share of the instructions in which a hart holds the strand alone."""
        return self.held / self.instructions

    @property
    def longest(self) -> int:
        return self.holds[-1][0]

    def hold(self, share: float) -> float:
        """The percentile of the holds' lengths: `share` of the holds take at most this many instructions."""
        return percentile(self.holds, share)

    def wait(self, share: float) -> int:
        """The percentile of the waits. A hart that comes at a random instruction of a hold waits for the rest
        of the hold."""
        allowed = self.held - share * self.held  # instructions at which a longer wait begins
        low, high = 1, self.longest
        while low < high:
            middle = (low + high) // 2
            longer = sum((length - middle) * times for length, times in self.holds if length > middle)
            if longer <= allowed:
                high = middle
            else:
                low = middle + 1
        return low

    @property
    def histogram(self) -> dict[int, int]:
        """The number of holds by their length, rounded up to a power of two. The keys are the exponents. The
        first and the last entry include all shorter and all longer holds."""
        found = dict.fromkeys(range(_LEAST, _MOST + 1), 0)
        for length, times in self.holds:
            found[min(max((length - 1).bit_length(), _LEAST), _MOST)] += times
        return found


def measure(built, folder: Path, boot: Boot, machine: Machine, timeout: float) -> list[Row]:
    """Boots the program `scale` with the tracer, and returns a row for each of its rows. folder: the build of
    the tracer. boot: without the program's arguments HARTS, WINDOWS and MS."""
    tracer = folder / TRACER
    if not tracer.exists():
        raise ToolError(f"{tracer} does not exist: `ninja -C {folder} cotrap_scale` builds it")
    words = [str(machine.harts), str(_WINDOWS), str(_WINDOW_MS)]
    boot = replace(boot, arguments=[*words, *boot.arguments])
    with tempfile.NamedTemporaryFile(prefix="cotrap-") as trace, Waiting("counting the holds of the strand"):
        places = ",".join(f"{name}={at:x}" for name, at in _places(built.kernel).items())
        plugin = ",".join((escaped(str(tracer)), escaped(f"out={trace.name}"), places))
        counted = replace(machine, icount=True, extra=("-plugin", plugin))
        text = output_of(counted, boot, timeout, "the measurement", explain)
        return rows(_LINE.findall(text), list(windows(Path(trace.name))), machine.harts)


def rows(printed: list[tuple[str, str, str]], found: list[Window], harts: int) -> list[Row]:
    """The rows that `harts` workers ran. printed: the lines of the program: row, workers, and operations a
    second. found: the windows of all workers, in their order. Of each line the last windows count, one for
    each worker. Those before are the warm-up."""
    at, done = 0, []
    for name, workers, rate in printed:
        at += (_WINDOWS + 1) * int(workers)
        if int(workers) != harts:
            continue
        its = found[at - harts : at]
        done.append(
            Row(
                name,
                int(rate) * _WINDOW_MS // 1000,
                sum(each.instructions for each in its),
                tuple(sorted(Counter(hold for each in its for hold in each.holds).items())),
            )
        )
    if at != len(found):
        raise ToolError(f"the trace has {len(found)} windows, but the program made {at}")
    return done


def windows(path: Path) -> Iterator[Window]:
    """The windows of the file that user/bench/strand_times.c has written, in their order."""
    words = array("Q")
    words.frombytes(path.read_bytes())
    if sys.byteorder == "big":
        words.byteswap()
    at = 0
    while at < len(words):
        instructions, count = words[at], words[at + 1] if at + 1 < len(words) else 0
        at += 2 + count
        if at > len(words):
            raise ToolError("the trace of the strand ends early")
        yield Window(instructions, words[at - count : at])


def _places(kernel: Path) -> dict[str, int]:
    """The addresses in the kernel that the tracer needs, by the names of its arguments."""
    listed = subprocess.run(
        [llvm_tool("nm"), "--print-size", str(kernel)], capture_output=True, text=True, check=False
    ).stdout
    symbols = {words[-1]: words for line in listed.splitlines() if len(words := line.split()) == 4}
    if missing := [name for name in (_TAKEN, _WAIT) if name not in symbols]:
        raise ToolError(f"{kernel} has no symbol {missing[0]}")
    begin, size = (int(word, 16) for word in symbols[_WAIT][:2])
    return {"taken": int(symbols[_TAKEN][0], 16), "wait": begin, "wait_end": begin + size}


def show(found: list[Row], harts: int) -> None:
    if not found:
        raise ToolError("the program printed no results")
    width = max(len("instructions"), *(len(row.name) for row in found))
    print(faint(f"holds of the strand by one hart alone, on {harts} counted harts, in instructions"))
    print(
        f"  {'':<{width}}  operations  holds each    alone   harts  median     99 %      max   "
        "wait  99 %"
    )
    for row in found:
        each = row.operations and row.count / row.operations
        figures = f"{row.operations:>10,}  {each:>10.2f}  {row.alone:>6.1%}"
        if row.holds:
            figures += f"  {1 / row.alone:>6,.0f}" if row.alone < 0.1 else f"  {1 / row.alone:>6.1f}"
            figures += f"  {row.hold(0.5):>6,.0f}  {row.hold(0.99):>7,.0f}  {row.longest:>7,}"
            figures += f"  {row.wait(0.5):>5,}  {row.wait(0.99):>5,}"
        print(f"  {row.name:<{width}}  {figures}")
    print()
    print(faint("the number of holds by their length"))
    heads = (_head(power) for power in range(_LEAST, _MOST + 1))
    print(f"  {'instructions':<{width}}" + "".join(f"  {head:>8}" for head in heads))
    for row in found:
        if row.holds:
            counts = "".join(f"  {count or '':>8}" for count in row.histogram.values())
            print(f"  {row.name:<{width}}{counts}".rstrip())


def _head(power: int) -> str:
    return f"> {1 << power - 1:,}" if power == _MOST else f"≤ {1 << power:,}"


def to_json(found: list[Row], harts: int) -> str:
    results = [
        {
            "name": row.name,
            "operations": row.operations,
            "instructions": row.instructions,
            "holds": row.holds,
        }
        for row in found
    ]
    data = provenance() | {"harts": harts, "results": results}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def check(arguments) -> None:
    """Raises UsageError if the machine cannot count."""
    if arguments.machine == "hosted":
        raise UsageError("scale --icount needs QEMU, which counts instructions: leave out `--machine hosted`")
