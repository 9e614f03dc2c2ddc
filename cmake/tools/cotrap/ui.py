"""Messages and colours. Messages go to standard error, and colours appear only on a terminal. On a
terminal the command is never silent for more than two seconds. Elsewhere, long work prints a line every
30 seconds."""

import os
import sys
import threading
import time
from collections.abc import Callable

SHOW_AFTER = 2.0  # seconds of waiting, after which the line appears
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


def number_of(count: int, what: str) -> str:
    """For example "1 test" or "2 tests"."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def say(text: str) -> None:
    """Writes a line to standard error. A failed write is ignored: the exit status still has the result."""
    try:
        print(f"cotrap: {text}", file=sys.stderr, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # so that Python does not try again at its end


def _fitting(line: str) -> str:
    """The line, cut to the terminal's width. A second row would not be erased later."""
    try:
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        return line
    return line if len(line) < columns or columns < 2 else f"{line[: columns - 2]}…"


class Waiting:
    """Shows a line on the terminal while the command waits. The line appears after `show_after` seconds and
    disappears at the end of the wait.

        with Waiting("configuring riscv64-release", lines=True): ...

    what: the text, or a function that returns it each time the line is drawn. There is no line while the text
    is empty. lines: if standard error is no terminal, print a line every 30 seconds with the seconds waited.
    It can be a function that returns the whole line.
    """

    def __init__(
        self,
        what: str | Callable[[], str],
        show_after: float = SHOW_AFTER,
        lines: bool | Callable[[], str] = False,
    ):
        self._what = what
        self._lines = lines
        self._show_after = show_after
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
        """Call it before other output. Erases the line; it appears again after another `show_after` seconds."""
        with self._lock:
            self._begun = time.monotonic()
            self._erase()

    def over(self) -> None:
        """Erases the line and ends the wait. Further calls do nothing."""
        with self._lock:
            if self._over.is_set():
                return
            self._over.set()
            self._erase()

    def _watch(self) -> None:
        delay = self._show_after
        while not self._over.wait(delay):
            with self._lock:
                delay = self._show_after - self._waited()
                if delay <= 0 and not self._over.is_set():
                    self._draw()
                    delay = 1.0

    def _print_lines(self) -> None:
        while not self._over.wait(LINE_EVERY):
            with self._lock:
                if not self._over.is_set() and (now := self._now()):
                    is_given = callable(self._lines)
                    say(self._lines() if is_given else f"{now} after {self._waited():.0f} s")

    def _now(self) -> str:
        return self._what if isinstance(self._what, str) else self._what()

    def _waited(self) -> float:
        return time.monotonic() - self._begun

    def _erase(self) -> None:
        if self._shown:
            self._write("\r\x1b[K")
            self._shown = False

    def _draw(self) -> None:
        if not (now := self._now()):
            self._erase()
            return
        self._shown = True
        line = _fitting(f"cotrap: {now} ({self._waited():.0f} s)")
        self._write(f"\r\x1b[K{faint(line, sys.stderr)}")

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
