"""Undoes the framing of the guest's output, which separates standard error from all other output
(docs/running.md). The kernel doubles each DLE byte, so the framed output can have any bytes."""

import re

_ESCAPE = b"\x10"  # DLE
_OUTPUT, _ERRORS = b"1", b"2"
_COMMAND = re.compile(rb"\x10(.)", re.DOTALL)


class OutputFrames:
    """Splits the console's bytes into standard error and all other output. The bytes may come in pieces
    of any size, even with an escape cut in two."""

    def __init__(self):
        self._is_error = False  # the stream of the next byte
        self._held = b""  # an escape whose second byte has not come yet

    def feed(self, data: bytes) -> list[tuple[bool, bytes]]:
        """The bytes in order, as pairs: whether they are standard error's, and the bytes."""
        data = self._held + data
        pieces, text, position = [], b"", 0
        for command in _COMMAND.finditer(data):
            text += data[position : command.start()]
            position = command.end()
            if command[1] in (_OUTPUT, _ERRORS):
                pieces.append((self._is_error, text))
                text = b""
                self._is_error = command[1] == _ERRORS
            else:  # a DLE, or another byte if a panic has cut a command short
                text += command[1]
        rest = data[position:]
        self._held = _ESCAPE if rest.endswith(_ESCAPE) else b""
        pieces.append((self._is_error, text + rest.removesuffix(_ESCAPE)))
        return [piece for piece in pieces if piece[1]]
