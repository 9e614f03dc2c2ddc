"""Ends a machine that hangs, long before the test's time limit.

A machine hangs if its threads neither run nor wait for a processor of the host for half a minute. On a busy
host a machine waits for processors, so it does not hang, however slow it is. A machine that computes without
end is not noticed; the time limit ends it.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

INTERVAL = 1.0  # seconds between two looks
PATIENCE = 30  # intervals without any use of a processor
_USED = 0.02  # the part of an interval for which a process must want a processor to count as alive


class HangWatch(threading.Thread):
    """Watches a process and its descendants during a `with` statement, and calls end() if they hang. end()
    runs in this thread. hung: whether that has happened."""

    def __init__(self, pid: int, end: Callable[[], None], interval=INTERVAL, patience=PATIENCE):
        super().__init__(daemon=True)
        self.hung = False
        self._pid = pid
        self._end = end
        self._interval = interval
        self._patience = patience
        self._over = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join()

    def run(self) -> None:
        before, quiet = demand(self._pid), 0
        while quiet < self._patience:
            if self._over.wait(self._interval):
                return
            now = demand(self._pid)
            wanted = sum(time - before.get(thread, 0) for thread, time in now.items())
            quiet = quiet + 1 if wanted < _USED * self._interval * 1e9 else 0
            before = now
        self.hung = True
        self._end()


def demand(pid: int) -> dict[int, int]:
    """By thread of the process and of its descendants: for how many nanoseconds the thread has run or has
    waited for a processor. Sources: proc(5); Linux's Documentation/scheduler/sched-stats.rst."""
    found = {}
    for process in _family(pid):
        with contextlib.suppress(OSError):  # a thread ends at this moment
            for thread in os.listdir(f"/proc/{process}/task"):
                ran, waited, _ = Path(f"/proc/{process}/task/{thread}/schedstat").read_text().split()
                found[int(thread)] = int(ran) + int(waited)
    return found


def _family(pid: int) -> list[int]:
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{entry}/stat").read_text(errors="replace").rpartition(")")[2].split()
                parents[int(entry)] = int(fields[1])
    family = [pid]
    for member in family:
        family += [child for child, parent in parents.items() if parent == member]
    return family
