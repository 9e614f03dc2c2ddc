"""Adds function names to the kernel's log: after a line with addresses it inserts a line with their names.

    [    0.054361 h0] 'thread' stalled: 19 ms without an await, then a yield, awaits: 0x… < 0x…
        that is: self_tests::stall (kernel/self_tests/spin.cpp:103) < run_thread (…)
"""

import re
from pathlib import Path

from . import symbols
from .functions import readable

_LINE = re.compile(rb"^\[ *\d+\.\d+ h\d+\] [^\n]*(?:awaits:|now at) 0x[^\n]*\n", re.MULTILINE)
_LONGEST_LINE = 1024


class LogNames:
    """Feed it the console's bytes, in pieces of any size. It returns them unchanged and without delay, with
    lines of names inserted. A line is inserted only if at least one address has a name."""

    def __init__(self, kernel: Path):
        self._kernel = kernel
        self._line = b""  # the beginning of the unfinished line
        self._known: dict[str, str] = {}

    def feed(self, data: bytes) -> bytes:
        text = self._line + data
        shown, end = [], len(self._line)
        for line in _LINE.finditer(text):
            shown += [text[end : line.end()], self._names(line[0].decode(errors="replace"))]
            end = line.end()
        self._line = text[text.rfind(b"\n") + 1 :][:_LONGEST_LINE]
        return b"".join([*shown, text[end:]])

    def _names(self, line: str) -> bytes:
        addresses = symbols.addresses(line)
        if new := [at for at in addresses if at not in self._known]:
            found = symbols.names(new, self._kernel)
            for at, (name, place) in found.items():
                self._known[at] = f"{readable(name)} ({place})"
        if not any(at in self._known for at in addresses):
            return b""
        chain = " < ".join(self._known.get(at, at) for at in addresses)
        return f"    that is: {chain}\n".encode()
