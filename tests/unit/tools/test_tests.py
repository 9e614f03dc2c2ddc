"""`./cotrap test` selects tests, builds their files and reports their results; builds are faked here."""

import contextlib
import io
import os
import signal
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import support  # finds the command's modules
from cotrap import build, test_progress
from cotrap.commands import test
from cotrap.errors import ToolError, UsageError
from cotrap.options import parser

_PRESETS = test._EVERYDAY + test._OTHERS
_EVERYDAY = "PROPERTIES LABELS everyday"


class Tests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for preset in _PRESETS:
            (self.root / "build" / preset).mkdir(parents=True)
            self.registered(preset)
        self.registered(
            "host-asan",
            f"add_test(alpha true)\nset_tests_properties(alpha {_EVERYDAY})",
            "add_test(alpha.rest true)",
        )
        self.built: list[tuple[str, ...]] = []
        for target, name, instead in (
            (test, "ROOT", self.root),
            (test.setup, "ensure", lambda *_: None),
            (test.musl, "ensure", lambda: None),
            (build, "make", lambda *what, report=None, jobs=None: self.built.append(what)),
        ):
            patched = mock.patch.object(target, name, instead)
            patched.start()
            self.addCleanup(patched.stop)

    def registered(self, preset: str, *lines: str) -> None:
        file = self.root / "build" / preset / "CTestTestfile.cmake"
        file.write_text("\n".join(lines) + "\n")

    def run_tests(self, *arguments: str) -> tuple[int, str, str]:
        """The exit status, standard output and standard error."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = test.run(parser().parse_args(["test", *arguments]))
        return status, out.getvalue(), err.getvalue()

    def names(self, *arguments: str) -> list[str]:
        return self.run_tests("--list", *arguments)[1].split()

    def test_without_names_the_everyday_tests_run(self):
        self.registered("hosted-tsan", "add_test(beta true)")
        self.assertEqual(self.names(), ["alpha"])
        self.assertEqual({preset for preset, *_ in self.built}, set(test._EVERYDAY))
        self.assertEqual(self.names("--rest"), ["alpha.rest", "beta"])
        self.assertEqual(self.names("--all"), ["alpha", "alpha.rest", "beta"])

    def test_several_tiers_can_be_given_and_long_tests_are_no_part_of_the_rest(self):
        labelled = "set_tests_properties(beta PROPERTIES LABELS long)"
        self.registered("hosted-tsan", "add_test(beta true)", labelled)
        self.assertEqual(self.names("--rest"), ["alpha.rest"])
        self.assertEqual(self.names("--long"), ["beta"])
        self.assertEqual(self.names("--everyday", "--rest"), ["alpha", "alpha.rest"])
        self.assertEqual(self.names("--everyday", "--long"), ["alpha", "beta"])
        self.assertEqual(self.names("--rest", "--long"), ["alpha.rest", "beta"])
        self.assertEqual(self.names("--all"), ["alpha", "alpha.rest", "beta"])

    def test_names_choose_from_every_tier_and_every_build(self):
        self.registered("hosted-tsan", "add_test(beta true)")
        self.assertEqual(self.names("alp", "eta"), ["alpha", "alpha.rest", "beta"])
        self.assertEqual(self.names("--rest", "alp"), ["alpha.rest"])

    def test_a_list_is_not_run_and_nothing_is_built_for_it(self):
        self.registered("host-asan", "add_test(alpha /is/not/built)")
        self.assertEqual(self.names("alpha"), ["alpha"])
        self.assertEqual(set(self.built), {(preset, build.CONFIGURED) for preset in _PRESETS})

    def test_an_unknown_test_is_refused_before_the_build(self):
        for arguments in (("nonesuch",), ("nonesuch", "--list"), ("alpha", "nonesuch"), ("(",)):
            with self.assertRaisesRegex(UsageError, "there is no test '"):
                self.run_tests(*arguments)
        with self.assertRaisesRegex(UsageError, "'alhpa': did you mean 'alpha'"):
            self.run_tests("alhpa")
        self.registered("hosted-tsan", "add_test(beta true)", f"set_tests_properties(beta {_EVERYDAY})")
        with self.assertRaisesRegex(UsageError, "no test of that tier"):
            self.run_tests("--rest", "beta")
        self.assertEqual(set(self.built), {(preset, build.CONFIGURED) for preset in _PRESETS})

    def test_only_the_programs_that_the_chosen_tests_need_are_built(self):
        program = self.root / "build" / "host-asan" / "unit" / "program"
        program.parent.mkdir()
        program.touch()
        needs = f'set_tests_properties(one PROPERTIES REQUIRED_FILES "{program}")'
        self.registered("host-asan", "add_test(one true)", needs, "add_test(two true)")
        self.run_tests("one")
        self.assertEqual(self.built[-1], ("host-asan", "unit/program"))
        self.run_tests("one", "two")
        self.assertEqual(self.built[-1], ("host-asan",))
        self.registered("hosted-tsan", "add_test(three true)")
        self.run_tests("three")
        self.assertEqual(self.built[-1], ("hosted-tsan", "all", build.TEST_PROGRAMS))
        cache = self.root / "build" / "hosted-tsan" / "CMakeCache.txt"
        cache.write_text(f"COTRAP_PROGRAMS_OF:PATH={self.root}/build/hosted-release\n")
        self.run_tests("three")
        self.assertEqual(self.built[-2], ("hosted-release", build.PROGRAMS, build.TEST_PROGRAMS))

    def test_the_status_is_0_if_all_pass_or_are_skipped(self):
        skips = "add_test(beta false)\nset_tests_properties(beta PROPERTIES SKIP_RETURN_CODE 1)"
        self.registered("host-debug", skips)
        status, out, _ = self.run_tests("alpha", "beta")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"ok alpha \(\d+\.\d s\)\n")
        self.assertRegex(out, r"skipped beta \(")
        self.assertRegex(out, r"2 of 3 tests pass, 1 skipped, in ")

    def test_output_that_looks_like_that_of_ctest_is_output(self):
        ended = " 1/1 Test #1: other ...   Passed    0.01 sec"
        lines = ("    Start 7: other", ended, "100% tests passed, as usual", "the end")
        text = self.root / "text"
        text.write_text("".join(f"{line}\n" for line in lines))
        self.registered("host-debug", f'add_test(beta "/bin/sh" "-c" "cat {text}; exit 3")')
        status, out, _ = self.run_tests("beta")
        self.assertEqual(status, 1)
        for line in lines:
            self.assertIn(f"    {line}\n", out)
        self.assertNotIn("ok other", out)

    def test_the_end_names_each_failure_with_the_command_that_repeats_it(self):
        self.registered(
            "host-debug",
            'add_test(be.ta "/bin/sh" "-c" "echo something is wrong; echo; echo more; exit 3")',
            "add_test(gamma /is/not/there)",
        )
        status, out, _ = self.run_tests("alpha", "be.ta", "gamma")
        self.assertEqual(status, 1)
        self.assertRegex(out, r"FAILED be\.ta \(.* s\)\n( *\n)?    something is wrong\n\n    more\n")
        self.assertIn("2 of 4 tests pass, in ", out)
        self.assertIn("failed: be.ta; repeat it with ./cotrap test '^be\\.ta$'\n", out)
        self.assertIn("failed: gamma; repeat it with ./cotrap test '^gamma$'\n", out)

    def test_a_failed_test_shows_its_failed_checks_and_the_end_repeats_them(self):
        text = self.root / "text"
        text.write_text("ok: one\nFAILED: two\n    | why\nok: three\nFAILED: four\n")
        self.registered("host-debug", f'add_test(beta "/bin/sh" "-c" "cat {text}; exit 1")')
        _, out, _ = self.run_tests("beta")
        self.assertIn("    FAILED: two\n        | why\n    FAILED: four\n", out)
        self.assertIn("'^beta$'\n    two\n    four\n", out)
        self.assertNotIn("ok: ", out)

    def test_without_a_terminal_lines_report_the_progress(self):
        flag = self.root / "flag"
        waits = f"until test -e {flag}; do sleep 0.01; done"
        self.registered("host-debug", f'add_test(beta "/bin/sh" "-c" "{waits}")')
        with support.printed_lines(test_progress, until="running: beta", flag=flag) as printed:
            self.assertEqual(self.run_tests("^beta")[0], 0)
        self.assertRegex(printed[0], "^1 test, about ")
        reported = [line for line in printed if line.endswith("running: beta")]
        self.assertRegex(reported[0], "^0 of 1 tests; about .* to go; ")

    def test_tests_that_ctest_did_not_finish_have_not_passed(self):
        entries = [test.Entry("alpha", "host-asan", (), 0)]
        for command in (["true"], ["sh", "-c", "echo; exit 8"]):
            with self.assertRaisesRegex(ToolError, "CTest ended early"):
                with contextlib.redirect_stderr(io.StringIO()):
                    test_progress.run(command, self.root, entries, 1)

    def killed(self, number: int) -> tuple[int, int]:
        """Runs a test that sleeps, and kills the run by a signal. Returns the processes of the test and of
        CTest, or of the process that has taken CTest's place."""
        begun = self.root / "begun"
        waits = f"echo $$ $PPID > {begun}.new; mv {begun}.new {begun}; exec sleep 1000"
        self.registered("host-debug", f'add_test(beta "/bin/sh" "-c" [[{waits}]])')
        run = os.fork()
        if run == 0:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit())
            with contextlib.suppress(BaseException):
                self.run_tests("^beta$")
            os._exit(0)
        while not begun.exists():
            time.sleep(0.01)
        os.kill(run, number)
        os.waitpid(run, 0)
        one, parent = begun.read_text().split()
        return int(one), int(parent)

    def test_a_signal_ends_ctest_and_its_tests(self):
        one, _ = self.killed(signal.SIGTERM)
        self.assertTrue(support.gone(one), "a test was left behind")

    def test_ctest_ends_if_the_command_is_killed(self):
        one, ctest = self.killed(signal.SIGKILL)
        is_gone = support.gone(ctest)
        os.kill(one, signal.SIGKILL)
        self.assertTrue(is_gone, "CTest was left behind")

    def test_a_run_in_a_read_only_tree_keeps_no_costs(self):
        with mock.patch.object(test, "ROOT", self.root / "missing"):
            with mock.patch.object(Path, "mkdir", side_effect=[PermissionError, None]):
                with test._run_folder() as folder:
                    self.assertFalse(folder.is_relative_to(self.root))

    def test_two_runs_at_once_do_not_change_each_others_tests(self):
        with test._run_folder() as one, test._run_folder() as other:
            self.assertNotEqual(one, other)
            (one / test_progress.COSTS).write_text("a 1 1\n---\n")
        with test._run_folder() as later:
            self.assertEqual((later / test_progress.COSTS).read_text(), "a 1 1\n---\n")
        self.assertFalse(one.exists() or other.exists() or later.exists())

    def test_the_folder_of_a_killed_run_is_removed(self):
        with test._run_folder() as running:
            no_process = 1 << 22  # above the largest number of a process
            left = running.with_name(f"run-{no_process}-abc")
            left.mkdir()
            with test._run_folder():
                self.assertFalse(left.exists())
                self.assertTrue(running.exists())

    def test_the_soak_test_starts_only_if_named_alone(self):
        for arguments in (("soak", "--list"), ("soak", "--rest"), ("soak", "alpha")):
            with self.assertRaisesRegex(UsageError, "runs alone"):
                self.run_tests(*arguments)
        with self.assertRaisesRegex(UsageError, "--minutes works only"):
            self.run_tests("alpha", "--minutes", "1")
        self.assertEqual(self.built, [])


