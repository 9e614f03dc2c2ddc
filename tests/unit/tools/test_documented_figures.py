"""The figures, goals and limits in tables of the pages are those of the record and of the sources."""

import ast
import re
import unittest
from pathlib import Path

from support import ROOT

from cotrap.bench import pool
from cotrap.bench.catalogue import BENCHMARKS
from cotrap.bench.compare import TOLERANCE
from cotrap.bench.goals import POOL, THROUGHPUTS
from cotrap.bench.results import BYTES, INSTRUCTIONS
from cotrap.reference.costs import record

README, BENCHMARKS_PAGE = ROOT / "README.md", ROOT / "docs" / "benchmarks.md"
# The rows of README's table, by the beginning of their first cell.
ROWS_OF_README = {
    "a system call": "syscall.null",
    "two `sched_yield`": "yield.process",
    "a byte to another process": "ipc.pipe",
    "a futex wake": "ipc.futex",
    "a thread begins": "spawn.thread",
    "`fork`, `execve`": "spawn.process",
    "a zero-fill page fault": "fault.zero",
    "a kernel coroutine's yield": "switch.coroutine@1000",
    "a kernel coroutine that waits": "memory.coroutine",
}
_GROWTH_OF_ADDRESSES = "growth.futex"  # depends on the kernel's addresses
_LOOSE = 0.25
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def numbers(cell: str) -> list[float]:
    return [float(each.replace(",", "")) for each in _NUMBER.findall(cell)]


def table(page: Path, head: str) -> list[list[str]]:
    """The cells of the page's only table whose first line begins with `head`, without its head."""
    parts = page.read_text().split(f"\n{head}")
    if len(parts) != 2:
        raise ValueError(f"{page.name} has {len(parts) - 1} tables with the head {head}")
    lines = parts[1].split("\n")[2:]
    end = next(at for at, line in enumerate(lines) if not line.startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:end]]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def constant(path: Path, name: str):
    """A constant of a Python source that cannot be imported here."""
    found = (each for each in ast.parse(path.read_text()).body if isinstance(each, ast.Assign))
    value = next(each.value for each in found if ast.unparse(each.targets[0]) == name)
    return eval(compile(ast.Expression(value), path.name, "eval"), {})


class Figures(unittest.TestCase):
    recorded = {each.name: each.value for each in record().results if each.unit in (INSTRUCTIONS, BYTES)}

    def check(self, name: str, shown: float) -> None:
        value = self.recorded[name]
        share = _LOOSE if name.startswith(_GROWTH_OF_ADDRESSES) else TOLERANCE
        with self.subTest(name):
            self.assertLessEqual(abs(shown - value), max(share * value, 0.5), f"{shown} for {value}")

    def check_goal(self, name: str, cell: str, goal: float | None) -> None:
        with self.subTest(name):
            self.assertEqual(numbers(cell)[:1], [goal] if goal else [])
            if goal:
                self.assertEqual("missed" in cell, self.recorded[name] > goal)

    def test_the_table_of_readme_shows_the_record(self):
        rows = table(README, "| | instructions |")
        self.assertEqual(len(rows), len(ROWS_OF_README))
        for row, (begin, name) in zip(rows, ROWS_OF_README.items()):
            self.assertEqual(row[0][: len(begin)], begin)
            self.check(name, numbers(row[1])[0])
            if name != "memory.coroutine":  # its goal is not in the table
                self.check_goal(name, row[2], BENCHMARKS[name].goal)

    def test_the_tables_of_benchmarks_show_the_record(self):
        heads = ("| | Cotrap | Linux |", "| | one hart | two | goal", "| instructions | `call`, `shared` |")
        for head in heads:
            rows = table(BENCHMARKS_PAGE, head)
            self.assertGreater(len(rows), 7, head)
            for first, shown, *_ in rows:
                self.check(*names(first), *numbers(shown))

    def test_growth_shows_the_record_and_its_goals(self):
        rows = table(BENCHMARKS_PAGE, "| row | operation | beside |")
        shown = set()
        for first, _, _, few, many, goal in rows:
            (name,) = names(first)
            both = sorted((each for each in BENCHMARKS if each.startswith(f"{name}@")), key=len)
            for each, cell in zip(both, (few, many), strict=True):
                self.check(each, *numbers(cell))
            self.check_goal(both[1], goal, BENCHMARKS[both[1]].goal)
            shown |= set(both)
        self.assertEqual(shown, {each for each in BENCHMARKS if each.startswith("growth.")})

    def test_the_missed_goals_are_those_of_the_record(self):
        shown = set()
        for first, goal, now, _ in table(BENCHMARKS_PAGE, "| | goal | now |"):
            if "hosted" in first:
                continue
            for name in names(first):
                self.check(name, *numbers(now))
                self.assertEqual(numbers(goal), [BENCHMARKS[name].goal], name)
                shown.add(name)
        goals = {name: each.goal for name, each in BENCHMARKS.items() if each.goal and name in self.recorded}
        self.assertEqual(shown, {name for name, goal in goals.items() if self.recorded[name] > goal})

    def test_goals_on_several_harts_are_those_of_the_catalogue(self):
        rows = {names(row[0])[0]: row[3] for row in table(BENCHMARKS_PAGE, "| | one hart | two | goal")}
        for name, benchmark in BENCHMARKS.items():
            if benchmark.goal_on_several:
                self.assertEqual(numbers(rows[name]), [benchmark.goal_on_several], name)


class Limits(unittest.TestCase):
    def test_the_limits_of_throughputs_are_those_of_the_test_scaling(self):
        script = ROOT / "tests" / "system" / "scaling.py"
        least, least_of = constant(script, "LEAST"), constant(script, "LEAST_OF")
        shown = set()
        for first, *_, limits, _ in table(BENCHMARKS_PAGE, "| | 2 | 4 | 8 |"):
            for name in names(first):
                its = least_of.get(name, least)
                self.assertEqual(numbers(limits), [its[2], its[8]], name)
                shown.add(name)
        self.assertEqual(shown, set(THROUGHPUTS))

    def test_the_limits_of_the_kernels_size_are_those_of_the_test_figures(self):
        script, page = ROOT / "tests" / "system" / "figures.py", (ROOT / "docs" / "testing.md").read_text()
        for name, what in (("TEXT_LIMIT", "code"), ("DATA_LIMIT", "data")):
            self.assertIn(f"{what} has at most {constant(script, name) // 1024} KiB", page)

    def test_the_operations_and_goals_of_pools_are_those_of_the_command(self):
        page = ROOT / "async" / "README.md"
        operations = {names(first)[0]: text for first, text in table(page, "| | one operation |")}
        self.assertEqual(operations, pool.OPERATIONS)
        rows = table(page, "| | 1 thread | 2 threads |")
        goals = {names(row[0])[0]: numbers(row[4]) for row in rows}
        self.assertEqual(goals, {name: [POOL[name]] if name in POOL else [] for name in pool.OPERATIONS})


if __name__ == "__main__":
    unittest.main()
