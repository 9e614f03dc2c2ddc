"""`./cotrap bench scale` with --icount, --profile and --lines prints counted throughputs and their causes."""

import json
import unittest
from array import array
from unittest import mock

from support import FakeBuild, called

from cotrap.bench import rounds, scale, scaling
from cotrap.bench.conflicts.naming import Named, Variable
from cotrap.bench.conflicts.trace import Access, Conflict
from cotrap.bench.rounds import Counted, Move, Round, Window

MOVE = Conflict(1, Access(64, 0x10, 8, True), Access(64, 0x20, 8, False), False)


def counted(
    name: str,
    workers: int,
    kernel: int,
    *holds: int,
    operations: int = 1,
    idle: float = 0,
    waits: int = 0,
    code: dict[int, int] | None = None,
    moves: int = 0,
) -> Counted:
    """Each worker has made `operations` operations."""
    windows = (Window(kernel, 0, 0, waits, idle, array("Q", holds)),) * workers
    found = Round(windows, code or {}, (Move(MOVE, moves),) if moves else ())
    return Counted(name, workers, operations * workers, found)


def throughput(*found: Counted) -> list[float]:
    return [row.throughput for row in scaling.rows(list(found))]


class Throughput(unittest.TestCase):
    def test_harts_that_do_not_wait_make_as_many_times_the_operations(self):
        self.assertEqual(throughput(counted("open", 1, 100), counted("open", 8, 100)), [1, 8])

    def test_instructions_of_waits_and_idle_time_count(self):
        both = counted("open", 1, 100), counted("open", 4, 150, waits=50, idle=50)
        self.assertEqual(throughput(*both), [1, 2])

    def test_it_is_at_most_that_of_holds_one_after_the_other(self):
        rows = scaling.rows([counted("open", 1, 100, 25), counted("open", 8, 100, 25)])
        self.assertEqual([(row.at_most, row.throughput) for row in rows], [(4, 1), (4, 4)])

    def test_only_several_harts_can_be_worse(self):
        rows = scaling.rows([counted("open", 1, 100), counted("open", 2, 199), counted("open", 4, 401)])
        self.assertEqual([row.is_worse for row in rows], [False, False, True])

    def test_harts_that_make_no_operation_are_worse(self):
        [_, row] = scaling.rows([counted("open", 1, 100), counted("open", 2, 100, operations=0)])
        self.assertTrue(row.is_worse)

    def test_rows_with_the_same_name_are_together(self):
        found = [counted(name, workers, 1) for workers in (1, 2) for name in ("open", "fork")]
        order = [(row.name, row.harts) for row in scaling.rows(found)]
        self.assertEqual(order, [("open", 1), ("open", 2), ("fork", 1), ("fork", 2)])


class Goals(unittest.TestCase):
    def goals(self, *found: Counted) -> list[list[tuple[str, bool]]]:
        return [row.goals("riscv64") for row in scaling.rows(list(found))]

    def test_two_harts_have_the_goals_of_the_throughput_by_the_clock(self):
        for kernel, missed in ((130, False), (134, True)):
            with self.subTest(kernel=kernel):
                found = counted("open", 1, 100), counted("open", 2, kernel), counted("open", 4, kernel)
                self.assertEqual(self.goals(*found), [[], [("≥ 1.5", missed)], []])

    def test_an_operation_has_the_goal_of_the_same_benchmark_on_each_number_of_harts(self):
        found = counted("getppid", 1, 80), counted("getppid", 2, 80), counted("getppid", 8, 81)
        most = "≤ 80 instructions"
        self.assertEqual(self.goals(*found), [[], [("≥ 1.95", False), (most, False)], [(most, True)]])

    def test_only_riscv64_has_goals_in_instructions(self):
        for machine in ("pc", "riscv64-nommu"):
            [_, row] = scaling.rows([counted("getppid", 1, 80), counted("getppid", 2, 80)])
            self.assertEqual(row.goals(machine), [("≥ 1.95", False)], machine)

    def test_idle_time_is_no_part_of_the_instructions(self):
        [_, [_, most]] = self.goals(counted("getppid", 1, 80), counted("getppid", 2, 80, idle=5))
        self.assertEqual(most, ("≤ 80 instructions", False))


class Functions(unittest.TestCase):
    def test_the_function_that_grows_most_is_first_and_has_its_parts(self):
        stacks = {
            0x10: ["__cxx_atomic_load<int>", "platform::relax", "LeafLock::take", "fault"],
            0x20: ["fault"],
            0x30: ["madvise"],
        }
        one = counted("fault", 1, 0, code={0x20: 10, 0x30: 50})
        two = counted("fault", 2, 0, code={0x10: 60, 0x20: 22, 0x30: 100})
        found = scaling.growths(one, two, stacks)
        [(fault, parts), (madvise, _)] = found
        self.assertEqual((fault.function, fault.more), ("fault", 31))
        self.assertEqual((madvise.function, madvise.more), ("madvise", 0))
        self.assertEqual([(each.function, each.one, each.several) for each in parts],
                         [("LeafLock::take", 0, 30), ("fault", 10, 11)])  # fmt: skip


