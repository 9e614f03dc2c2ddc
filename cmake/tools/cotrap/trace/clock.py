"""The times of events, in nanoseconds since boot.

A tick of the guest's clock takes 100 ns, so several events can have the same tick. With `--icount`, one
instruction takes one nanosecond, and each event also has the instruction count. Its time is this count plus
an offset, which changes only when idle time is skipped. Each event limits the offset to a range of one tick.
Consecutive events whose ranges overlap share one offset.
"""

import heapq
from collections.abc import Iterator

from .recording import Event, Recording

_WRAP = 1 << 32


def in_order(recording: Recording, counted: bool) -> Iterator[tuple[float, int, Event]]:
    """All events in order, as (time, hart, event). A hart has two rings, and one of them keeps the
    events that name jobs. Both use the hart's clock, so their events are merged in the order in which the
    hart wrote them. The fine counters order events of several harts in one tick: under QEMU all harts have
    the same counter, of instructions with `--icount` and of the host's processor without."""

    def of(number: int, events: list[Event]):
        return zip(times(recording, events, counted), [number] * len(events), events)

    each = (
        of(number, list(heapq.merge(names, events, key=lambda e: (e.ticks, e.fine))))
        for number, (names, events) in enumerate(zip(recording.names, recording.harts))
    )
    return heapq.merge(*each, key=lambda entry: (entry[0], entry[2].fine))


def times(recording: Recording, events: list[Event], counted: bool) -> list[float]:
    """The time of each event; the times never decrease."""
    ns = [
        recording.first_ns + (e.ticks - recording.first_tick) * recording.period_ns for e in events
    ]
    if not counted:
        return ns
    counts = list(_unwrapped(events))
    exact: list[float] = []
    while (begin := len(exact)) < len(events):
        low, high = ns[begin] - counts[begin], ns[begin] - counts[begin] + recording.period_ns
        end = begin + 1
        while end < len(events):
            offset = ns[end] - counts[end]
            if offset >= high or offset + recording.period_ns <= low:
                break
            low, high = max(low, offset), min(high, offset + recording.period_ns)
            end += 1
        exact += [counts[i] + low for i in range(begin, end)]
    return exact


def _unwrapped(events: list[Event]) -> Iterator[int]:
    """The full instruction counts. Events have only the low 32 bits, and a busy hart never executes 2^32
    instructions between two events. An idle hart executes none."""
    total, before = 0, events[0].fine if events else 0
    for event in events:
        total += (event.fine - before) % _WRAP
        before = event.fine
        yield total
