"""The command explains why the kernel cannot run a program."""

import struct
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

import support  # noqa: F401

from cotrap import elf

RISCV, X86_64 = 243, 62
FIXED, INDEPENDENT = 2, 3
LOAD, INTERPRETER = 1, 3


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
        self.check(b"#!/bin/sh\n", "riscv64", "not an ELF program")
        self.check(program(RISCV, FIXED), "hosted", "not an ELF program")
        self.check(program(RISCV, FIXED), "pc", "not an ELF program")
        self.check(program(X86_64, FIXED), "riscv64", "--machine hosted")

    def test_a_program_that_is_linked_wrongly_is_reported(self):
        self.check(program(RISCV, INDEPENDENT, (LOAD, INTERPRETER)), "riscv64", "link it with -static")
        self.check(program(RISCV, FIXED), "riscv64-nommu", "link it with -static-pie")
        self.check(program(X86_64, INDEPENDENT, (INTERPRETER,)), "hosted", "shared libraries")
        self.check(program(X86_64, FIXED), "hosted", "link it with -static-pie")

    def test_a_truncated_or_false_header_is_handled(self):
        whole = program(RISCV, FIXED)
        for end in (0, 16, 32, 50, 64, 70):
            self.check(whole[:end], "riscv64", "not an ELF" if end < 32 else "")
        self.check(whole[:32] + b"\xff" * 32, "riscv64", "")


if __name__ == "__main__":
    unittest.main()
