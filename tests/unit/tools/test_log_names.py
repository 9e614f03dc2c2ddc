"""The command adds names to the addresses in the kernel's log and changes nothing else, however the
console's bytes are split."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from support import Command, cotrap

from cotrap import symbols
from cotrap.log_names import LogNames

KNOWN = {
    "0xffffffc08021e56c": ("kernel::self_tests::stall(unsigned long) (.resume)", "spin.cpp:103"),
    "0x235280": ("kernel::run_thread(kernel::Ref<kernel::Thread>) (.resume)", "life.cpp:82"),
}
STALL = b"[    0.05 h0] 'thread' stalled: 19 ms without an await, then a yield, awaits: "
SYMBOLIZER = """#!/bin/sh
for word; do case $word in
  0xffffffc08021e56c) echo 'kernel::self_tests::stall(unsigned long) (.resume)'; echo spin.cpp:103;;
  0x*) echo '??'; echo '??:0';;
esac; done
"""


class Lines(unittest.TestCase):
    def fed(self, data: bytes, piece: int) -> bytes:
        names = LogNames(Path("kernel"))
        return b"".join(names.feed(data[i : i + piece]) for i in range(0, len(data), piece))

    def check(self, data: bytes, expected: bytes) -> None:
        known = mock.patch.object(
            symbols, "names", lambda wanted, _: {at: KNOWN[at] for at in wanted if at in KNOWN}
        )
        with known:
            for piece in (1, 2, 7, 4096):
                self.assertEqual(self.fed(data, piece), expected)

    def test_the_functions_of_a_chain_follow_in_the_next_line(self):
        line = STALL + b"0xffffffc08021e56c < 0x123456 < 0x235280\r\n"
        reported = (
            b"    that is: self_tests::stall (spin.cpp:103) < 0x123456 < run_thread (life.cpp:82)\n"
        )
        self.check(b"out\n" + line + b"more" + line, b"out\n" + line + reported + b"more" + line)
        now = b"[   12.5 h3] 'x' stalls: 20 ms without an await, now at 0x235280\n"
        self.check(now + now, 2 * (now + b"    that is: run_thread (life.cpp:82)\n"))

    def test_other_lines_and_unknown_addresses_stay_unchanged(self):
        for data in (
            b"awaits: 0x235280\n$ ",
            b"[    0.05 h0] ready at 0x235280\n",
            STALL + b"0x123456\n",
            b"[ \x1b[K\r\n[" + bytes(range(256)),
            b"x" * 5000 + STALL + b"0x235280\n",
        ):
            self.check(data, data)

    def test_bytes_are_passed_on_at_once(self):
        names = LogNames(Path("kernel"))
        for data in (b"[", b"    0.05 h0] 'x' awaits:", b"$ "):
            self.assertEqual(names.feed(data), data)

    def test_a_line_without_an_end_is_not_kept(self):
        names = LogNames(Path("kernel"))
        for _ in range(100):
            names.feed(b"x" * 10_000)
        self.assertLess(len(names._line), 10_000)


class Run(Command):
    def test_run_calls_the_symbolizer_unless_quiet(self):
        line = STALL + b"0xffffffc08021e56c\n"
        log = self.build.path / "log"
        log.write_bytes(line)
        program = self.build.file("program", f"cat {log}")
        with tempfile.TemporaryDirectory() as folder:
            tool = Path(folder, "llvm-symbolizer-22")
            tool.write_text(SYMBOLIZER)
            tool.chmod(0o755)
            with mock.patch.dict(os.environ, PATH=f"{folder}:{os.environ['PATH']}"):
                loud = cotrap("run", "--build", self.build.path, program).stdout
                quiet = cotrap("run", "-q", "--build", self.build.path, program).stdout
        self.assertIn(line + b"    that is: self_tests::stall (spin.cpp:103)\n", loud)
        self.assertEqual(quiet, line)


if __name__ == "__main__":
    unittest.main()
