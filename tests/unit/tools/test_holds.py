"""`./cotrap bench scale --icount` counts holds of the strand."""

import unittest
from array import array

import support  # noqa: F401  (sets the search path)

from cotrap.bench import holds
from cotrap.bench.holds import Row
from cotrap.bench.rounds import Counted, Round, Window


class Rows(unittest.TestCase):
    def test_a_row_counts_the_holds_of_all_workers(self):
        windows = tuple(Window(100, 20, 3, 0, 0, array("Q", holds)) for holds in ([4, 5], [4]))
        row = holds.row_of(Counted("open", 2, 300, Round(windows, {}, ())))
        self.assertEqual((row.name, row.operations), ("open", 300))
        self.assertEqual((row.instructions, row.holds), (240, ((4, 2), (5, 1))))

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


if __name__ == "__main__":
    unittest.main()
