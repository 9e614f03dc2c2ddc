"""When an event was, in nanoseconds since boot.

A tick of the guest's clock is 100 ns long, and much happens in one. Where instructions are counted
(`--icount`: one a nanosecond) the event's other counter tells the rest: the time is the count and an
offset, which stays the same until idle time is skipped. Every event says of the offset that it lies
within a tick's length; all events in a row that can have the same one share it.
"""

import heapq
from collections.abc import Iterator

from .recording import Event, Recording

_WRAP = 1 << 32


def in_order(recording: Recording, counted: bool) -> Iterator[tuple[float, int, Event]]:
    """All events of all harts: when, on which, what. Both rings of a hart are by one clock, so in the
    order in which it noted them."""

    def of(number: int, events: list[Event]):
        return zip(times(recording, events, counted), [number] * len(events), events)

    each = (
        of(number, list(heapq.merge(names, events, key=lambda e: (e.ticks, e.fine))))
        for number, (names, events) in enumerate(zip(recording.names, recording.harts))
    )
    return heapq.merge(*each, key=lambda entry: entry[:2])


def times(recording: Recording, events: list[Event], counted: bool) -> list[float]:
    """In order, never going back."""
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
    """The low 32 bits are noted; more than that never passes between two events of a busy hart, and
    an idle one does not count."""
    total, before = 0, events[0].fine if events else 0
    for event in events:
        total += (event.fine - before) % _WRAP
        before = event.fine
        yield total
