"""`./cotrap bench scale` prints throughputs as multiples of one hart's, and says which goals they miss."""

import json
import unittest
from pathlib import Path

from support import FakeBuild, called

from cotrap.bench import scale
from cotrap.bench.scale import Row

# What the program prints: a row, how many workers there were, and their operations a second.
PRINTS = r'printf "compute\t1\t1000\ncompute\t2\t1990\nmap\t1\t500\nmap\t2\t600\nmap\t4\t700\n"'


class Rows(unittest.TestCase):
    def test_a_row_misses_its_goal_if_two_harts_make_too_few_operations(self):
        for rate, missed in ((149, True), (150, False), (200, False)):
            with self.subTest(rate=rate):
                row = Row("open", {1: 100, 2: rate})
                self.assertAlmostEqual(row.times(2), rate / 100)
                self.assertEqual(row.is_missed, missed)

    def test_a_row_without_a_second_hart_misses_no_goal(self):
        self.assertFalse(Row("open", {1: 100}).is_missed)


class Command(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.build = FakeBuild()
        cls.addClassCleanup(cls.build.remove)

    def scale(self, *options, script=PRINTS):
        for program in scale.PROGRAMS:
            self.build.file(program, script)
        return called("bench", "scale", "--build", self.build.path, *options)

    def test_it_prints_each_row_with_its_multiples_and_its_goal(self):
        done = self.scale("--harts", "4")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        lines = {words[0]: words[1:] for line in done.stdout.decode().splitlines() if (words := line.split())}
        self.assertEqual(lines["compute"], ["1,000", "1.99", "–", "≥", "1.95"])
        self.assertEqual(lines["map"], ["500", "1.20", "1.40", "missed", "≥", "1.5"])

    def test_json_has_the_rates_of_each_number_of_harts(self):
        file = self.build.path / "scale.json"
        done = self.scale("--json", file)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        results = {each["name"]: each for each in json.loads(Path(file).read_text())["results"]}
        self.assertEqual(results["map"]["operations_a_second"], {"1": 500, "2": 600, "4": 700})
        self.assertEqual(results["map"]["goal"], 1.5)

    def test_it_refuses_unknown_rows_and_options_without_effect(self):
        for options, word in (
            (("nothing",), "no row 'nothing'"),
            (("--time",), "leave out --time"),
            (("--save", "x.json"), "leave out --save"),
        ):
            with self.subTest(options=options):
                done = self.scale(*options)
                self.assertEqual(done.returncode, 2)
                self.assertIn(word, done.stderr.decode())

    def test_a_program_that_prints_no_row_is_an_error(self):
        done = self.scale(script="true")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("printed no results", done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