class Command(unittest.TestCase):
    FOUND = (
        counted("open", 1, 100),
        counted("fork", 1, 1000, 200),
        counted("open", 2, 100, operations=9),
        counted("fork", 2, 2500, 200, 500, waits=700, moves=5),
    )

    @classmethod
    def setUpClass(cls):
        cls.build = FakeBuild()
        cls.addClassCleanup(cls.build.remove)
        for program in scale.PROGRAMS:
            cls.build.file(program, "true")

    def scale(self, *options):
        return called("bench", "scale", *options, "--build", self.build.path)

    def counted(self, *options) -> list[list[str]]:
        """The words of the lines of the output."""
        with mock.patch.object(rounds, "measure", return_value=list(self.FOUND)) as self.measured:
            done = self.scale(*options)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return [line.split() for line in done.stdout.decode().splitlines()]

    def test_it_prints_what_an_operation_costs_and_the_throughput(self):
        file = self.build.path / "scale.json"
        lines = self.counted("--icount", "--json", file)
        self.assertIn(["fork", "1", "1", "1,000.0"], [line[:4] for line in lines])
        worse = "2 2 2,500.0 0.0 0.0 700.0 0.0 2.5 1.4 0.80 worse than one hart missed ≥ 1.5".split()
        self.assertIn(worse, lines)
        self.assertIn("worse on several harts than on one: fork".split(), lines)
        results = {(each["name"], each["harts"]): each for each in json.loads(file.read_text())["results"]}
        self.assertEqual(results["fork", 2]["throughput"], 0.8)
        self.assertEqual(results["fork", 2]["throughput_goal"], 1.5)
        self.assertIsNone(results["fork", 1]["throughput_goal"])
        self.assertEqual(results["fork", 2]["holds"], [[200, 2], [500, 2]])

    def test_it_prints_the_holds_of_the_most_harts(self):
        lines = self.counted("--icount")
        self.assertIn(["open", "18", "0.00", "0.0%"], lines)
        self.assertIn(["fork", "2", "2.00", "28.0%", "3.6", "200", "500", "500", "175", "493"], lines)

    def test_it_counts_one_two_and_four_workers_up_to_the_harts(self):
        for harts, workers in (("1", [1, 2]), ("6", [1, 2, 4, 6]), ("8", [1, 2, 4, 8])):
            self.counted("--icount", "--harts", harts)
            self.assertEqual(self.measured.call_args.args[-1], workers)

    def test_profile_prints_the_functions_that_grow(self):
        found = [counted("open", 1, 10, code={0x10: 10}), counted("open", 2, 30, code={0x10: 60})]
        with (
            mock.patch.object(rounds, "measure", return_value=found),
            mock.patch.object(scaling, "stacks_at", return_value={0x10: ["look_up"]}),
        ):
            done = self.scale("--profile")
        lines = [line.split() for line in done.stdout.decode().splitlines()]
        self.assertIn(["20.0", "30.0", "10.0", "look_up"], lines)

    def test_lines_prints_the_variables_whose_lines_move(self):
        named = Named(Variable("Strand::taken_", True), ("leave", "share"), False)
        file = self.build.path / "lines.json"
        with (
            mock.patch.object(rounds, "measure", return_value=[self.FOUND[-1]]),
            mock.patch.object(scaling, "Names", return_value=mock.Mock(of=lambda _: named)),
        ):
            done = self.scale("--lines", "fork", "--json", file)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        lines = [line.split() for line in done.stdout.decode().splitlines()]
        self.assertIn(["2.50", "0.00", "Strand::taken_"], lines)
        self.assertIn(["2.50", "from", "leave", "to", "share"], lines)
        [result] = json.loads(file.read_text())["results"]
        self.assertEqual(result["variables"][0]["functions"], [["leave", "share", 2.5]])

    def test_it_refuses_the_hosted_machine(self):
        for option in ("--icount", "--profile", "--lines"):
            done = self.scale(option, "--machine", "hosted")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"{option} needs QEMU".encode(), done.stderr)
            done = self.scale(option, "--machine", "riscv64-pmp")
            self.assertEqual(done.returncode, 2)
            self.assertIn(f"scale {option} needs a plugin".encode(), done.stderr)

    def test_it_refuses_options_without_effect(self):
        for options, word in (
            (("bench", "scale", "--profile", "--json", "x.json"), b"leave out --json"),
            (("bench", "fault", "--lines"), b"--lines works only with scale"),
            (("bench", "conflicts", "--lines"), b"leave out --lines"),
        ):
            done = called(*options)
            self.assertEqual(done.returncode, 2)
            self.assertIn(word, done.stderr)

    def test_without_the_tracer_it_says_how_to_build_it(self):
        done = self.scale("--icount")
        self.assertEqual(done.returncode, 125, done.stderr)
        self.assertIn(b"cotrap_scale` builds it", done.stderr)


if __name__ == "__main__":
    unittest.main()
