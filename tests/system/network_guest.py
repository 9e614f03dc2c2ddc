"""Guests that run while the host talks to them, for tests of the network."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator

import harness
from cotrap.console import Capture, TimedOut, relay
from cotrap.qemu import Boot, Guest, Machine
from cotrap.sources import Silence


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """A port of 127.0.0.1 that no program uses now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Output(Capture):
    """The guest's output, for which other threads can wait."""

    def __init__(self):
        super().__init__()
        self._grew = threading.Condition()

    def put(self, data: bytes) -> None:
        with self._grew:
            super().put(data)
            self._grew.notify_all()

    def wait_for(self, pattern: str, ended: threading.Event) -> bool:
        """Waits until the output has the pattern. False: the guest has ended, or it takes too long."""
        deadline = time.monotonic() + harness.TIMEOUT
        with self._grew:
            while not re.search(pattern.encode(), self.data):
                if ended.is_set() or time.monotonic() > deadline:
                    return False
                self._grew.wait(0.2)
        return True


@contextlib.contextmanager
def running(boot: Boot, machine: Machine) -> Iterator[tuple[Output, threading.Event]]:
    """Runs a guest in this scope. Its output, and an event that is set when it has ended."""
    output, ended = Output(), threading.Event()
    with Guest(machine, boot) as guest:

        def carry() -> None:
            with contextlib.suppress(TimedOut, OSError, ValueError):
                relay(guest, Silence(), output, harness.TIMEOUT)
            output.put(guest.trouble().encode() if guest.marks.exit_code is None else b"")
            ended.set()

        carrier = threading.Thread(target=carry)
        carrier.start()
        try:
            yield output, ended
        finally:
            guest.end()
            carrier.join()


def boot_of(test: harness.Test, program: str, *arguments: str, append: str = "") -> Boot:
    return Boot(
        test.build, test._archive(), program, list(arguments), quiet=False, has_no_input=True, append=append
    )
