"""`./cotrap bench scale --icount` reads the tracer's rounds."""

import struct
import tempfile
import unittest
from pathlib import Path

import support  # noqa: F401  (sets the search path)

from cotrap.bench import rounds
from cotrap.bench.conflicts.trace import Access
from cotrap.bench.rounds import Round
from cotrap.errors import ToolError

STORE = 256


def words(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def window(
    kernel: int = 0, *holds: int, program: int = 0, firmware: int = 0, waits: int = 0, idle: int = 0
) -> bytes:
    return words(1, kernel, program, firmware, waits, idle, len(holds), *holds)


def end(code: dict[int, int] | None = None, *moves: tuple[int, ...]) -> bytes:
    """The end of a round."""
    pairs = [number for pair in (code or {}).items() for number in pair]
    return words(2, len(pairs) // 2, *pairs, 3, len(moves), *(each for move in moves for each in move))


def read(data: bytes) -> list[Round]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return list(rounds.rounds(Path(file.name)))


class Trace(unittest.TestCase):
    def test_a_round_has_the_windows_before_its_end(self):
        first, second = read(window(100) + end() + window(200, 7, 9) + window(300) + end())
        self.assertEqual([each.kernel for each in first.windows], [100])
        self.assertEqual([each.kernel for each in second.windows], [200, 300])
        self.assertEqual([list(each.holds) for each in second.windows], [[7, 9], []])

    def test_the_time_of_a_window_includes_the_firmware_and_idling_and_waits_once(self):
        [found] = read(window(100, program=20, firmware=3, waits=50, idle=1500) + end())
        [each] = found.windows
        self.assertEqual((each.idle, each.waits, each.time), (1.5, 50, 124.5))

    def test_a_round_has_the_code_and_the_moves(self):
        move = (0x1000, 0x1020, 0x10, 0x20, 8 | (4 + STORE) << 16, 3)
        [found] = read(window() + end({0x10: 5, 0x20: 6}, move))
        self.assertEqual(found.code, {0x10: 5, 0x20: 6})
        [move] = found.moves
        self.assertEqual((move.times, move.accesses.line), (3, 0x1000 // 64))
        self.assertEqual(move.accesses.first, Access(0x1020, 0x20, 4, True))
        self.assertEqual(move.accesses.second, Access(0x1000, 0x10, 8, False))
        self.assertTrue(move.accesses.is_false_sharing)

    def test_a_trace_that_ends_early_is_an_error(self):
        whole = window(200, 7, 9)
        for length in (8, len(whole) - 8):
            with self.assertRaisesRegex(ToolError, "ends early"):
                read(whole[:length])

    def test_an_unknown_record_is_an_error(self):
        with self.assertRaisesRegex(ToolError, "kind 9"):
            read(words(9))


class Rows(unittest.TestCase):
    def test_a_row_has_the_round_after_the_warm_up(self):
        found = read(b"".join(window(kernel) + end() for kernel in (10, 11, 12, 13)))
        rows = rounds.rows([("open", "1", "30000"), ("fork", "1", "100")], found)
        self.assertEqual([(row.name, row.operations) for row in rows], [("open", 300), ("fork", 1)])
        self.assertEqual([row.of_windows("kernel") for row in rows], [11 / 300, 13])

    def test_counts_of_an_operation_are_those_of_all_workers(self):
        both = window(100, 30) + window(200, 10) + end(None, (64, 64, 1, 2, 8, 6))
        [row] = rounds.rows([("open", "2", "200")], read(both * 2))
        self.assertEqual((row.operations, row.of_windows("kernel"), row.held, row.moves), (2, 150, 20, 3))

    def test_rounds_that_belong_to_no_row_are_an_error(self):
        with self.assertRaisesRegex(ToolError, "3 rounds"):
            rounds.rows([("open", "1", "1")], read((window() + end()) * 3))

    def test_a_round_without_a_worker_is_an_error(self):
        with self.assertRaisesRegex(ToolError, "1 windows of open, not 2"):
            rounds.rows([("open", "2", "1")], read((window() + end()) * 2))


if __name__ == "__main__":
    unittest.main()
