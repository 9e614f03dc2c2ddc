"""The signals that end the command, each with an exception."""

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import Interrupted

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def handle() -> None:
    """From now on a signal raises Interrupted in the main thread. The script `./cotrap` blocks SIGINT while
    Python starts; this function unblocks it when the handlers are set."""
    for number in _ENDING:
        signal.signal(number, _interrupt)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


def ignore() -> None:
    """After this call a signal raises no exception. The status is decided, and Python is about to end."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def with_parent(command: list, number: signal.Signals = signal.SIGTERM) -> list:
    """A command that runs `command`, and to which Linux sends the signal when this process dies, even by
    SIGKILL."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", number.name.removeprefix("SIG"), "--", *command] if setpriv else command


@contextmanager
def blocked() -> Iterator[None]:
    """Delays the signals of this thread until the end of the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _interrupt(number: int, _frame) -> None:
    raise Interrupted(number)
