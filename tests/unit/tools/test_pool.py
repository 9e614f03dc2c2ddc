"""`./cotrap bench pool` prints HostPool's figures beside TBB's, and says which goals they miss."""

import json
import unittest
from pathlib import Path

from support import FakeBuild, called

from cotrap.bench import pool
from cotrap.bench.pool import Row

# What the program prints for each workload: ways, threads, ns by the clock, ns of the processors.
PRINTS = r"""case $3 in
  fib) printf "fib\tpool\t1\t40.0\t41.0\nfib\tpool\t2\t20.0\t44.0\nfib\ttbb\t1\t75.0\t75.5\n" ;;
  skynet) printf "skynet\tpool\t1\t30.0\t31.0\nskynet\tpool\t2\t20.0\t32.0\n" ;;
  channel.pair) printf "channel.pair\tpool\t1\t3.0\t3.0\nchannel.pair\tpool\t2\t12.0\t12.5\n" ;;
  *) printf "mutex\tpool\t1\t3.0\t3.0\nmutex\tpool\t2\t12.0\t12.5\n" ;;
esac"""
WITHOUT_TBB = r'printf "fib\tpool\t1\t40.0\t41.0\nfib\tpool\t2\t20.0\t44.0\n"'


class Rows(unittest.TestCase):
    def test_a_row_with_a_goal_misses_it_if_two_threads_are_too_slow(self):
        for two, missed in ((20.0, False), (22.2, False), (22.3, True)):
            self.assertEqual(Row("fib", {1: 40.0, 2: two}, {}).is_missed, missed)
            self.assertEqual(Row("mutex", {1: 40.0, 2: two}, {}).is_missed, missed)
            self.assertFalse(Row("mutex.held", {1: 40.0, 2: two}, {}).is_missed)

    def test_a_row_without_a_second_thread_has_no_ratio(self):
        self.assertIsNone(Row("fib", {1: 40.0}, {}).ratio)


class Command(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.build = FakeBuild()
        cls.addClassCleanup(cls.build.remove)

    def pool(self, *options, script=PRINTS):
        self.build.file(str(pool.PROGRAM), script)
        return called("bench", "pool", *options, "--build", self.build.path)

    def test_it_prints_each_row_with_its_ratio_its_goal_and_tbb(self):
        done = self.pool("fib", "skynet", "mutex", "channel.pair")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        lines = {}
        for line in done.stdout.decode().splitlines():
            if words := line.split():
                lines.setdefault(words[0], words[1:])
        self.assertEqual(lines["fib"], ["40.0", "20.0", "75.0", "–", "2.00", "≥", "1.8"])
        self.assertEqual(lines["skynet"], ["30.0", "20.0", "–", "–", "1.50", "missed", "≥", "1.8"])
        self.assertEqual(lines["mutex"], ["3.0", "12.0", "–", "–", "0.25", "missed", "≥", "1.8"])
        self.assertEqual(lines["channel.pair"], ["3.0", "12.0", "–", "–", "0.25"])

    def test_without_tbb_it_says_how_to_install_it(self):
        done = self.pool("fib", script=WITHOUT_TBB)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertNotIn("TBB 1", done.stdout.decode())
        self.assertIn("libtbb-dev", done.stderr.decode())

    def test_json_has_the_figures_of_both(self):
        file = self.build.path / "pool.json"
        done = self.pool("fib", "--json", file)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        (fib,) = json.loads(Path(file).read_text())["results"]
        self.assertEqual(fib["ns"], {"1": 40.0, "2": 20.0})
        self.assertEqual(fib["tbb_ns"], {"1": 75.0})
        self.assertEqual(fib["ratio"], 2.0)

    def test_it_refuses_unknown_rows_and_options_without_effect(self):
        for options, word in (
            (("nothing",), "no row 'nothing'"),
            (("--icount",), "leave out --icount"),
        ):
            with self.subTest(options=options):
                done = self.pool(*options)
                self.assertEqual(done.returncode, 2)
                self.assertIn(word, done.stderr.decode())

    def test_a_failing_program_is_an_error_with_its_message(self):
        done = self.pool("fib", script="echo 'fib: wrong result 3' >&2; exit 1")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("wrong result 3", done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
