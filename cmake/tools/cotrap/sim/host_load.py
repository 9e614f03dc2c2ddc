"""Whether the host had time for a machine whose time is the host's: how long its threads could have
run and waited for a processor, which Linux counts for each of them (/proc/PID/task/TID/schedstat)."""

import threading
from contextlib import suppress
from pathlib import Path

_EVERY = 0.1  # seconds: a thread's counts go with it
_BEARABLE = 0.05  # of the time in which they wanted to run


class HostLoad:
    """Looks while it is entered; `folder` is the process's in /proc."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._threads: dict[str, tuple[int, int]] = {}  # ns that each has run and waited
        self._over = threading.Event()
        self._looker = threading.Thread(target=self._look_on, daemon=True)

    @classmethod
    def of(cls, pid: int) -> "HostLoad":
        return cls(Path("/proc", str(pid)))

    def __enter__(self) -> "HostLoad":
        self._looker.start()
        return self

    def __exit__(self, *_) -> None:
        self._over.set()
        self._looker.join()

    def warning(self) -> str:
        """Empty: its figures are its own, or nobody knows."""
        ran, waited = (sum(each) for each in zip((0, 0), *self._threads.values()))
        share = waited / max(ran + waited, 1)
        if share <= _BEARABLE:
            return ""
        return (
            f"the host was busy: for {share:.0%} of the time in which the machine could have run it "
            "waited for a processor, so its figures say little"
        )

    def _look_on(self) -> None:
        self._look()
        while not self._over.wait(_EVERY):
            self._look()

    def _look(self) -> None:
        with suppress(OSError, ValueError):  # it has ended, or Linux does not count
            for thread in (self._folder / "task").iterdir():
                ran, waited, _ = (thread / "schedstat").read_text().split()
                self._threads[thread.name] = int(ran), int(waited)
