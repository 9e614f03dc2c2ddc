"""The tables of `./cotrap top`."""

import unittest

import support  # noqa: F401: finds the command's modules

from cotrap.top.snapshot import Hart, Shares, Task, at_one_moment


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


if __name__ == "__main__":
    unittest.main()
