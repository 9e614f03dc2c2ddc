"""Estimates the guest's time now. The trace has only the times of past events.

The guest's clock and the host's run at the same rate. When the command reads an event, the event is already
past, so event time minus host time is never larger than the clocks' true difference. The largest value seen
is the best estimate.
"""

import math
import time

from ..trace.recording import Recording


class Clock:
    """counted: the guest counts time in instructions. Then its time is known only at events."""

    def __init__(self, counted: bool):
        self.counted = counted
        self._ahead = -math.inf

    def now(self, trace: Recording, host_ns: float | None = None) -> float:
        """The guest's time, in nanoseconds since boot; 0 if it is counted in instructions. host_ns: the
        host's time when `trace` was read; None: now."""
        if self.counted:
            return 0.0
        host = time.monotonic_ns() if host_ns is None else host_ns
        last = max(
            (events[-1].ticks for events in trace.harts if events), default=trace.first_tick
        )
        event = trace.first_ns + (last - trace.first_tick) * trace.period_ns
        self._ahead = max(self._ahead, event - host)
        return host + self._ahead
