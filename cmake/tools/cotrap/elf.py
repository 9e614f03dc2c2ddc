"""As much of an ELF file's header as the command needs (System V ABI, chapter 4)."""

import struct
from dataclasses import dataclass
from pathlib import Path

_HEADER = struct.Struct("<4sBBB9xHHIQ")  # up to and with the entry address
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
