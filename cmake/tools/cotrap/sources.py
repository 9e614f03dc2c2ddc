"""What may stand at the keyboard's end of a guest's console.

A source has `file`, a descriptor that is worth polling (None: there is none, or no longer),
`due()`, the time at which it has something without one (None: never), and `take()`, the bytes for
the guest, already encoded for its kind of console:

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


class Left(Exception):
    """The person at the terminal typed Ctrl-A X."""


class NoInput:
    """Standard input at its end from the beginning, for a framed console."""

    def __init__(self):
        self.file = None
        self._pending = _END_OF_FILE

    def take(self) -> bytes:
        pending, self._pending = self._pending, b""
        return pending

    def due(self) -> float | None:
        """When take() has something, without a file to wait for; None: never."""
        return 0.0 if self._pending else None


class Silence:
    """Standard input that nothing comes from, and that does not end. For a framed console."""

    def __init__(self):
        self.file = None

    def take(self) -> bytes:
        return b""

    def due(self) -> float | None:
        return None


class FramedInput:
    """A file's bytes as they are, then end of file. For a framed console."""

    def __init__(self, file: int):
        self.file: int | None = file

    def take(self) -> bytes:
        try:
            data = os.read(self.file, _CHUNK)
        except OSError:  # a terminal that belongs to somebody else now
            data = b""
        if data:
            return data.replace(_ESCAPE, _ESCAPE + _ESCAPE)
        self.file = None
        return _END_OF_FILE

    def due(self) -> float | None:
        return None


def is_empty(file: int) -> bool:
    """Nothing will ever come from it."""
    try:
        about = os.fstat(file)
        if stat.S_ISREG(about.st_mode):
            return os.lseek(file, 0, os.SEEK_CUR) >= about.st_size
        return stat.S_ISCHR(about.st_mode) and os.path.samestat(about, os.stat(os.devnull))
    except OSError:
        return False


class Keyboard:
    """A terminal in raw mode. Ctrl-A X leaves, Ctrl-A Ctrl-A is one Ctrl-A."""

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
                raise Left
            self._escaped = False
            keys.append(key)
        return bytes(keys)

    def due(self) -> float | None:
        return None


class Typist:
    """Types a text, key by key, as a person would. For a console that is a terminal.

    In the text, \\n is the Enter key, \\d a pause of 200 ms, \\xHH any other key.
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
