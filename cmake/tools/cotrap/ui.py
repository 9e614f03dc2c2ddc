"""What the command says to the person in front of it: always on standard error, coloured only on
a terminal, and never silent for longer than two seconds there."""

import os
import sys
import threading
import time
from collections.abc import Callable

PATIENCE = 2.0  # seconds a person waits before being told what for


def colours(stream) -> bool:
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def paint(text: str, code: str, stream) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colours(stream) else text


def good(text: str, stream=sys.stdout) -> str:
    return paint(text, "32", stream)


def bad(text: str, stream=sys.stdout) -> str:
    return paint(text, "31", stream)


def faint(text: str, stream=sys.stdout) -> str:
    return paint(text, "2", stream)


def say(text: str) -> None:
    """Writes a line to standard error. If it cannot be written, the exit status has to do."""
    try:
        print(f"cotrap: {text}", file=sys.stderr, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # so that the end does not try it again


def _fitting(line: str) -> str:
    """As much of it as the terminal has room for: what goes on in a second row is never erased."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        return line
    return line if len(line) < columns or columns < 2 else f"{line[: columns - 2]}…"


class Waiting:
    """A line on the terminal that says what is being waited for, once that has taken two seconds
    (`patience`), and vanishes when the wait is over. On anything but a terminal it says nothing.

        with Waiting("configuring riscv64-release"): ...

    `what` may be a function: it is asked each time the line is drawn.
    """

    def __init__(self, what: str | Callable[[], str], patience: float = PATIENCE):
        self._what = what
        self._patience = patience
        self._begun = time.monotonic()
        self._shown = False
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = None
        if sys.stderr.isatty():
            self._thread = threading.Thread(target=self._watch, daemon=True)
            self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over()

    def hide(self) -> None:
        """Something else was printed: takes the line away, until two seconds from now."""
        with self._lock:
            self._begun = time.monotonic()
            self._erase()

    def over(self) -> None:
        """Takes the line away, for good. May be called more than once."""
        with self._lock:
            if self._over.is_set():
                return
            self._over.set()
            self._erase()

    def _watch(self) -> None:
        delay = self._patience
        while not self._over.wait(delay):
            with self._lock:
                delay = self._patience - self._waited()
                if delay <= 0 and not self._over.is_set():
                    self._draw()
                    delay = 1.0

    def _waited(self) -> float:
        return time.monotonic() - self._begun

    def _erase(self) -> None:
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = False

    def _draw(self) -> None:
        self._shown = True
        what = self._what if isinstance(self._what, str) else self._what()
        line = _fitting(f"cotrap: {what} ({self._waited():.0f} s)")
        self._write(f"\r\x1b[K{faint(line, sys.stderr)}")

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
