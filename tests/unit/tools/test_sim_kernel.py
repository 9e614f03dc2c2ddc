"""Workloads in the kernel: the plan, the results and the recorded decisions."""

import tempfile
import unittest
from pathlib import Path
from unittest import mock

from simulating import BUILD

from cotrap import bootargs, build, options, preparation
from cotrap.errors import UsageError
from cotrap.sim import decisions, kernel, simulator
from cotrap.sim.host_load import HostLoad
from cotrap.trace.recording import Event, Kind, Recording


def _asked(*words: str):
    return options.parser().parse_args(["run", *words])


class InTheKernel(unittest.TestCase):
    def test_included_workloads_are_recognised_and_programs_are_not(self):
        for name in ("web", "mine.workload", "a/mine.workload"):
            self.assertTrue(simulator.is_workload(Path(name)), name)
        for name in ("ls", "a/web"):
            self.assertFalse(simulator.is_workload(Path(name)), name)
        self.assertFalse(simulator.is_workload(None))

    def test_commands_for_programs_say_how_to_run_a_workload(self):
        for command in ("trace", "top", "debug"):
            for name in ("web", "mine.workload"):
                arguments = options.parser().parse_args([command, name])
                with self.assertRaisesRegex(
                    UsageError, f"{name} is a workload: `./cotrap run {name} --trace FILE` writes its timeline"
                ):
                    preparation.prepare(arguments, False)

    def test_if_the_kernel_is_not_rebuilt_neither_is_the_simulator(self):
        folder = mock.patch.object(simulator, "preset_folder", return_value=Path(BUILD))
        made = mock.patch.object(simulator.build, "make", return_value=Path("made"))
        with folder, made:
            taken = simulator.program_for_kernel(_asked("--build", "some/folder"))
            self.assertEqual(taken, Path(BUILD, "async/sim/cotrap_sim"))
            for words in ((), ("--build", "riscv64-release")):
                taken = simulator.program_for_kernel(_asked(*words))
                self.assertEqual(taken, Path("made/async/sim/cotrap_sim"))
        with mock.patch.object(simulator, "preset_folder", return_value=Path("none")), made:
            taken = simulator.program_for_kernel(_asked("--build", "f"))
            self.assertEqual(taken, Path("made/async/sim/cotrap_sim"))

    def test_a_header_selects_its_policy_in_the_kernel_unless_another_is_named(self):
        with tempfile.NamedTemporaryFile("w", suffix=".h") as file:
            file.write("class Mine : Rules {\n static constexpr const char* name = \"mine\";\n};\n")
            file.flush()
            header = ("--policy-header", f"{file.name}:Mine")
            for words, policy in (
                ((), "mine"),
                (("--policy", "mine"), "mine"),
                (("--policy", "edf"), "edf"),
                (("--append", "policy=fifo"), "fifo"),
            ):
                for order in ((*header, *words), (*words, *header)):
                    with self.subTest(order=order):
                        self.assertEqual(bootargs.policy(_asked(*order).append), policy)
            for words, message in (
                (("--policy", "mine"), "there is no policy 'mine'"),
                ((*header, "--policy", "best"), "there is no policy 'best'"),
                ((header[0], f"{file.name}:Yours"), "no class Yours with"),
            ):
                with self.assertRaisesRegex(UsageError, message):
                    _asked(*words)
            with self.assertRaisesRegex(UsageError, "without --build"):
                build.chosen(_asked(*header, "--build", "hosted-release"))

    def test_results_are_read_from_the_programs_output_and_compared(self):
        text = "policy: fifo\r\na\t10\t8\t1\t2000\t1500\t4000\t5000\r\nodd\tline\r\n"
        measured = kernel.rows(text)
        self.assertEqual(list(measured), ["a"])
        self.assertEqual(measured["a"]["p99"], 4000)
        model = {"a": measured["a"] | {"finished": 10, "mean": 1500}}
        table = kernel.table(measured, model, "fifo").splitlines()
        self.assertIn("under fifo", table[0])
        self.assertIn("2 µs", table[1])
        self.assertIn("1.5 µs", table[2])
        self.assertEqual(table[3].split()[4:8], ["+0.0%", "+25.0%", "+0.0%", "-25.0%"])
        alone = kernel.table(measured, {}, "fifo").splitlines()
        self.assertEqual(list(map(str.split, alone)), list(map(str.split, table[:2])))

    def test_counts_of_the_kernel_and_wakes_have_a_table(self):
        text = (
            "a\t10\t8\t1\t2000\t1500\t4000\t5000\r\ndeadlines\ta\t10\t1\r\n"
            "wakes\ta\t12\t900\t2000\t7000000\t9\t2\t0\t0\t1\t0\r\nb\t1\t1\t0\t2\t2\t2\t2\r\n"
        )
        self.assertEqual(list(kernel.rows(text)), ["a", "b"])
        _, head, row = kernel.wakes_table(text).splitlines()
        self.assertTrue(head.startswith("class  deadlines  missed  wakes  to run p50"), head)
        self.assertEqual(row.split()[:4], ["a", "10", "1", "12"])
        self.assertEqual(row.split()[-6:], ["9", "2", "–", "–", "1", "–"])
        self.assertEqual(kernel.wakes_table("a\t10\t8\t1\t2000\t1500\t4000\t5000\n"), "")

    def test_tasks_that_did_not_start_are_read_but_are_no_row(self):
        text = "a\t10\t8\t1\t2000\t1500\t4000\t5000\r\nunbegun\ta\t2\r\nunbegun\tb\t1\r\n"
        self.assertEqual(kernel.unbegun(text), {"a": 2, "b": 1})
        self.assertEqual(list(kernel.rows(text)), ["a"])

    def test_a_name_may_contain_line_ends_and_separators_of_other_formats(self):
        name = "a\u2028b\x85c\x1cd"
        text = f"{name}\t10\t8\t1\t2000\t1500\t4000\t5000\r\nunbegun\t{name}\t2\r\n"
        self.assertEqual(list(kernel.rows(text)), [name])
        self.assertEqual(kernel.unbegun(text), {name: 2})
        plan = decisions.Plan(f"until 900 after 0\nclass {name} 16\ntask 0 0 r1\n")
        self.assertEqual(plan.class_of(1), name)
        mine = self.workload("class a\u2028b\x85c\n arrive once\n run 1ms\n")
        self.assertEqual(list(mine.model), ["a\u2028b\x85c"])
        self.assertEqual(decisions.Plan(mine.plan).class_of(1), "a\u2028b\x85c")

    def workload(self, text: str, *words: str) -> kernel.Workload:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "mine.workload")
            path.write_text(text)
            arguments = options.parser().parse_args(["run", *words, str(path)])
            program = Path(BUILD, "async/sim/cotrap_sim")
            with mock.patch.object(simulator, "program_for_kernel", return_value=program):
                return kernel.Workload.of(arguments)

    def test_the_workload_sets_the_number_of_harts_unless_an_option_does(self):
        tick = "class tick\n on 1\n arrive once\n run 1ms\n"
        self.assertEqual(self.workload("harts 3\n" + tick).harts, 3)
        self.assertEqual(self.workload("harts 3\n" + tick, "--harts", "2").harts, 2)
        self.assertEqual(self.workload(tick, "--harts", "2").settings["harts"], 2)
        self.assertEqual(self.workload(tick.replace(" on 1\n", "")).harts, 1)
        with self.assertRaisesRegex(UsageError, "only hart 0; add harts with `harts N` in the file, or with --harts"):
            self.workload(tick)

    def test_a_workload_with_more_harts_than_the_kernel_can_use_needs_an_option(self):
        many = "harts 65\nclass tick\n arrive once\n run 1ms\n"
        with self.assertRaisesRegex(UsageError, "has 65 harts, and the kernel runs on at most 64: give --harts"):
            self.workload(many)
        self.assertEqual(self.workload(many, "--harts", "64").harts, 64)

    def decided(self, plan: str, *events) -> list[str]:
        """Makes a kernel trace of `events` on one hart, and returns the decisions that of_trace() finds in it.
        An event is (ns, job, kind, argument); ns counts from the start of the workload."""
        hint = decisions._hint_number()
        hart = [
            Event(ns + 1000, 0, kind, hint if kind is Kind.CALL else 0, job, *(argument or [0]))
            for ns, job, kind, *argument in events
        ]
        recording = Recording(1, 0, 0, 0, None, None, [hart], [[]], [0], {})
        return list(map(str, decisions.of_trace(recording, False, decisions.Plan(plan), 1000)))

    def test_a_task_is_ready_from_its_arrival_to_its_end(self):
        plan = "until 900 after 0\nclass a\nclass b\ntask 0 0 r1\ntask 1 50 r1\ntask 0 300 r1\n"
        one, two = 64, 128
        found = self.decided(
            plan,
            (-9, one, Kind.CALL, 1),
            (-8, one, Kind.WAIT),
            (-7, two, Kind.CALL, 2),
            (-6, two, Kind.WAIT),
            (1, one, Kind.WAKE),
            (2, one, Kind.RUN),
            (51, two, Kind.WAKE),
            (52, one, Kind.PREEMPT),
            (53, two, Kind.RUN),
            # Task 2 ends; its thread continues with task 3, which has not arrived.
            (70, two, Kind.CALL, 0),
            (71, two, Kind.CALL, 3),
            (72, two, Kind.YIELD),
            (73, one, Kind.RUN),
            (80, one, Kind.CALL, 0),
            (81, one, Kind.YIELD),  # the thread that runs now has no task
            (82, two, Kind.RUN),
            (83, two, Kind.WAIT),
            (84, one, Kind.RUN),
            (85, one, Kind.WAIT),
            (301, two, Kind.WAKE),
            (302, two, Kind.RUN),
        )
        self.assertEqual(found, ["2 0 1 a 1", "53 0 2 b 1 2", "73 0 1 a 1", "302 0 3 a 3"])

    def test_a_thread_still_awake_at_an_arrival_is_ready(self):
        plan = "until 900 after 0\nclass a\ntask 0 0 r1\ntask 0 20 r1\n"
        found = self.decided(
            plan,
            (-9, 64, Kind.CALL, 1),
            (-8, 64, Kind.WAIT),
            (-7, 128, Kind.CALL, 2),
            (-6, 128, Kind.PREEMPT),
            (1, 64, Kind.RUN),
            (30, 64, Kind.YIELD),
            (31, 128, Kind.RUN),
        )
        self.assertEqual(found, ["1 0 1 a 1", "31 0 2 a 1 2"])


class Host(unittest.TestCase):
    def warning(self, *threads: str) -> str:
        """The warning for a process whose threads ran and waited for these nanoseconds."""
        with tempfile.TemporaryDirectory() as folder:
            for number, text in enumerate(threads):
                thread = Path(folder, "task", str(number))
                thread.mkdir(parents=True)
                (thread / "schedstat").write_text(text)
            with HostLoad(Path(folder)) as load:
                pass
        return load.warning()

    def test_a_long_wait_for_a_processor_of_the_host_gives_a_warning(self):
        self.assertIn("during 25% of the time", self.warning("100 200 9\n", "650 50 1\n"))
        self.assertEqual(self.warning("1000 20 9\n", "1000 30 9\n"), "")

    def test_a_host_without_counters_gives_no_warning(self):
        self.assertEqual(self.warning(), "")


if __name__ == "__main__":
    unittest.main()
