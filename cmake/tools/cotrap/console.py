"""Carries bytes between a guest's console and the host's files, until the guest ends.

    source  --keys or frames-->  guest's UART  --MarkReader-->  sink
                                               --OutputFrames-->  errors

One loop in one thread does all of it. It reads new bytes only after it has written the earlier ones, so no
buffer grows without bound, and a slow reader slows the guest down.
"""

import os
import select
import time
from collections.abc import Callable

from .errors import ToolError
from .marks import State
from .qemu import Guest

_CHUNK = 1 << 16
_GRACE = 2.0  # seconds that the guest may take to power off after its last mark


class TimedOut(Exception):
    """The guest still ran at the deadline."""


class FileSink:
    """Writes to a file that may be slow. One write() gets at most PIPE_BUF bytes, because a write of
    so many bytes never blocks if poll() has reported the file as ready.

    on_put: a function that is called before each piece of data. through: a function that transforms it."""

    def __init__(
        self,
        file: int,
        on_put: Callable[[], None] = lambda: None,
        through: Callable[[bytes], bytes] = lambda data: data,
    ):
        self.file = file
        self._through = through
        self._pending = memoryview(b"")
        self._on_put = on_put

    @property
    def busy(self) -> bool:
        return bool(self._pending)

    def put(self, data: bytes) -> None:
        self._on_put()
        self._pending = memoryview(bytes(self._pending) + self._through(data))

    def flush(self) -> None:
        try:
            written = os.write(self.file, self._pending[: select.PIPE_BUF])
        except BlockingIOError:
            return
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ToolError(f"cannot write the output: {error.strerror}") from error
        self._pending = self._pending[written:]


class Capture:
    """A sink that keeps all bytes in memory."""

    file = None
    busy = False

    def __init__(self):
        self._parts: list[bytes] = []

    def put(self, data: bytes) -> None:
        self._parts.append(data)

    @property
    def data(self) -> bytes:
        return b"".join(self._parts)


def relay(guest: Guest, source, sink, timeout: float | None = None, errors=None) -> None:
    """Carries bytes until the guest ends; `guest.marks` then has its exit status. timeout: in seconds.
    errors: a sink for the program's standard error, if the guest frames its output (Boot.errors_apart).
    Raises TimedOut, and the exceptions of source and sinks."""
    sinks = [sink, errors] if errors else [sink]
    deadline = time.monotonic() + timeout if timeout else None
    stop = None  # after the guest's last mark: the time at which to stop waiting for its end
    to_guest = b""
    open_ = True
    while open_ or any(each.busy for each in sinks):
        listening = guest.marks.state is State.RUNNING  # earlier, the firmware would take the input
        due = source.due() if listening and not to_guest else None

        poll = select.poll()
        busy = [each for each in sinks if each.busy]
        for each in busy:
            poll.register(each.file, select.POLLOUT)
        if open_ and not busy:
            poll.register(guest.output, select.POLLIN)
        if to_guest:
            poll.register(guest.input, select.POLLOUT)
        elif listening and source.file is not None:
            poll.register(source.file, select.POLLIN)
        ready = _wait(poll, deadline, stop, due)

        now = time.monotonic()
        if deadline and now >= deadline:
            raise TimedOut
        if stop and now >= stop and not busy:
            return

        for each in busy:
            if each.file in ready:
                each.flush()
        if guest.output in ready:
            data = os.read(guest.output, _CHUNK)
            open_ = data != b""
            for is_error, text in guest.streams(data):
                if is_error:
                    guest.marks.program_wrote = True
                    errors.put(text)
                elif shown := guest.marks.feed(text):
                    sink.put(shown)
            if not open_ and (shown := guest.marks.finish()):
                sink.put(shown)
            if stop is None and guest.marks.state in (State.EXITED, State.PANICKED):
                stop = time.monotonic() + _GRACE
                to_guest = b""
        # In every round, because a guest may always have output.
        if guest.input in ready and to_guest:
            to_guest = _send(guest.input, to_guest)
        elif guest.marks.state is State.RUNNING and (
            source.file in ready or (due is not None and now >= due)
        ):
            to_guest = source.take()


def _wait(poll: select.poll, *until: float | None) -> set[int]:
    """Waits for a descriptor, but no longer than until the earliest of the given times. Returns the
    descriptors that are ready."""
    known = [time_ for time_ in until if time_ is not None]
    timeout = max(0.0, min(known) - time.monotonic()) * 1000 if known else None
    return {file for file, _ in poll.poll(timeout)}


def _send(file: int, data: bytes) -> bytes:
    """Writes as much as possible. Returns the rest."""
    try:
        return data[os.write(file, data) :]
    except BlockingIOError:
        return data
    except BrokenPipeError:  # the guest has ended; the loop will read the end of its output next
        return b""
