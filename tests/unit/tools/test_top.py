"""The tables of `./cotrap top`."""

import unittest

import support  # noqa: F401: finds the command's modules

from cotrap.top.screen import lines
from cotrap.top.snapshot import Call, Hart, Shares, Snapshot, Task, at_one_moment, count_calls
from cotrap.trace.story import Slice, Track


class Moments(unittest.TestCase):
    def test_if_no_time_has_passed_the_present_states_have_a_share_of_1(self):
        running = Task("computes", "running", 1, 20, "", Shares())
        ready = Task("is late", "ready", 1, 20, "", Shares())
        waiting = Task("sleeps", "waiting", 0, 20, "sleep", Shares(running=0.5))
        taken = at_one_moment(5.0, 2, [running, ready, waiting], {1: running})
        self.assertEqual((taken.time_ns, taken.moments_ns), (5.0, 0.0))
        self.assertEqual(taken.harts, [Hart("", 0.0), Hart("computes", 1.0)])
        shares = [task.shares for task in taken.tasks]
        self.assertEqual(shares, [Shares(running=1.0), Shares(ready=1.0), Shares()])

class Calls(unittest.TestCase):
    def test_calls_are_counted_by_name_with_their_time_and_the_longest_come_first(self):
        made = (("read", 0, 50), ("write", 60, 61), ("read", 100, 140), ("getpid", 150, 151), ("read", 160, 190))
        track = Track("process 1", "sh 1 calls", [Slice(a, b, name, "call", {}) for name, a, b in made])
        found = count_calls(track, 20.0, 180.0)
        self.assertEqual(found, (Call("read", 2, 90.0), Call("getpid", 1, 1.0), Call("write", 1, 1.0)))

    def test_the_screen_shows_the_calls_in_which_a_task_spent_most_time(self):
        shares = Shares(calls=(Call("read", 12, 3_400_000.0), Call("write", 99, 20.0)))
        task = Task("sh 1", "waiting", 0, 20, "read", shares)
        shown = lines(Snapshot(5.0, 1.0, [], [task]), "riscv64", 120, 20)
        self.assertIn("read ×12 3.4 ms", shown[-1])
        self.assertTrue(shown[-1].endswith("  read"))


if __name__ == "__main__":
    unittest.main()
