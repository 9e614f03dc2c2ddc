"""`./cotrap debug` gives gdb the program's address and its quoted path."""

import struct
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

import support  # noqa: F401  (finds the command's modules)
from cotrap import elf
from cotrap.commands import debug

_EXECUTABLE, _SHARED = 2, 3
_RISCV, _X86 = 243, 62
_BUILD = SimpleNamespace(processor="riscv64", is_hosted=False, has_mmu=True)
_HOSTED = SimpleNamespace(processor="x86_64", is_hosted=True, has_mmu=True)


class Debug(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def program(self, kind: int, machine: int = _RISCV, name: str = "program") -> Path:
        header = struct.pack("<4sBBB9xHHIQ", b"\x7fELF", 2, 1, 1, kind, machine, 1, 0x1234)
        (self.folder / name).write_bytes(header)
        return self.folder / name

    def test_a_program_is_at_its_link_address_or_at_the_kernels_load_bias(self):
        self.assertEqual(elf.program(self.program(_EXECUTABLE), "riscv64"), elf.Program(0x1234, 0))
        moved = elf.Program(0x10001234, 0x10000000)
        self.assertEqual(elf.program(self.program(_SHARED), "riscv64"), moved)
        self.assertIsNone(elf.program(self.program(_EXECUTABLE, _X86), "riscv64"))
        self.assertIsNone(elf.program(self.program(_EXECUTABLE), "x86_64"))

    def test_the_load_bias_equals_the_kernels(self):
        header = (support.ROOT / "kernel" / "formats" / "elf.h").read_text().replace("'", "")
        self.assertIn(f"default_load_bias = {elf._LOAD_BIAS:#010x};", header)

    def test_symbols_and_breakpoint_are_at_the_programs_address(self):
        commands = debug._commands(self.program(_SHARED), _BUILD)
        self.assertRegex(commands[-2], r'add-symbol-file "/.*/program" -o 0x10000000$')
        self.assertEqual(commands[-1], "tbreak *0x10001234")

    def test_on_the_hosted_machine_gdb_uses_a_hardware_breakpoint_in_the_first_user_range(self):
        commands = debug._commands(self.program(_SHARED, _X86), _HOSTED)
        self.assertRegex(commands[-2], r"-o 0x400010000000$")
        self.assertEqual(commands[-1], "thbreak *0x400010001234")

    def test_gdb_reads_any_path_as_one_word(self):
        program = self.program(_EXECUTABLE, name="a \"b\" \\c 'd'")
        self.assertIn("/a \\\"b\\\" \\\\c 'd'\"", debug._commands(program, _BUILD)[-2])


if __name__ == "__main__":
    unittest.main()
