"""The command explains why the kernel cannot run a program."""

import struct
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import support  # noqa: F401

from cotrap import elf, libraries
from cotrap.initrd import Archive

RISCV, X86_64 = 243, 62
FIXED, INDEPENDENT = 2, 3
LOAD, DYNAMIC, INTERPRETER = 1, 2, 3


def program(machine: int, kind: int, parts=(LOAD,)) -> bytes:
    """The bytes of an ELF header and its program headers."""
    head = struct.pack("<4sBBB9xHHIQ", b"\x7fELF", 2, 1, 1, kind, machine, 1, 0x1000)
    head += struct.pack("<QQIHHHHHH", 64, 0, 0, 64, 56, len(parts), 0, 0, 0)
    return head + b"".join(struct.pack("<I52x", part) for part in parts)


class Where(unittest.TestCase):
    def test_a_program_starts_at_the_kernels_load_address(self):
        for kind, bias in ((FIXED, 0), (INDEPENDENT, 0x1000_0000)):
            with tempfile.NamedTemporaryFile() as file:
                file.write(program(RISCV, kind))
                file.flush()
                found = elf.program(Path(file.name), "riscv64")
            self.assertEqual(found, elf.Program(start=bias + 0x1000, bias=bias))


class WhyNot(unittest.TestCase):
    def check(self, data: bytes, machine: str, says: str):
        processor = machine.partition("-")[0] if machine.startswith("riscv64") else "x86_64"
        build = SimpleNamespace(
            is_hosted=machine == "hosted", processor=processor, has_mmu=machine in ("riscv64", "pc")
        )
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            found = elf.why_not_runnable(Path(file.name), build)
        self.assertTrue(says in found if says else not found, found)

    def test_a_program_for_the_machine_is_accepted(self):
        self.check(program(RISCV, FIXED), "riscv64", "")
        self.check(program(RISCV, INDEPENDENT), "riscv64", "")
        self.check(program(X86_64, INDEPENDENT), "hosted", "")
        self.check(program(X86_64, INDEPENDENT), "pc", "")
        self.check(program(X86_64, FIXED), "pc", "")
        self.check(program(RISCV, INDEPENDENT), "riscv64-pmp", "")

    def test_a_file_that_is_no_program_for_the_machine_is_reported(self):
        self.check(b"#!/bin/sh\n", "riscv64", "")
        self.check(b"text\n", "riscv64", "neither an ELF program")
        self.check(program(RISCV, FIXED), "hosted", "neither an ELF program")
        self.check(program(RISCV, FIXED), "pc", "neither an ELF program")
        self.check(program(X86_64, FIXED), "riscv64", "--machine hosted")

    def test_a_program_that_is_linked_wrongly_is_reported(self):
        self.check(program(RISCV, FIXED), "riscv64-nommu", "link it with -static-pie")
        self.check(program(X86_64, FIXED), "hosted", "link it with -static-pie")

    def test_a_truncated_or_false_header_is_handled(self):
        whole = program(RISCV, FIXED)
        for end in (0, 16, 32, 50, 64, 70):
            self.check(whole[:end], "riscv64", "neither an ELF" if end < 32 else "")
        self.check(whole[:32] + b"\xff" * 32, "riscv64", "")


def linked(interpreter: str, needed: list[str], runpath: str = "") -> bytes:
    """A program with a dynamic section. Its texts are at the address 0x1000, which is the offset 512."""
    texts = b"\0" + b"".join(name.encode() + b"\0" for name in (*needed, runpath, interpreter))
    places = {name: texts.index(name.encode() + b"\0") for name in (*needed, runpath, interpreter)}
    entries = [(1, places[name]) for name in needed] + [(5, 0x1000)]
    entries += [(29, places[runpath])] if runpath else []
    table = b"".join(struct.pack("<QQ", *entry) for entry in (*entries, (0, 0)))
    parts = [
        (LOAD, 512, 0x1000, len(texts)),
        (DYNAMIC, 512 + len(texts), 0x2000, len(table)),
        (INTERPRETER, 512 + places[interpreter], 0x1000, len(interpreter) + 1),
    ]
    head = struct.pack("<4sBBB9xHHIQ", b"\x7fELF", 2, 1, 1, INDEPENDENT, RISCV, 1, 0x1000)
    head += struct.pack("<QQIHHHHHH", 64, 0, 0, 64, 56, len(parts), 0, 0, 0)
    for kind, offset, address, size in parts:
        head += struct.pack("<IIQQQQQQ", kind, 5, offset, address, address, size, size, 8)
    return head.ljust(512, b"\0") + texts + table


class Linking(unittest.TestCase):
    def linking(self, data: bytes) -> elf.Linking | None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            return elf.linking(Path(file.name))

    def test_a_program_names_its_interpreter_and_libraries(self):
        found = self.linking(linked("/lib/ld.so.1", ["liba.so", "libc.so.6"], "$ORIGIN/lib:/opt"))
        self.assertEqual(
            found, elf.Linking("/lib/ld.so.1", ["liba.so", "libc.so.6"], ["$ORIGIN/lib", "/opt"])
        )

    def test_a_static_program_and_a_broken_one_need_nothing(self):
        self.assertIsNone(self.linking(program(RISCV, FIXED)))
        self.assertIsNone(self.linking(b"#!/bin/sh\n"))
        whole = linked("/lib/ld.so.1", ["libc.so.6"])
        for end in range(0, len(whole), 7):
            self.linking(whole[:end])


class Libraries(unittest.TestCase):
    def test_the_archive_gets_what_the_host_has_and_keeps_what_it_had(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder, "root")
            (root / "lib").mkdir(parents=True)
            (root / "lib" / "ld.so.1").write_bytes(program(RISCV, INDEPENDENT))
            (root / "lib" / "libc.so.6").write_bytes(linked("", ["ld.so.1"]))
            (root / "lib" / "libm.so.6").write_bytes(program(RISCV, INDEPENDENT))
            own = Path(folder, "own")
            own.mkdir()
            (own / "liba.so").write_bytes(linked("", ["libm.so.6"]))
            name = Path(folder, "program")
            name.write_bytes(linked("/lib/ld.so.1", ["libc.so.6", "liba.so"], "$ORIGIN/own"))
            archive = Archive()
            archive.add_program(name, "lib/libc.so.6")
            with mock.patch.dict(libraries._ROOTS, riscv64=root):
                self.assertEqual(libraries.missing(archive, name), "/lib/ld.so.1")
                libraries.add(archive, name, "riscv64")
            found = dict(archive.entries())
            self.assertEqual(libraries.missing(archive, name), "")
            self.assertEqual(found["lib/libc.so.6"].data, name.read_bytes())
            files = {path for path, entry in found.items() if not entry.is_folder}
            self.assertEqual(files, {f"lib/{each}" for each in ("ld.so.1", "libc.so.6", "libm.so.6")} | {"run/own/liba.so"})


if __name__ == "__main__":
    unittest.main()
