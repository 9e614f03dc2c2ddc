"""Reads the fields of an ELF file's header that the command needs (System V ABI, chapter 4)."""

import struct
from dataclasses import dataclass
from pathlib import Path

from .paths import Build

_HEADER = struct.Struct("<4sBBB9xHHIQ")  # the header's beginning, including the entry address
_PARTS = struct.Struct("<Q14xHH")  # then: offset, size and number of the program headers
_PART = struct.Struct("<I")  # the type of a program header
_INTERPRETER, _THREAD_LOCAL = 3, 7
_LITTLE_64 = (b"\x7fELF", 2, 1)
_SHARED = 3  # ET_DYN: a position-independent program, too
_MACHINES = {"riscv64": 243, "x86_64": 62}
_LOAD_BIAS = 0x1000_0000  # kernel/formats/elf.h: default_load_bias


@dataclass(frozen=True)
class Program:
    """The addresses of a program after the kernel has loaded it, relative to its user range."""

    start: int  # of its first instruction
    bias: int  # the kernel adds this to the file's addresses; 0 unless it is position-independent


def program(file: Path, processor: str) -> Program | None:
    """Reads the file. None: it is no program for the processor, `riscv64` or `x86_64`."""
    with open(file, "rb") as opened:
        header = opened.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    magic, width, order, _, kind, machine, _, entry = _HEADER.unpack(header)
    if (magic, width, order) != _LITTLE_64 or machine != _MACHINES[processor]:
        return None
    bias = _LOAD_BIAS if kind == _SHARED else 0
    return Program(bias + entry, bias)


def why_not_runnable(file: Path, build: Build) -> str:
    """Why the build's kernel cannot run the file, as the rest of a sentence. Empty if no usual reason
    applies."""
    found = program(file, build.processor)
    if not found:
        other = build.processor == "riscv64" and program(file, "x86_64")
        hint = ": run it with `--machine hosted` or `--machine pc`" if other else ""
        return f"is not an ELF program for this machine{hint}"
    how = "-static" if build.has_mmu else "-static-pie"
    if _INTERPRETER in _parts(file):
        return f"needs shared libraries, which Cotrap does not have: link it with {how}"
    if not build.has_mmu and not found.bias:
        return f"is not position-independent: for this machine, link it with {how}"
    return ""


def has_thread_local(file: Path) -> bool:
    """Whether each thread of the program has a copy of some of its variables."""
    return _THREAD_LOCAL in _parts(file)


def _parts(file: Path) -> list[int]:
    """The types of the file's program headers."""
    with open(file, "rb") as opened:
        data = opened.read(4096)  # linkers put the program headers right after the header
    if len(data) < _HEADER.size + _PARTS.size:
        return []
    at, size, count = _PARTS.unpack_from(data, _HEADER.size)
    places = range(at, min(at + size * count, len(data) - _PART.size), size or 1)
    return [_PART.unpack_from(data, place)[0] for place in places]
