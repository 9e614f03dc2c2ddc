"""`./cotrap bench stackful` puts the counts of the plugin beside the rows of the program."""

import unittest
from unittest import mock

from support import FakeBuild, called

from cotrap.bench import stackful
from cotrap.bench.stackful import Figure, figures
from cotrap.errors import ToolError

OUTPUT = """memory\tstackless\t1000\t98000
switch@16\tstackless\t8000
memory\tstackful\t1000\t4500000
switch@16\tstackful\t8000
"""
WINDOWS = [(400_000, 200_000, 0), (1_600_000, 800_000, 56_000)]


class Figures(unittest.TestCase):
    def test_a_window_is_divided_by_the_operations_of_its_row(self):
        found = figures(OUTPUT, WINDOWS)
        self.assertIn(Figure("switch@16", "stackless", "instructions", 50), found)
        self.assertIn(Figure("switch@16", "stackful", "cache misses", 7), found)

    def test_memory_has_no_window(self):
        self.assertIn(Figure("memory", "stackful", "bytes", 4500), figures(OUTPUT, WINDOWS))

    def test_a_missing_window_is_an_error(self):
        self.assertRaises(ToolError, figures, OUTPUT, WINDOWS[:1])


class Table(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.build = FakeBuild()
        cls.addClassCleanup(cls.build.remove)

    def table(self, *options):
        return called("bench", "stackful", "--build", self.build.path, *options)

    def test_a_row_shows_both_kinds_and_their_ratio(self):
        with mock.patch.object(stackful, "measure", return_value=figures(OUTPUT, WINDOWS)):
            shown = self.table().stdout
            self.assertRegex(shown, rb"(?m)^  switch@16 +instructions +50 +200 +4\.0$")
            self.assertRegex(shown.decode(), r"(?m)^  switch@16 +cache misses +0 +7 +–$")
            self.assertNotIn(b"switch", self.table("memory").stdout)

    def test_what_has_no_effect_is_refused(self):
        for options, why in (
            (("fork",), b"no row 'fork'"),
            (("--harts", "2"), b"counts on one hart"),
            (("--time",), b"leave out --time"),
        ):
            done = self.table(*options)
            self.assertEqual(done.returncode, 2)
            self.assertIn(why, done.stderr)

    def test_a_build_without_the_plugin_is_an_error(self):
        self.assertIn(b"cotrap_stackful` builds it", self.table().stderr)


if __name__ == "__main__":
    unittest.main()
