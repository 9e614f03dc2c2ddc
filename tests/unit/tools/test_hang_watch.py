"""The system tests end a machine that hangs, and no machine that is slow."""

import os
import signal
import subprocess
import sys
import unittest
from unittest import mock

import support  # noqa: F401 (finds the modules)
from cotrap.paths import ROOT

sys.path.insert(0, str(ROOT / "tests" / "system"))

import hang_watch  # noqa: E402
from hang_watch import HangWatch, Look, look  # noqa: E402


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

    def looks_until_it_hangs(self, *first: Look, idle_limit: int) -> int:
        """first: what the first looks find. The later ones find a thread that sleeps."""
        looks = 0

        def fake(_pid: int) -> Look:
            nonlocal looks
            looks += 1
            return first[looks - 1] if looks <= len(first) else Look({1: 1.0}, False)

        with mock.patch.object(hang_watch, "look", fake):
            watch = HangWatch(1, lambda: None, interval=0.001, idle_limit=idle_limit)
            watch.start()
            watch.join()
        self.assertTrue(watch.hung)
        return looks

    def test_a_machine_hangs_after_as_many_quiet_looks_as_the_limit(self):
        self.assertEqual(self.looks_until_it_hangs(Look({1: 1.0}, False), idle_limit=3), 1 + 3)

    def test_each_use_of_a_processor_starts_the_count_again(self):
        sleeps, ran = Look({1: 0.9}, False), Look({1: 1.0}, False)
        self.assertEqual(self.looks_until_it_hangs(sleeps, sleeps, sleeps, ran, idle_limit=3), 4 + 3)

    def test_a_thread_that_cannot_run_now_is_alive(self):
        waits = Look({1: 1.0}, True)
        self.assertEqual(self.looks_until_it_hangs(waits, waits, waits, waits, waits, idle_limit=3), 5 + 3)

    def test_a_thread_that_ends_uses_no_processor(self):
        two = Look({1: 1.0, 2: 90.0}, False)
        self.assertEqual(self.looks_until_it_hangs(two, idle_limit=2), 1 + 2)

    def test_an_idle_process_is_ended(self):
        process = self.start("exec sleep 1000")
        with HangWatch(process.pid, process.kill, interval=0.05, idle_limit=4) as watch:
            process.wait()
        self.assertTrue(watch.hung)

    def test_the_time_of_children_counts(self):
        process = self.start("sh -c 'while :; do :; done' & wait")
        while len(look(process.pid).times) < 2:
            self.assertIsNone(process.poll())
        while sum(look(process.pid).times.values()) < 0.05:
            self.assertIsNone(process.poll())

    def test_a_stopped_process_is_alive(self):
        process = self.start("exec sleep 1000")
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        self.assertTrue(look(process.pid).is_alive)


if __name__ == "__main__":
    unittest.main()
