"""What time it is in the guest: events tell only when something happened.

Both clocks run alike, so no event has ever been later, against the host's clock, than the guest's is
ahead of it: the greatest difference seen is nearest.
"""

import math
import time

from ..trace.recording import Recording


class Clock:
    """counted: the guest's is as fast as its instructions are, of which nothing but events tells."""

    def __init__(self, counted: bool):
        self.counted = counted
        self._ahead = -math.inf

    def now(self, told: Recording, host_ns: float | None = None) -> float:
        """In the guest's nanoseconds since boot. host_ns: when it was read, if not just now."""
        if self.counted:
            return 0.0
        host = time.monotonic_ns() if host_ns is None else host_ns
        last = max(
            (events[-1].ticks for events in told.harts if events), default=told.first_tick
        )
        event = told.first_ns + (last - told.first_tick) * told.period_ns
        self._ahead = max(self._ahead, event - host)
        return host + self._ahead
