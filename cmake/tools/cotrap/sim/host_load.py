"""Detects a busy host, which makes the times of a machine useless. Linux counts for each thread how long it
ran and how long it waited for a processor (/proc/PID/task/TID/schedstat)."""

import threading
from contextlib import suppress
from pathlib import Path

_EVERY = 0.1  # seconds between two polls; the counts of a thread are lost when it ends
_ACCEPTABLE = 0.05  # a machine may wait for this share of the time in which it is ready to run


class HostLoad:
    """Polls the counts inside a `with` statement. folder: the process's folder in /proc."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._threads: dict[str, tuple[int, int]] = {}  # ns that each has run and waited
        self._over = threading.Event()
        self._poller = threading.Thread(target=self._poll_until_over, daemon=True)

    @classmethod
    def of(cls, pid: int) -> "HostLoad":
        return cls(Path("/proc", str(pid)))

    def __enter__(self) -> "HostLoad":
        self._poller.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._poller.join()

    def warning(self) -> str:
        """A warning if the host was too busy. Empty if it was not, or if this Linux has no schedstat files."""
        ran, waited = (sum(each) for each in zip((0, 0), *self._threads.values()))
        share = waited / max(ran + waited, 1)
        if share <= _ACCEPTABLE:
            return ""
        return (
            f"the host was busy: the machine waited for a processor during {share:.0%} of the time in which "
            "it was ready to run, so its times are not reliable"
        )

    def _poll_until_over(self) -> None:
        self._poll()
        while not self._over.wait(_EVERY):
            self._poll()

    def _poll(self) -> None:
        with suppress(OSError, ValueError):  # the thread has ended, or Linux has no counts
            for thread in (self._folder / "task").iterdir():
                ran, waited, _ = (thread / "schedstat").read_text().split()
                self._threads[thread.name] = int(ran), int(waited)
