"""Each system call that the kernel answers has a number of x86_64, too, unless that processor has no such call."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
KERNEL = ROOT / "kernel"


def answered() -> set[str]:
    """The calls in the kernel's table, and those that sources register."""
    sources = "\n".join(path.read_text() for path in KERNEL.rglob("*.cpp"))
    table = (KERNEL / "dispatch" / "all_calls.h").read_text()
    return set(re.findall(r"^KERNEL_CALL\((\w+),", sources, re.M)) | set(re.findall(r"\(Call::(\w+)", table))


class Numbers(unittest.TestCase):
    def test_a_program_for_x86_64_can_make_each_call(self):
        text = (ROOT / "trap" / "x86_64" / "include" / "abi" / "x86_64.h").read_text()
        numbered = set(re.findall(r"\{\d+, Call::(\w+)\}", text)) | set(re.findall(r"call_(\w+) = \d+;", text))
        calls = {call for call in answered() if not call.startswith("riscv_")}
        self.assertGreater(len(calls), 200)
        self.assertEqual(calls - numbered, set())


if __name__ == "__main__":
    unittest.main()
