"""As much of an ELF file's header as the command needs (System V ABI, chapter 4)."""

import struct
from pathlib import Path

_HEADER = struct.Struct("<4sBBB9xHHIQ")  # up to and with the entry address
_LITTLE_64 = (b"\x7fELF", 2, 1)
_RISCV = 243


def entry(file: Path) -> int | None:
    """The address at which a riscv64 program starts; None: the file is no such program."""
    with open(file, "rb") as opened:
        header = opened.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    magic, width, order, _, _, machine, _, address = _HEADER.unpack(header)
    return address if (magic, width, order) == _LITTLE_64 and machine == _RISCV else None
