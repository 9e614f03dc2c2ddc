"""What the command says to the person in front of it: always on standard error, coloured only on
a terminal. There it is never silent for longer than two seconds. Elsewhere long work prints a line now
and then."""

import os
import sys
import threading
import time
from collections.abc import Callable

PATIENCE = 2.0  # seconds a person waits before being told what for
LINE_EVERY = 30.0  # seconds between two lines where standard error is no terminal


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
    (`patience`), and vanishes when the wait is over.

        with Waiting("configuring riscv64-release", lines=True): ...

    `what` may be a function: it is asked each time the line is drawn. Where standard error is no terminal,
    `lines` prints one every 30 seconds, with the seconds waited. It may be a function that gives the whole
    line.
    """

    def __init__(
        self,
        what: str | Callable[[], str],
        patience: float = PATIENCE,
        lines: bool | Callable[[], str] = False,
    ):
        self._what = what
        self._lines = lines
        self._patience = patience
        self._begun = time.monotonic()
        self._shown = False
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = None
        watch = self._watch if sys.stderr.isatty() else self._print_lines if lines else None
        if watch:
            self._thread = threading.Thread(target=watch, daemon=True)
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

    def _print_lines(self) -> None:
        while not self._over.wait(LINE_EVERY):
            with self._lock:
                if not self._over.is_set():
                    is_given = callable(self._lines)
                    say(self._lines() if is_given else f"{self._now()} after {self._waited():.0f} s")

    def _now(self) -> str:
        return self._what if isinstance(self._what, str) else self._what()

    def _waited(self) -> float:
        return time.monotonic() - self._begun

    def _erase(self) -> None:
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = False

    def _draw(self) -> None:
        self._shown = True
        line = _fitting(f"cotrap: {self._now()} ({self._waited():.0f} s)")
        self._write(f"\r\x1b[K{faint(line, sys.stderr)}")

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
