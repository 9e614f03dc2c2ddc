"""`./cotrap sim --merge` merges files of one sweep, and refuses others with the place."""

import contextlib
import csv
import io
import random
import unittest
from pathlib import Path

from simulating import BUILD, InAFolder
from support import called

from cotrap.errors import UsageError
from cotrap.sim import merge, page, simulator, table

TWO = "class a\n arrive every 10ms\n run 4ms\nclass b\n arrive every 20ms\n run 4ms\n"


class Merge(InAFolder):
    def made(self, name: str, *options: str, text: str = TWO) -> Path:
        """Writes a file of seeds 1 and 2 under fifo: two classes, so four rows, in lines 2 to 5."""
        workload, path = self.file(text), self.folder / name
        words = ("--policy", "fifo", "--seeds", "1..2", "--duration", "0.1", *options)
        done = called("sim", workload, "--build", BUILD, *words, "--csv", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path

    def edited(self, path: Path, line: int, **cells: str) -> Path:
        """Writes a copy with changed cells in one line; _ in a column's name is a blank."""
        with open(path, newline="") as file:
            rows = list(csv.DictReader(file))
        rows[line - 2] |= {name.replace("_", " "): text for name, text in cells.items()}
        copy = self.folder / "edited.csv"
        with open(copy, "w", newline="") as file:
            out = csv.DictWriter(file, rows[0])
            out.writeheader()
            out.writerows(rows)
        return copy

    def refused(self, *paths: Path) -> str:
        with self.assertRaises(UsageError) as raised:
            merge.read(list(paths))
        reported = str(raised.exception)
        self.assertNotIn("\n", reported)
        return reported.replace(f"{self.folder}/", "")

    def warned(self, *paths: Path) -> str:
        with contextlib.redirect_stderr(io.StringIO()) as printed:
            merge.read(list(paths))
        return printed.getvalue()

    def test_a_duplicate_run_is_reported_with_both_places(self):
        one = self.made("one.csv")
        other = self.made("other.csv", "--seeds", "2..3")
        reported = "other.csv:2: fifo, seed 2, class a, is also in one.csv:4: give it once"
        self.assertEqual(self.refused(one, other), reported)
        self.assertIn("also in one.csv:2: ", self.refused(one, one))

    def test_missing_seeds_between_others_are_reported(self):
        one, other = self.made("one.csv"), self.made("other.csv", "--seeds", "7..8")
        self.assertIn("there is no run with seed 3..6: is a shard missing?", self.warned(one, other))
        other = self.made("other.csv", "--seeds", "4..5")
        self.assertIn("there is no run with seed 3: is a shard missing?", self.warned(one, other))

    def test_files_may_be_of_as_many_harts_as_the_simulator_has(self):
        one = self.made("one.csv", "--harts", "1024")
        self.assertEqual(self.warned(one, self.made("other.csv", "--harts", "1024", "--seeds", "3..4")), "")

    def test_files_of_different_sweeps_are_reported_with_the_difference(self):
        one = self.made("one.csv")
        for option, value, reported in (
            ("--harts", "2", "harts is 2, but 1 in one.csv:2"),
            ("--duration", "0.2", "duration is 200000000, but 100000000 in one.csv:2"),
            ("--slice", "3", "slice is 3000000, but 4000000 in one.csv:2"),
            ("--cost", "ipi=7", "ipi is 7, but 0 in one.csv:2"),
        ):
            with self.subTest(option=option):
                other = self.made("other.csv", option, value, "--seeds", "3..4")
                self.assertIn(f"other.csv:2: {reported}", self.refused(one, other))
        longer = TWO.replace("run 4ms", "run 5ms")
        other = self.made("other.csv", "--seeds", "3..4", text=longer)
        self.assertRegex(self.refused(one, other), r"other.csv:2: workload's file is \w{16}, but")
        self.assertEqual(self.warned(one, self.made("good.csv", "--seeds", "3..4")), "")

    def test_another_file_of_arrivals_makes_another_workload(self):
        times = self.folder / "times"
        workload = self.folder / "traced.workload"
        workload.write_text("class a\n  arrive trace times # in ms\n run 1ms\n")
        times.write_text("1ms\n")
        before = simulator.fingerprint(workload)
        self.assertEqual(before, simulator.fingerprint(workload))
        times.write_text("2ms\n")
        self.assertNotEqual(before, simulator.fingerprint(workload))

    def test_a_run_with_a_missing_class_is_reported(self):
        one = self.made("one.csv")
        lines = one.read_text().splitlines(keepends=True)
        one.write_text("".join(lines[:4]))
        self.assertEqual(self.refused(one), "one.csv:4: fifo, seed 2, has no row of class b")

    def test_policies_with_different_seeds_give_a_warning(self):
        one = self.made("one.csv")
        other = self.made("other.csv", "--policy", "edf", "--seeds", "1..1")
        self.assertIn("policies have different seeds (fifo 2, edf 1)", self.warned(one, other))

    def test_a_wrong_cell_is_reported_with_its_line_and_column(self):
        one = self.made("one.csv")
        for cells, reported in (
            ({"response_buckets": "99999:1"}, "response buckets: '99999:1' is not BUCKET:TIMES"),
            ({"response_buckets": "3:1 3:2"}, "response buckets: a bucket appears twice"),
            ({"latency_buckets": "3:0"}, "latency buckets: '3:0' is not BUCKET:TIMES"),
            ({"latency_buckets": "-3:1"}, "latency buckets: '-3' is not a whole number"),
            ({"seed": "x"}, "seed: 'x' is not a whole number"),
            ({"seed": "9" * 5000}, "seed: '9999"),
            ({"queue": "nan"}, "queue: 'nan' is not a number"),
            ({"queue": "1e999"}, "queue: inf is larger than 2^64"),
            ({"slowdown": "-1"}, "slowdown: '-1' is not a number"),
            ({"duration": "0"}, "duration is 0"),
            ({"policy": ""}, "policy: '' is not a name"),
            ({"class": "a\nb"}, "is not a name"),
        ):
            with self.subTest(cells=cells):
                self.assertRegex(self.refused(self.edited(one, 3, **cells)), r"edited.csv:\d: ")
                self.assertIn(reported, self.refused(self.edited(one, 3, **cells)))

    def test_classes_may_have_any_names(self):
        one = self.made("one.csv", text=TWO.replace("class a", "class a\u2028b\x85c,\"d"))
        names = [row["class"] for row in merge.read([one])]
        self.assertEqual(names, ["a\u2028b\x85c,\"d", "b"] * 2)

    def test_a_truncated_file_is_reported_with_its_line(self):
        one = self.made("one.csv")
        whole = one.read_bytes()
        one.write_bytes(whole[:-4])  # in the last number of the last bucket, say
        self.assertEqual(self.refused(one), "one.csv:5: the file is cut short: copy it again")
        one.write_bytes(whole[: whole.rfind(b",")] + b"\r\n")
        self.assertRegex(self.refused(one), r"one.csv:5: \d+ cells instead of \d+")

    def test_files_of_other_formats_are_refused(self):
        path = self.folder / "other"
        for data in (b"", b"\0\xff" * 99, b"a,b\r\n", b'"' * 9, b"x" * 200_000, b"\n"):
            with self.subTest(data=data[:9]):
                path.write_bytes(data)
                reported = "other: not a file that `./cotrap sim --csv` has written"
                self.assertEqual(self.refused(path), reported)
        self.assertIn("not a file that `./cotrap sim --csv`", self.refused(self.folder))
        self.assertIn("not a file", self.refused(Path("/dev/zero")))

    def test_any_file_is_merged_or_refused_in_one_line(self):
        one = self.made("one.csv")
        whole, chance = one.read_bytes(), random.Random(1)
        begin = whole.index(b"\n") + 1
        pieces = (b",", b'"', b"\n", b"-", b"1e999", b"nan", b"9" * 30, b":", b"\0", b"\xff", b"")
        for _ in range(300):
            place = chance.randrange(begin, len(whole))
            rest = whole[place + chance.choice((0, 1, 9)) :]
            one.write_bytes(whole[:place] + chance.choice(pieces) + rest)
            try:
                with contextlib.redirect_stderr(io.StringIO()):
                    found = merge.read([one])
            except UsageError as error:
                self.assertRegex(str(error), r"^[^\n]*one.csv[^\n]*$")
            else:
                table.tables(found)
                page.page(found, "mine", {})


if __name__ == "__main__":
    unittest.main()
