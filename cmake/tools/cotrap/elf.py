"""Reads the fields of ELF files that the command needs (System V ABI, chapters 4 and 5)."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from .paths import Build

_HEADER = struct.Struct("<4sBBB9xHHIQ")  # the header's beginning, including the entry address
_PARTS = struct.Struct("<Q14xHH")  # then: offset, size and number of the program headers
_PART = struct.Struct("<IIQQQQ")  # a program header: type, flags, offset, two addresses, bytes in the file
_ENTRY = struct.Struct("<QQ")  # of the dynamic section: tag, value
_LOADABLE, _DYNAMIC, _INTERPRETER, _THREAD_LOCAL = 1, 2, 3, 7
_NEEDED, _STRINGS, _RPATH, _RUNPATH = 1, 5, 15, 29
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
    with open(file, "rb") as opened:
        if opened.read(2) == b"#!":
            return ""
    found = program(file, build.processor)
    if not found:
        other = build.processor == "riscv64" and program(file, "x86_64")
        hint = ": run it with `--machine hosted` or `--machine pc`" if other else ""
        return f"is neither an ELF program for this machine nor a script{hint}"
    if not build.has_mmu and not found.bias:
        return "is not position-independent: for this machine, link it with -static-pie"
    return ""


def has_thread_local(file: Path) -> bool:
    """Whether each thread of the program has a copy of some of its variables."""
    return _THREAD_LOCAL in _parts(file)


@dataclass(frozen=True)
class Linking:
    """What a dynamically linked program or a shared library needs."""

    interpreter: str  # its path in the guest; empty for most libraries
    libraries: list[str]  # names of files
    folders: list[str]  # where the file says that they are; $ORIGIN is the file's own folder


def linking(file: Path) -> Linking | None:
    """None: the file is statically linked, or no ELF file."""
    data = file.read_bytes()
    parts = _headers(data)
    tables = [part for part in parts if part[0] == _DYNAMIC]
    if not tables:
        return None
    entries = []
    for tag, value in _ENTRY.iter_unpack(_contents(data, tables[0], _ENTRY.size)):
        if tag == 0:
            break
        entries.append((tag, value))
    table = next((value for tag, value in entries if tag == _STRINGS), 0)
    texts = next(
        (data[offset + table - start :] for kind, _, offset, start, _, size in parts
         if kind == _LOADABLE and start <= table < start + size),
        b"",
    )  # fmt: skip
    text = {tag: [] for tag in (_NEEDED, _RPATH, _RUNPATH)}
    for tag, value in entries:
        if tag in text:
            text[tag].append(_text(texts[value:]))
    folders = [path for found in text[_RUNPATH] or text[_RPATH] for path in found.split(":")]
    interpreters = [_text(_contents(data, part)) for part in parts if part[0] == _INTERPRETER]
    if not interpreters and not text[_NEEDED]:
        return None  # a static position-independent program
    return Linking(interpreters[0] if interpreters else "", text[_NEEDED], folders)


def _text(data: bytes) -> str:
    return os.fsdecode(data.partition(b"\0")[0])


def _contents(data: bytes, part: tuple, unit: int = 1) -> bytes:
    _, _, offset, _, _, size = part
    found = data[offset : offset + size]
    return found[: len(found) // unit * unit]


def _headers(data: bytes) -> list[tuple]:
    """The program headers of a file that begins with `data`."""
    if len(data) < _HEADER.size + _PARTS.size or not data.startswith(_LITTLE_64[0]):
        return []
    at, size, count = _PARTS.unpack_from(data, _HEADER.size)
    places = range(at, min(at + size * count, len(data) - _PART.size), size or 1)
    return [_PART.unpack_from(data, place) for place in places]


def _parts(file: Path) -> list[int]:
    """The types of the file's program headers."""
    with open(file, "rb") as opened:
        data = opened.read(4096)  # linkers put the program headers right after the header
    return [part[0] for part in _headers(data)]
