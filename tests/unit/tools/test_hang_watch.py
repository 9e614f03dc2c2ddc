"""The system tests end a machine that hangs, and no machine that is slow."""

import os
import signal
import subprocess
import sys
import unittest
from unittest import mock

from cotrap.paths import ROOT

sys.path.insert(0, str(ROOT / "tests" / "system"))

import hang_watch  # noqa: E402
from hang_watch import HangWatch, demand  # noqa: E402


class HangWatchTest(unittest.TestCase):
    def start(self, script: str) -> subprocess.Popen:
        process = subprocess.Popen(["sh", "-c", script], start_new_session=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process: subprocess.Popen) -> None:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def looks_until_it_hangs(self, *wanted: int, patience: int) -> int:
        """wanted: by look, for how many nanoseconds the machine has wanted a processor since the look before.
        After these it wants none."""
        total, looks = 0, 0

        def look(_pid: int) -> dict[int, int]:
            nonlocal total, looks
            total += wanted[looks] if looks < len(wanted) else 0
            looks += 1
            return {1: total}

        with mock.patch.object(hang_watch, "demand", look):
            watch = HangWatch(1, lambda: None, interval=0.001, patience=patience)
            watch.start()
            watch.join()
        self.assertTrue(watch.hung)
        return looks

    def test_a_machine_hangs_after_as_many_quiet_looks_as_patience_allows(self):
        self.assertEqual(self.looks_until_it_hangs(patience=3), 1 + 3)

    def test_each_use_of_a_processor_starts_the_count_again(self):
        self.assertEqual(self.looks_until_it_hangs(0, 0, 0, 50_000, patience=3), 4 + 3)

    def test_a_thread_that_ends_uses_no_processor(self):
        with mock.patch.object(hang_watch, "demand", side_effect=[{1: 9, 2: 90_000_000}, {1: 9}, {1: 9}]):
            watch = HangWatch(1, lambda: None, interval=0.001, patience=2)
            watch.start()
            watch.join()
        self.assertTrue(watch.hung)

    def test_an_idle_process_is_ended(self):
        process = self.start("exec sleep 1000")
        with HangWatch(process.pid, process.kill, interval=0.05, patience=4) as watch:
            process.wait()
        self.assertTrue(watch.hung)

    def test_the_time_of_children_counts(self):
        process = self.start("sh -c 'while :; do :; done' & wait")
        while len(threads := demand(process.pid)) < 2:
            self.assertIsNone(process.poll())
        while sum(demand(process.pid).values()) < sum(threads.values()) + 50_000_000:
            self.assertIsNone(process.poll())


if __name__ == "__main__":
    unittest.main()
