"""As much of an ELF file's header as the command needs (System V ABI, chapter 4)."""

import struct
from dataclasses import dataclass
from pathlib import Path

_HEADER = struct.Struct("<4sBBB9xHHIQ")  # up to and with the entry address
_PARTS = struct.Struct("<Q14xHH")  # behind it: where the program headers are, of what size, how many
_PART = struct.Struct("<I")  # the kind of one
_INTERPRETER = 3
_LITTLE_64 = (b"\x7fELF", 2, 1)
_SHARED = 3  # what a position-independent program is too
_RISCV, _X86_64 = 243, 62  # the latter is the hosted machine's
_LOAD_BIAS = 0x1000_0000  # kernel/formats/elf.h: default_load_bias


@dataclass(frozen=True)
class Program:
    """Where a program is once the kernel has loaded it (from the beginning of its space)."""

    start: int  # the address of its first instruction
    bias: int  # what its own addresses are moved by: 0 unless it is position-independent


def program(file: Path, hosted: bool = False) -> Program | None:
    """None: the file is no such program."""
    with open(file, "rb") as opened:
        header = opened.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    magic, width, order, _, kind, machine, _, entry = _HEADER.unpack(header)
    if (magic, width, order) != _LITTLE_64 or machine != (_X86_64 if hosted else _RISCV):
        return None
    bias = _LOAD_BIAS if kind == _SHARED else 0
    return Program(bias + entry, bias)


def why_not(file: Path, hosted: bool) -> str:
    """Why the kernel runs no such file, of what is usual; empty where it is nothing of that."""
    found = program(file, hosted)
    if not found:
        other = not hosted and program(file, hosted=True)
        hint = ": it is one for `--machine hosted`" if other else ""
        return f"is not an ELF program for this machine{hint}"
    how = "-static-pie" if hosted else "-static"
    if _INTERPRETER in _parts(file):
        return f"is linked to shared libraries, which are not there: link it with {how}"
    if hosted and not found.bias:
        return f"wants to be at an address of its own: for the hosted machine, link it with {how}"
    return ""


def _parts(file: Path) -> list[int]:
    """The kinds of its program headers."""
    with open(file, "rb") as opened:
        data = opened.read(4096)  # they are right behind the header
    if len(data) < _HEADER.size + _PARTS.size:
        return []
    at, size, count = _PARTS.unpack_from(data, _HEADER.size)
    places = range(at, min(at + size * count, len(data) - _PART.size), size or 1)
    return [_PART.unpack_from(data, place)[0] for place in places]
