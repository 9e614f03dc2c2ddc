"""The rows of many runs become means with confidence intervals, tables and pages."""

import re
import unittest

from support import ROOT

from cotrap.sim import page, table
from cotrap.sim.rows import COLUMNS, Row
from cotrap.sim.summary import Figure


class Summary(unittest.TestCase):
    def test_confidence_intervals_use_students_t(self):
        # With standard deviation 1, half the interval is 2.262 / sqrt(10) for ten values and 4.303 / sqrt(3)
        # for three.
        ten = [-1.0, 1.0] * 5
        deviation = (10 / 9) ** 0.5
        self.assertAlmostEqual(Figure.of(ten).half, 2.262 * deviation / 10**0.5, delta=0.005)
        self.assertAlmostEqual(Figure.of([0.0, 1.0, 2.0]).half, 4.303 / 3**0.5, delta=0.005)
        four = Figure.of([0.0, 2.0, 2.0, 0.0])
        self.assertAlmostEqual(four.half, 3.182 * (4 / 3) ** 0.5 / 2, delta=0.02)
        self.assertIsNone(Figure.of([5.0]).half)

    def test_the_number_of_passes_over_the_rows_does_not_depend_on_the_classes(self):
        class Counted(list):
            times = 0

            def __iter__(self):
                self.times += 1
                return super().__iter__()

        def times(classes: int) -> int:
            values = dict.fromkeys(COLUMNS, 1) | {"policy": "fifo"}
            values |= {"latency buckets": {}, "response buckets": {}}
            rows = Counted(Row(values | {"class": f"c{each}"}) for each in range(classes))
            self.assertEqual(table.tables(rows).count("\n"), classes + 4)
            page.page(rows, "many", {})
            return rows.times

        self.assertEqual(times(50), times(2))

    def test_tables_and_charts_use_the_same_units(self):
        script = (ROOT / "cmake" / "tools" / "cotrap" / "charts.js").read_text()
        units = re.findall(r'\[(1e?\d*), "(\w+)"\]', re.search(r"const SIZES = (.*);", script)[1])
        self.assertEqual(len(units), 4)
        for size, unit in units:
            self.assertEqual(table.time(float(size) * 2), f"2 {unit}")


if __name__ == "__main__":
    unittest.main()
