"""What `./cotrap bench scale --icount` counts: boots the program `scale` on harts that take turns, with a
plugin of QEMU that counts what each hart does (user/bench/hart_counts.c)."""

import math
import re
import subprocess
import sys
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..llvm import llvm_tool
from ..qemu import Boot, Machine
from ..ui import Waiting
from ..errors import ToolError
from .conflicts.trace import LINE, Access, Conflict
from .guest import output_of
from .plugins import escaped, explain

TRACER = "scale/hart_counts.so"  # in the build folder
_WINDOWS, _WINDOW_MS = 1, 10  # after the warm-up, which is a window, too
_TAKEN = "_ZN5async6Strand6taken_E"
_WAIT = "_ZN5async6Strand8wait_forERKNS_12StrandSharerE"
_LINE = re.compile(r"^(\S+)\t(\d+)\t(\d+)$", re.MULTILINE)

# The kinds of records in the plugin's file, and what its numbers mean.
_WINDOW, _CODE, _MOVES = 1, 2, 3
_IDLE_UNIT = 1000
_STORE, _SECOND_SHIFT = 256, 16


@dataclass(frozen=True)
class Window:
    """What one hart did in its window, in instructions. waits: instructions of waiting loops, which are also
    instructions of the kernel or the firmware. idle: instructions that a busy hart executes meanwhile.
    holds: the instructions of each hold of the strand."""

    kernel: int
    program: int
    firmware: int
    waits: int
    idle: float
    holds: array

    @property
    def time(self) -> float:
        return self.kernel + self.program + self.firmware + self.idle


@dataclass(frozen=True)
class Move:
    """A cache line moved to the hart of the second access, `times` times. The first access is that of the
    hart that had the line."""

    accesses: Conflict
    times: int


@dataclass(frozen=True)
class Round:
    """The windows of some harts at the same time. code: the number of executed instructions of the kernel, by
    address."""

    windows: tuple[Window, ...]
    code: dict[int, int]
    moves: tuple[Move, ...]


@dataclass(frozen=True)
class Counted:
    """The counts of a row with a number of workers. operations: of all workers."""

    name: str
    workers: int
    operations: int
    round: Round

    def each(self, count: float) -> float:
        """count: of all workers. Returns that of an operation."""
        return count / self.operations if self.operations else math.inf

    def of_windows(self, what: str) -> float:
        """what: the name of a number of Window. Returns that of an operation."""
        return self.each(sum(getattr(window, what) for window in self.round.windows))

    @property
    def held(self) -> float:
        """The instructions of an operation in which a hart holds the strand alone."""
        return self.each(sum(sum(window.holds) for window in self.round.windows))

    @property
    def moves(self) -> float:
        """The moves of cache lines of an operation."""
        return self.each(sum(move.times for move in self.round.moves))


def measure(
    built, folder: Path, boot: Boot, machine: Machine, timeout: float, workers: list[int]
) -> list[Counted]:
    """Boots the program `scale` for each number of workers, and returns the counts of all its rows. folder:
    the build of the tracer. boot: without the program's arguments WORKERS, WINDOWS and MS."""
    tracer = folder / TRACER
    if not tracer.exists():
        raise ToolError(f"{tracer} does not exist: `ninja -C {folder} cotrap_scale` builds it")
    places = ",".join(f"{name}={at:x}" for name, at in _places(built.kernel).items())
    found = []
    for each in workers:
        words = [str(each), str(_WINDOWS), str(_WINDOW_MS)]
        started = replace(boot, arguments=[*words, *boot.arguments])
        what = f"counting what {each} of {machine.harts} harts do"
        shift = int(math.log2(machine.harts / each))
        with tempfile.NamedTemporaryFile(prefix="cotrap-") as trace, Waiting(what):
            plugin = ",".join((escaped(str(tracer)), escaped(f"out={trace.name}"), places))
            options = ("-plugin", plugin, *_short_turns(shift))
            counted = replace(machine, icount=True, shift=shift, extra=options)
            text = output_of(counted, started, timeout, "the measurement", explain)
            found += rows(_LINE.findall(text), list(rounds(Path(trace.name))))
    return found


def _short_turns(shift: int) -> tuple[str, ...]:
    """QEMU runs one hart at a time, up to the next event of its clock, and divides the instructions up to
    there among the harts. This filter of an empty network has an event every 1,000 instructions. So turns are
    short, as if the harts ran at the same time."""
    interval = 1 << shift  # µs
    return (
        *("-netdev", "hubport,id=turns,hubid=0"),
        *("-object", f"filter-buffer,id=turn,netdev=turns,interval={interval}"),
    )


def rows(printed: list[tuple[str, str, str]], found: list[Round]) -> list[Counted]:
    """printed: the lines of the program: row, workers, and operations a second. found: all rounds, in their
    order. Of each line the last round counts. Those before are the warm-up."""
    each = _WINDOWS + 1
    if len(found) != each * len(printed):
        raise ToolError(f"the trace has {len(found)} rounds, but the program made {each * len(printed)}")
    done = []
    for (name, workers, rate), its in zip(printed, found[_WINDOWS::each]):
        if len(its.windows) != int(workers):
            raise ToolError(f"the trace has {len(its.windows)} windows of {name}, not {workers}")
        done.append(Counted(name, int(workers), int(rate) * _WINDOW_MS // 1000, its))
    return done


def rounds(path: Path) -> Iterator[Round]:
    """The rounds of the file that user/bench/hart_counts.c has written, in their order."""
    words = _Words(path.read_bytes())
    windows, code = [], {}
    while not words.at_end:
        kind = words.next()
        if kind == _WINDOW:
            kernel, program, firmware, waits, idle, holds = words.take(6)
            windows.append(
                Window(kernel, program, firmware, waits, idle / _IDLE_UNIT, words.take(holds))
            )
        elif kind == _CODE:
            pairs = words.take(2 * words.next())
            code = dict(zip(pairs[::2], pairs[1::2]))
        elif kind == _MOVES:
            moves = words.take(6 * words.next())
            its = tuple(_move(*moves[at : at + 6]) for at in range(0, len(moves), 6))
            yield Round(tuple(windows), code, its)
            windows, code = [], {}
        else:
            raise ToolError(f"the trace of the harts has a record of kind {kind}")


def _move(
    address: int, before: int, instruction: int, instruction_before: int, kinds: int, times: int
) -> Move:
    kind, kind_before = kinds % (1 << _SECOND_SHIFT), kinds >> _SECOND_SHIFT
    first = Access(before, instruction_before, kind_before % _STORE, bool(kind_before & _STORE))
    second = Access(address, instruction, kind % _STORE, bool(kind & _STORE))
    return Move(Conflict(address // LINE, first, second, not first.overlaps(second)), times)


class _Words:
    """The words of a file, one after the other."""

    def __init__(self, data: bytes):
        self._words = array("Q")
        self._words.frombytes(data[: len(data) // 8 * 8])
        if sys.byteorder == "big":
            self._words.byteswap()
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at == len(self._words)

    def next(self) -> int:
        return self.take(1)[0]

    def take(self, count: int) -> array:
        taken = self._words[self._at : self._at + count]
        if len(taken) != count:
            raise ToolError("the trace of the harts ends early")
        self._at += count
        return taken


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
