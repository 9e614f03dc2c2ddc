"""`./cotrap bench scale --icount` reads the tracer's windows, and counts holds of the strand."""

import json
import struct
import tempfile
import unittest
from array import array
from pathlib import Path
from unittest import mock

from support import FakeBuild, called

from cotrap.bench import holds, scale
from cotrap.bench.holds import Row, Window
from cotrap.errors import ToolError


def window(instructions: int, *lengths: int) -> bytes:
    words = [instructions, len(lengths), *lengths]
    return struct.pack(f"<{len(words)}Q", *words)


def read(data: bytes) -> list[Window]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return list(holds.windows(Path(file.name)))


class Trace(unittest.TestCase):
    def test_windows_keep_their_order_and_their_holds(self):
        found = read(window(100) + window(200, 7, 9))
        self.assertEqual([each.instructions for each in found], [100, 200])
        self.assertEqual([list(each.holds) for each in found], [[], [7, 9]])

    def test_a_trace_that_ends_early_is_an_error(self):
        whole = window(200, 7, 9)
        for length in (8, len(whole) - 8):
            with self.assertRaisesRegex(ToolError, "ends early"):
                read(whole[:length])


class Rows(unittest.TestCase):
    def test_a_row_has_the_last_window_of_each_worker(self):
        # Of one worker and of two: the warm-up, and the window that counts.
        found = [Window(10 + at, array("Q", [at])) for at in range(6)]
        [row] = holds.rows([("open", "1", "100"), ("open", "2", "30000")], found, 2)
        self.assertEqual((row.name, row.operations), ("open", 300))
        self.assertEqual((row.instructions, row.holds), (14 + 15, ((4, 1), (5, 1))))

    def test_windows_that_belong_to_no_row_are_an_error(self):
        with self.assertRaisesRegex(ToolError, "5 windows"):
            holds.rows([("open", "2", "1")], [Window(1, array("Q"))] * 5, 2)

    def test_the_share_alone_is_that_of_all_instructions(self):
        self.assertEqual(Row("open", 1, 1_000, ((100, 1), (200, 2))).alone, 0.5)

    def test_a_wait_lasts_for_the_rest_of_a_hold(self):
        # A hart comes at each of the 10 instructions equally often, and waits for 1 to 10.
        row = Row("open", 1, 1_000, ((10, 1),))
        self.assertEqual([row.wait(share) for share in (0.1, 0.5, 0.9, 1)], [1, 5, 9, 10])

    def test_a_wait_for_a_long_hold_is_more_frequent_than_one_for_a_short_hold(self):
        row = Row("open", 1, 1_000, ((1, 100), (900, 1)))
        self.assertEqual(row.hold(0.5), 1)
        self.assertEqual(row.wait(0.5), 400)

    def test_the_histogram_counts_holds_by_their_power_of_two(self):
        row = Row("open", 1, 1, ((1, 2), (128, 3), (129, 5), (256, 7), (1 << 20, 11)))
        self.assertEqual([count for count in row.histogram.values() if count], [5, 12, 11])
        self.assertEqual(row.histogram[7], 5)
        self.assertEqual(row.histogram[15], 11)


class Command(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.build = FakeBuild()
        cls.addClassCleanup(cls.build.remove)
        cls.build.file(scale.PROGRAM, "true")

    def holds(self, *options):
        return called("bench", "scale", "--icount", "--build", self.build.path, *options)

    def test_it_prints_each_row_and_its_histogram(self):
        rows = [Row("getppid", 900, 5_000, ()), Row("fork", 20, 10_000, ((200, 10), (500, 4)))]
        file = self.build.path / "holds.json"
        with mock.patch.object(holds, "measure", return_value=rows):
            done = self.holds("--json", file)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        lines = [line.split() for line in done.stdout.decode().splitlines()]
        self.assertIn(["getppid", "900", "0.00", "0.0%"], lines)
        self.assertIn(["fork", "20", "0.70", "40.0%", "2.5", "200", "500", "500", "143", "490"], lines)
        self.assertIn(["fork", "10", "4"], lines)
        [_, fork] = json.loads(file.read_text())["results"]
        self.assertEqual(fork["holds"], [[200, 10], [500, 4]])

    def test_it_refuses_the_hosted_machine(self):
        done = self.holds("--machine", "hosted")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"needs QEMU", done.stderr)

    def test_without_the_tracer_it_says_how_to_build_it(self):
        done = self.holds()
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn(b"cotrap_scale` builds it", done.stderr)


if __name__ == "__main__":
    unittest.main()
