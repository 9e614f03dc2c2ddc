"""The sources of a guest's console input.

A source has three members. `file` is the descriptor to poll for input; None: there is none, or it has
ended. `due()` is the time (time.monotonic()) at which the source has input without a file; None: never.
`take()` returns the input's bytes, already encoded for the kind of console:

    framed      NoInput, Silence, FramedInput: bytes are literal; DLE DLE is one DLE, DLE E is end of file
    terminal    Keyboard, Typist: keys; the kernel echoes and edits the line
"""

import os
import stat
import re
import time

_CHUNK = 1 << 16
_ESCAPE = b"\x10"  # DLE
_END_OF_FILE = _ESCAPE + b"E"
_COMMAND_KEY = 0x01  # Ctrl-A, as in QEMU


class Quit(Exception):
    """The user typed Ctrl-A X."""


class NoInput:
    """A standard input that ends at once, for a framed console."""

    def __init__(self):
        self.file = None
        self._pending = _END_OF_FILE

    def take(self) -> bytes:
        pending, self._pending = self._pending, b""
        return pending

    def due(self) -> float | None:
        """0, which is always due, until take() has returned the end of file. Then None."""
        return 0.0 if self._pending else None


class Silence:
    """Standard input that has no bytes and never ends. For a framed console."""

    def __init__(self):
        self.file = None

    def take(self) -> bytes:
        return b""

    def due(self) -> float | None:
        return None


class FramedInput:
    """The bytes of a file, then end of file. For a framed console."""

    def __init__(self, file: int):
        self.file: int | None = file

    def take(self) -> bytes:
        try:
            data = os.read(self.file, _CHUNK)
        except OSError:  # for example EIO: the file is a terminal, and this process is in the background
            data = b""
        if data:
            return data.replace(_ESCAPE, _ESCAPE + _ESCAPE)
        self.file = None
        return _END_OF_FILE

    def due(self) -> float | None:
        return None


def is_empty(file: int) -> bool:
    """Whether the file is at its end, or /dev/null. Such a file never has input."""
    try:
        about = os.fstat(file)
        if stat.S_ISREG(about.st_mode):
            return os.lseek(file, 0, os.SEEK_CUR) >= about.st_size
        return stat.S_ISCHR(about.st_mode) and os.path.samestat(about, os.stat(os.devnull))
    except OSError:
        return False


class Keyboard:
    """A terminal in raw mode. Ctrl-A X raises Quit, Ctrl-A Ctrl-A is one Ctrl-A."""

    def __init__(self, file: int):
        self.file: int | None = file
        self._escaped = False

    def take(self) -> bytes:
        data = os.read(self.file, _CHUNK)
        if not data:
            self.file = None
        keys = bytearray()
        for key in data:
            if not self._escaped and key == _COMMAND_KEY:
                self._escaped = True
                continue
            if self._escaped and key in b"xX":
                raise Quit
            self._escaped = False
            keys.append(key)
        return bytes(keys)

    def due(self) -> float | None:
        return None


class Typist:
    """Types a text key by key, at a person's speed. For a console that is a terminal.

    In the text, \\n is the Enter key, \\d a pause of 200 ms, and \\xHH any other key.
    """

    _BEFORE, _BETWEEN, _PAUSE = 0.3, 0.02, 0.2  # seconds
    _TOKEN = re.compile(r"\\n|\\d|\\x[0-9a-fA-F]{2}|.", re.DOTALL)

    def __init__(self, text: str):
        self.file = None
        self._keys = self._TOKEN.findall(text)
        self._next: float | None = None

    def take(self) -> bytes:
        match self._keys.pop(0):
            case "\\d":
                self._next += self._PAUSE
                return b""
            case "\\n" | "\n":
                key = b"\r"
            case escape if escape.startswith("\\x"):
                key = bytes([int(escape[2:], 16)])
            case character:
                key = character.encode()
        self._next = time.monotonic() + self._BETWEEN
        return key

    def due(self) -> float | None:
        if not self._keys:
            return None
        if self._next is None:
            self._next = time.monotonic() + self._BEFORE
        return self._next
