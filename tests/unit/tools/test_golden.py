"""The log of scheduling decisions: its text, and the first decision that differs."""

import unittest

import support  # noqa: F401: finds the command's modules

from cotrap.trace.golden import Decision, difference, from_text, hash_of, of_story, to_text
from cotrap.trace.story import Slice, Story, Track

LOG = {0: [Decision(100, "sh 1"), Decision(300, "cat 2")], 1: [Decision(250, "wc 3")]}


class Logs(unittest.TestCase):
    def test_a_decision_is_a_change_of_the_job_on_a_hart(self):
        steps = [(100, "sh 1"), (200, "sh 1"), (300, "cat 2")]
        slices = [Slice(at, at + 10, name, "running") for at, name in steps]
        slices.insert(1, Slice(150, 160, "executor", "executor"))
        tracks = [Track("harts", "hart 0", slices), Track("harts", "hart 0 interrupts", slices)]
        self.assertEqual(of_story(Story(tracks, [], {}, {}, [], {}, 0.0)), {0: LOG[0]})

    def test_the_text_has_the_whole_log(self):
        self.assertEqual(from_text(to_text(LOG)), LOG)

    def test_a_text_that_was_changed_by_hand_is_an_error(self):
        with self.assertRaises(ValueError):
            from_text(to_text(LOG).replace("wc", "ls"))

    def test_times_are_not_compared(self):
        later = {hart: [Decision(each.ns + 7, each.job) for each in log] for hart, log in LOG.items()}
        self.assertEqual(difference(LOG, later), "")
        self.assertEqual(hash_of(LOG), hash_of(later))

    def test_the_first_difference_in_time_is_named(self):
        other = {0: [LOG[0][0], Decision(310, "ls 4")], 1: [Decision(260, "ls 4")]}
        found = difference(LOG, other)
        self.assertEqual(found, "hart 1, decision 0: wc 3 was recorded at 250 ns, and ls 4 came at 260 ns")
        self.assertNotEqual(hash_of(LOG), hash_of(other))

    def test_a_log_that_ends_early_differs(self):
        found = difference(LOG, {0: LOG[0][:1], 1: LOG[1]})
        self.assertEqual(found, "hart 0, decision 1: cat 2 was recorded at 300 ns, and none came")


if __name__ == "__main__":
    unittest.main()
