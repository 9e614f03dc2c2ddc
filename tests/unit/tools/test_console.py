"""relay() carries bytes in both directions, however much a guest writes."""

import os
import unittest

import support  # noqa: F401  finds the modules of cmake/tools
from cotrap.console import relay
from cotrap.marks import State


class Enough(Exception):
    """Ends a relay."""


class Marks:
    state = State.RUNNING

    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class Flood:
    """A guest that always has output."""

    def __init__(self, test: unittest.TestCase):
        self.marks = Marks()
        self.output = os.open("/dev/zero", os.O_RDONLY)
        self.keys, self.input = os.pipe()
        os.set_blocking(self.keys, False)
        for file in (self.output, self.keys, self.input):
            test.addCleanup(os.close, file)

    def streams(self, data: bytes):
        yield False, data


class Sink:
    """Ends the relay after some pieces of output."""

    file = None
    busy = False
    pieces = 0

    def put(self, data: bytes) -> None:
        self.pieces += 1
        if self.pieces == 20:
            raise Enough


class Typed:
    """A source that has one key, always due, or in a file that is always ready."""

    def __init__(self, file: int | None):
        self.file = file
        self._has_key = True

    def due(self) -> float | None:
        return 0.0 if self.file is None and self._has_key else None

    def take(self) -> bytes:
        key, self._has_key = (b"\x03" if self._has_key else b""), False
        return key


class Relay(unittest.TestCase):
    def key_at_flood(self, source: Typed) -> bytes:
        guest = Flood(self)
        with self.assertRaises(Enough):
            relay(guest, source, Sink())
        return os.read(guest.keys, 10)

    def test_a_due_key_reaches_a_guest_that_always_writes(self):
        self.assertEqual(self.key_at_flood(Typed(None)), b"\x03")

    def test_a_key_of_a_terminal_reaches_a_guest_that_always_writes(self):
        keyboard = os.open("/dev/zero", os.O_RDONLY)
        self.addCleanup(os.close, keyboard)
        self.assertEqual(self.key_at_flood(Typed(keyboard)), b"\x03")


if __name__ == "__main__":
    unittest.main()
