"""Reads the trace from the guest's RAM. kernel/trace/format.h describes the layout."""

import os
import struct
from dataclasses import dataclass
from enum import IntEnum

from ..errors import ToolError

Kind = IntEnum(
    "Kind",
    "SPAWN WAKE RUN WAIT AWAIT YIELD PREEMPT DONE MIGRATE ROUTE IRQ CALL RESULT THREAD TEXT",
)

_PAGE = 4096
_MAGIC = b"cotrap trace\0\0\0\0"
_HEADER = struct.Struct("<16sIIQQQQQQQQQ10H4x")
_EVENT = struct.Struct("<QIBxHQQ")
_CHUNK_EVENTS = 1 << 16
_MOST_CHUNKS = 16
_RING = struct.Struct(f"<Q{_MOST_CHUNKS}Q")
_MOST_HARTS = 64
_LINES, _LINE_NAME = 128, 12
_VERSION = 3


@dataclass(frozen=True, slots=True)
class Event:
    ticks: int
    fine: int
    kind: Kind
    detail: int
    job: int
    argument: int


@dataclass(frozen=True)
class JobLayout:
    """The layout of the kernel's jobs in memory (async/include/async/graph.h describes the fields)."""

    pages: int
    first: int
    bytes: int
    count: int
    kind: int
    priority: int
    hart: int
    leaf: int
    name: int
    reason: int
    waits_for: int


@dataclass(frozen=True)
class Memory:
    """Reads memory by the kernel's addresses. begin: the address of the RAM's first byte. process: on the
    hosted machine, the kernel's process, whose image is outside the RAM; None: only the RAM is readable."""

    ram: int
    begin: int
    process: int | None

    def read(self, address: int, count: int) -> bytes:
        """The bytes at this address. Raises ValueError if there is no memory."""
        data = os.pread(self.ram, count, address - self.begin) if address >= self.begin else b""
        if len(data) != count and self.process is not None:
            data = self._read_process(address, count)
        if len(data) != count:
            raise ValueError(f"there is no memory at {address:#x}")
        return data

    def _read_process(self, address: int, count: int) -> bytes:
        try:
            with open(f"/proc/{self.process}/mem", "rb", buffering=0) as memory:
                return os.pread(memory.fileno(), count, address)
        except (OSError, OverflowError):
            return b""


@dataclass(frozen=True)
class Recording:
    """A trace. period_ns: the length of a tick. anchor: the address of the kernel's `cotrap_trace_anchor`.
    harts: each hart's events, oldest first. names: each hart's events that name jobs, oldest first. lost: the
    number of each hart's events that were overwritten. lines: the driver of each interrupt line."""

    period_ns: int
    first_tick: int
    first_ns: int
    anchor: int
    memory: "Memory"
    jobs: "JobLayout"
    harts: list[list[Event]]
    names: list[list[Event]]
    lost: list[int]
    lines: dict[int, str]


def read(ram: int, last: int = 1 << 32, process: int | None = None) -> Recording:
    """Reads the trace. ram: a memory_file() that is or was a machine's RAM. last: read at most so many events
    of each hart. process: see Memory. Raises ToolError if there is no trace, or the guest damaged it."""
    try:
        return _read(ram, last, process)
    except (struct.error, ValueError) as error:
        raise ToolError(f"the trace in the guest's memory is damaged: {error}") from error


def _read(ram: int, last: int, process: int | None) -> Recording:
    place = _find(ram)
    fields = _HEADER.unpack(os.pread(ram, _HEADER.size, place))
    _, _, harts, capacity, names, period_ns, first_tick, first_ns, address, anchor, *rest = fields
    direct_map, *layout = rest
    base = address - place  # physical address of the RAM
    rings = [place + _HEADER.size + number * _RING.size for number in range(2 * harts)]
    events = [_ring(ram, at, capacity, base, last) for at in rings[::2]]
    return Recording(
        period_ns,
        first_tick,
        first_ns,
        anchor,
        Memory(ram, direct_map + base, process),
        JobLayout(*layout),
        [kept for kept, _ in events],
        [_ring(ram, at, names, base, names)[0] for at in rings[1::2]],
        [lost for _, lost in events],
        _lines(ram, place + _HEADER.size + 2 * _MOST_HARTS * _RING.size),
    )


def _lines(ram: int, at: int) -> dict[int, str]:
    names = os.pread(ram, _LINES * _LINE_NAME, at)
    found = {
        line: text(names[line * _LINE_NAME : (line + 1) * _LINE_NAME]) for line in range(_LINES)
    }
    return {line: name for line, name in found.items() if name}


def text(raw: bytes) -> str:
    """Decodes a text that ends at its first zero byte."""
    return raw.partition(b"\0")[0].decode(errors="replace")


def _ring(ram: int, at: int, capacity: int, base: int, last: int) -> tuple[list[Event], int]:
    """The ring's last events, oldest first, and the number of earlier ones."""
    count, *chunks = _RING.unpack(os.pread(ram, _RING.size, at))
    if sum(map(bool, chunks)) * min(capacity, _CHUNK_EVENTS) != capacity:
        raise ValueError(f"a ring for {capacity} events has another size")
    begin = count - min(count, capacity, last)
    ring = b""
    while (number := begin + len(ring) // _EVENT.size) < count:  # in contiguous pieces
        chunk, within = divmod(number % capacity, _CHUNK_EVENTS)
        piece = min(count - number, _CHUNK_EVENTS - within, capacity - number % capacity)
        start = chunks[chunk] - base + within * _EVENT.size
        data = os.pread(ram, piece * _EVENT.size, start)
        if len(data) != piece * _EVENT.size:
            raise ValueError(f"there is no ring at {start:#x}")
        ring += data
    return [
        Event(ticks, fine, Kind(kind), detail, job, argument)
        for ticks, fine, kind, detail, job, argument in _EVENT.iter_unpack(ring)
        if kind  # 0: an interrupt came before the kernel had written this event
    ], begin


def _find(ram: int) -> int:
    """The offset of the trace's header. Searches only those pages of the RAM that were written."""
    begin = 0
    while True:
        try:
            begin = os.lseek(ram, begin, os.SEEK_DATA)
        except OSError:
            raise ToolError(
                "there is no trace: the kernel ended before it began one, or had no memory for it "
                "(use a smaller --events or a larger --mem)"
            ) from None
        end = os.lseek(ram, begin, os.SEEK_HOLE)
        for place in range(begin, end, _PAGE):
            if os.pread(ram, len(_MAGIC), place) == _MAGIC and _is_header(ram, place):
                return place
        begin = end


def _is_header(ram: int, place: int) -> bool:
    _, version, harts, *_ = _HEADER.unpack(os.pread(ram, _HEADER.size, place))
    return version == _VERSION and 1 <= harts <= _MOST_HARTS
