"""The slow disk delays its answers while a busy host does not let the machine run."""

import os
import tempfile
import unittest

import support  # noqa: F401 (finds the modules)
from cotrap.slow_disk import MachineTime


class MachineTimeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.threads = folder.name
        self.time = MachineTime(self.threads, step=40e-9)

    def thread(self, number: int, ran: int, state: str) -> None:
        """Sets what proc(5) says about a thread: for how many nanoseconds it has run, and its state."""
        folder = f"{self.threads}/{number}"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/schedstat", "w") as file:
            file.write(f"{ran} 0 1\n")
        with open(f"{folder}/stat", "w") as file:
            file.write(f"{number} (a name) with a bracket) {state} 1 1\n")

    def counted(self) -> float:
        before = self.time.steps
        self.time.end_step()
        return self.time.steps - before

    def test_a_step_counts_as_far_as_each_ready_thread_has_run(self):
        self.thread(1, 100, "R")
        self.thread(2, 50, "S")
        self.time.end_step()
        self.assertEqual(self.counted(), 0, "thread 1 is ready and did not run")
        self.thread(1, 110, "R")
        self.assertEqual(self.counted(), 1, "a quarter of a step of 40 ns is enough")
        self.thread(1, 130, "R")
        self.thread(2, 55, "R")
        self.assertEqual(self.counted(), 0.5, "thread 2 ran for an eighth of the step")
        self.thread(1, 130, "S")
        self.thread(2, 65, "R")
        self.assertEqual(self.counted(), 1)
        self.thread(2, 65, "D")
        self.assertEqual(self.counted(), 1, "a thread that waits needs no processor")

    def test_a_machine_that_has_ended_does_not_hold_its_disk_up(self):
        self.thread(1, 100, "R")
        self.time.end_step()
        os.unlink(f"{self.threads}/1/schedstat")
        self.assertEqual(self.counted(), 1)


if __name__ == "__main__":
    unittest.main()