class Time(unittest.TestCase):
    """Estimates of the remaining time from the tests' costs; no test runs here."""

    def test_the_remaining_time_is_divided_among_the_jobs(self):
        progress = test_progress.Progress({"a": 10.0, "b": 20.0, "c": 30.0}, jobs=2)
        self.assertEqual(progress.seconds_left(), 30)
        with mock.patch.object(test_progress.time, "monotonic", return_value=100.0):
            progress.start("c")
        with mock.patch.object(test_progress.time, "monotonic", return_value=120.0):
            self.assertEqual(progress.seconds_left(), 20)
            progress.end("c")
            self.assertEqual(progress.seconds_left(), 20)
            progress.start("b")
        with mock.patch.object(test_progress.time, "monotonic", return_value=200.0):
            self.assertEqual(progress.seconds_left(), 10)

    def test_a_test_that_keeps_two_processors_busy_counts_as_two_jobs(self):
        costs = {"a": 10.0, "b": 10.0, "c": 10.0}
        for processors, seconds in (({}, 15), ({"a": 2, "b": 2}, 25), ({"a": 9, "b": 9}, 25)):
            self.assertEqual(test_progress.Progress(costs, 2, processors).seconds_left(), seconds)

    def test_ctest_keeps_the_costs_of_earlier_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "costs"
            self.assertEqual(test_progress._recorded(file), {})
            file.write_text("a.b 3 1.5\nc 1 20\n---\nc\n")
            self.assertEqual(test_progress._recorded(file), {"a.b": 1.5, "c": 20.0})

    def test_damaged_lines_of_the_record_are_ignored(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "costs"
            file.write_bytes(b"a 1 1.5\n\nto\n\xff\xfe\nb 1 abc\nc 1 nan\nd 1 -5\ne 1 1e300\nf 1")
            self.assertEqual(test_progress._recorded(file), {"a": 1.5})


if __name__ == "__main__":
    unittest.main()
