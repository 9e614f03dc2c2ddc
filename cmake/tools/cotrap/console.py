"""Carries bytes between a guest's console and this side, until the guest is done.

    source  --keys or frames-->  guest's UART  --MarkReader-->  sink
                                               --OutputFrames-->  errors

One loop, one thread: nothing is read while what was read before has not gone on, so neither side
can make the other grow without bound, and a slow reader holds the guest back.
"""

import os
import select
import time
from collections.abc import Callable

from .errors import ToolError
from .marks import State
from .qemu import Guest

_CHUNK = 1 << 16
_GRACE = 2.0  # seconds the guest may take to switch itself off after its last mark


class TimedOut(Exception):
    """The guest was still running at the deadline."""


class FileSink:
    """Writes to a file that may be slow: never more at once than is sure not to block.

    on_put: is called when there is something. through: what becomes of it."""

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
            raise ToolError(f"the output cannot be written: {error.strerror}") from error
        self._pending = self._pending[written:]


class Capture:
    """Keeps what comes."""

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
    """Returns when the guest is done; `guest.marks` then says how it ended. errors: a sink for the
    program's standard error, where the guest's is apart (Boot.errors_apart). Raises TimedOut, and
    what source and sinks raise."""
    sinks = [sink, errors] if errors else [sink]
    deadline = time.monotonic() + timeout if timeout else None
    stop = None  # when to stop waiting for a guest that has said its last word
    to_guest = b""
    open_ = True
    while open_ or any(each.busy for each in sinks):
        listening = guest.marks.state is State.RUNNING  # earlier, the firmware swallows it
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
        elif guest.input in ready:
            to_guest = _send(guest.input, to_guest)
        elif source.file in ready or (due is not None and now >= due):
            to_guest = source.take()


def _wait(poll: select.poll, *until: float | None) -> set[int]:
    """The descriptors that are ready, at the latest at the earliest of the given times."""
    known = [time_ for time_ in until if time_ is not None]
    timeout = max(0.0, min(known) - time.monotonic()) * 1000 if known else None
    return {file for file, _ in poll.poll(timeout)}


def _send(file: int, data: bytes) -> bytes:
    """Returns what has not gone yet."""
    try:
        return data[os.write(file, data) :]
    except BlockingIOError:
        return data
    except BrokenPipeError:  # the guest is about to be seen to have ended
        return b""
