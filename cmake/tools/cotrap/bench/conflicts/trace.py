"""Reads the file that user/bench/access_trace.c has written, and finds the conflicts of a pair of calls."""

import sys
from array import array
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import ToolError

LINE = 64  # bytes of a cache line
_STORE = 256  # the flag in a record's third word; the other bits are the size in bytes
_WORDS = 3  # of a record


@dataclass(frozen=True)
class Access:
    """A load or a store of `size` bytes at a physical address, by the instruction at a virtual address."""

    address: int
    instruction: int
    size: int
    is_store: bool

    def overlaps(self, other: "Access") -> bool:
        return self.address < other.address + other.size and other.address < self.address + self.size


@dataclass(frozen=True)
class Conflict:
    """A line that one call writes and the other one reads or writes, with an access of each call. first and
    second: the accesses of the two calls. If is_false_sharing, no bytes are common to both calls."""

    line: int
    first: Access
    second: Access
    is_false_sharing: bool

    @property
    def store(self) -> Access:
        return self.first if self.first.is_store else self.second


class TracedCall:
    """The accesses of a call, by line. No access in a trace crosses the end of a line: the kernel's accesses
    are aligned."""

    def __init__(self, hart: int, words: array):
        self.hart = hart
        self._words = words
        self.touched: set[int] = set()
        self.written: set[int] = set()
        for at in range(0, len(words), _WORDS):
            line = words[at] // LINE
            self.touched.add(line)
            if words[at + 2] & _STORE:
                self.written.add(line)

    def accesses(self, lines: set[int]) -> dict[int, list[Access]]:
        """The accesses to these lines, by line, in the order of the trace."""
        found: dict[int, list[Access]] = defaultdict(list)
        words = self._words
        for at in range(0, len(words), _WORDS):
            line = words[at] // LINE
            if line in lines:
                kind = words[at + 2]
                found[line].append(Access(words[at], words[at + 1], kind % _STORE, bool(kind & _STORE)))
        return found


def traced_calls(path: Path) -> Iterator[TracedCall]:
    """The calls of the file, in their order."""
    size = array("Q").itemsize
    with open(path, "rb") as file:
        while head := file.read(2 * size):
            hart, count = _words(head, 2)
            yield TracedCall(hart, _words(file.read(count * _WORDS * size), count * _WORDS))


def _words(data: bytes, count: int) -> array:
    words = array("Q")
    if len(data) != count * words.itemsize:
        raise ToolError("the trace of the accesses ends early")
    words.frombytes(data)
    if sys.byteorder == "big":
        words.byteswap()
    return words


def conflicts(first: TracedCall, second: TracedCall) -> list[Conflict]:
    """One conflict for each line that one call writes and the other one touches, by ascending line."""
    lines = first.written & second.touched | first.touched & second.written
    if not lines:
        return []
    ours, theirs = first.accesses(lines), second.accesses(lines)
    return [_conflict(line, ours[line], theirs[line]) for line in sorted(lines)]


def _conflict(line: int, ours: list[Access], theirs: list[Access]) -> Conflict:
    """Prefers accesses to the same bytes. Among those it prefers stores, then the lowest address."""
    found = [
        Conflict(line, one, other, not one.overlaps(other))
        for one in ours
        for other in theirs
        if one.is_store or other.is_store
    ]
    return min(
        found,
        key=lambda each: (
            each.is_false_sharing,
            -each.first.is_store - each.second.is_store,
            each.first.address,
            each.second.address,
        ),
    )
