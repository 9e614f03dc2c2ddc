"""Finds the kernel's marks in the console's output. They separate the program's output from the rest.

    firmware's banner, kernel lines   \\x1e NONCE start \\n     what the program writes
    \\x1e NONCE exit CODE ERROR \\n    kernel lines
    \\x1e NONCE panic \\n              the panic's report

The nonce is new for every boot, so a program cannot write a mark by accident.
"""

import re
from enum import Enum

_SEPARATOR = b"\x1e"
_LONGEST_MARK_TAIL = 32
_KERNEL_LINE = re.compile(rb"^\[ *\d+\.\d+ h\d+\] ", re.MULTILINE)
_TAIL = 4096


class State(Enum):
    BOOTING = "booting"
    RUNNING = "running"
    EXITED = "exited"
    PANICKED = "panicked"


class MarkReader:
    """Feed it the console's bytes; it returns those that the user shall see.

    quiet: the user sees only the program's output. Otherwise the user sees kernel lines, too, but not the
    firmware's banner.
    """

    def __init__(self, nonce: str, quiet: bool):
        self.state = State.BOOTING
        self.exit_code: int | None = None
        self.refusal = 0  # Linux's number of the error for which the program could not be started; 0: none
        self.program_wrote = False  # whether the program has printed anything
        self.report = b""  # the report of a panic
        self.tail = b""  # the last bytes of all output, for an error message
        self._quiet = quiet
        self._banner = True  # no kernel line has come yet
        self._held = b""  # bytes that may begin a mark
        self._line = b""  # the unfinished line, while the program has written nothing
        self._mark = re.compile(
            re.escape(_SEPARATOR + nonce.encode()) + rb" (?:(start)|exit (\d+) (\d+)|(panic))\r?\n"
        )
        self._prefix = _SEPARATOR + nonce.encode()

    def feed(self, data: bytes) -> bytes:
        self.tail = (self.tail + data)[-_TAIL:]
        data = self._held + data
        shown = []
        position = 0
        while mark := self._mark.search(data, position):
            shown.append(self._text(data[position : mark.start()]))
            self._enter(mark)
            position = mark.end()
            if self.state is State.RUNNING:
                self.tail = data[position:]
        end = self._possible_mark(data, position)
        if self._banner and self.state is State.BOOTING and not self._quiet:
            end = max(position, min(end, data.rfind(b"\n", position) + 1))
        shown.append(self._text(data[position:end]))
        self._held = data[end:]
        return b"".join(shown)

    def finish(self) -> bytes:
        """Call it when the console has closed. Returns the bytes that were held back as a possible mark."""
        held, self._held = self._held, b""
        return self._text(held)

    def _enter(self, mark: re.Match) -> None:
        if mark[1]:
            self.state = State.RUNNING
            self._banner = False
        elif mark[2]:
            self.state = State.EXITED
            self.exit_code = int(mark[2]) & 0xFF
            self.refusal = int(mark[3])
        else:
            self.state = State.PANICKED

    def _text(self, text: bytes) -> bytes:
        if self.state is State.PANICKED:
            self.report += text
            return b""
        if self.state is State.RUNNING:
            self._detect_program_output(text)
            return text
        if self._quiet:
            return b""
        if self._banner and self.state is State.BOOTING:
            first = _KERNEL_LINE.search(text)
            if not first:
                return b""
            self._banner = False
            return text[first.start() :]
        return text

    def _detect_program_output(self, text: bytes) -> None:
        if self.program_wrote:
            return
        *lines, self._line = (self._line + text).split(b"\n")
        unfinished = self._line and not self._line.startswith(b"[")
        self.program_wrote = bool(unfinished) or not all(map(_KERNEL_LINE.match, lines))

    def _possible_mark(self, data: bytes, position: int) -> int:
        """The offset at which an unfinished mark may begin, or the end of the data."""
        begin = data.find(
            _SEPARATOR, max(position, len(data) - len(self._prefix) - _LONGEST_MARK_TAIL)
        )
        while begin >= 0:
            rest = data[begin:]
            if rest.startswith(self._prefix) or self._prefix.startswith(rest):
                return begin
            begin = data.find(_SEPARATOR, begin + 1)
        return len(data)
