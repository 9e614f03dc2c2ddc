"""Ends a machine that hangs, long before the test's time limit.

A machine hangs if its threads do next to nothing for half a minute: they neither run for 2 % of the time, nor
wait for a processor or a disk, nor are stopped. On a busy host a machine waits for processors, so it does not
hang, however slow it is. A machine that computes without end is not noticed; the time limit ends it.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from typing import NamedTuple

from cotrap.proc_stat import stat_fields

INTERVAL = 1.0  # seconds between two looks
IDLE_LIMIT = 30  # the intervals in which a machine may do nothing
_USED = 0.02  # the part of an interval for which a machine must run to count as alive
_TICKS = os.sysconf("SC_CLK_TCK")  # per second, of the times in /proc
# Ready or running, waiting for a disk, stopped by a signal or by a debugger.
_ALIVE = frozenset("RDTt")


class HangWatch(threading.Thread):
    """Watches a process and its descendants during a `with` statement, and calls end() if they hang. end()
    runs in this thread. hung: whether that has happened."""

    def __init__(self, pid: int, end: Callable[[], None], interval=INTERVAL, idle_limit=IDLE_LIMIT):
        super().__init__(daemon=True)
        self.hung = False
        self._pid = pid
        self._end = end
        self._interval = interval
        self._idle_limit = idle_limit
        self._over = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join()

    def run(self) -> None:
        before, quiet = look(self._pid), 0
        while quiet < self._idle_limit:
            if self._over.wait(self._interval):
                return
            now = look(self._pid)
            ran = sum(time - before.times.get(thread, 0) for thread, time in now.times.items())
            quiet = 0 if now.is_alive or ran >= _USED * self._interval else quiet + 1
            before = now
        self.hung = True
        self._end()


class Look(NamedTuple):
    """What the threads of a process and of its descendants do. times: for how many seconds each has run.
    is_alive: whether one of them runs or cannot run now."""

    times: dict[int, float]
    is_alive: bool


def look(pid: int) -> Look:
    times, states = {}, set()
    for process in _family(pid):
        with contextlib.suppress(OSError):  # a thread ends at this moment
            for thread in os.listdir(f"/proc/{process}/task"):
                fields = stat_fields(f"/proc/{process}/task/{thread}/stat")
                states.add(fields[0])
                times[int(thread)] = (int(fields[11]) + int(fields[12])) / _TICKS
    return Look(times, not states.isdisjoint(_ALIVE))


def _family(pid: int) -> list[int]:
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry)] = int(stat_fields(f"/proc/{entry}/stat")[1])
    family = [pid]
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    return family
