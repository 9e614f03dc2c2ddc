"""Single schedules are recorded, replayed and compared, and explored."""

import os
import re
import shutil
import tempfile
import unittest
from pathlib import Path

from simulating import InAFolder, sim
from support import files_of_at_most

from cotrap.sim.simulator import WORKLOADS


WHOLE = "varied: every order of "  # printed for a complete exploration

class Schedules(InAFolder):
    def test_a_recording_is_replayed_and_compared(self):
        path = self.folder / "web.schedule"
        sim("web", "--policy", "eevdf", "--duration", "1", "--seed", "3", "--record", path)
        self.assertIn("all as recorded", sim("--replay", path))
        path.write_text(path.read_text().replace("policy=eevdf", "policy=fifo"))
        differs = sim("--replay", path, status=1)
        self.assertRegex(differs, r"decision \d+ differs")
        for line in ("before:", "recorded:", "now:", "why:"):
            self.assertIn(line, differs)

    def test_a_different_decision_of_a_policy_is_reported_with_its_inputs(self):
        soon = "class soon\n arrive once at 1ms\n deadline 10ms\n run 1ms\n"
        late = "class late\n arrive once at 1ms\n deadline 90ms\n run 1ms\n"
        first = "class first\n arrive once\n deadline 5ms\n run 2ms\n"
        path = self.folder / "two.schedule"
        sim(self.file(first + late + soon), "--policy", "fifo", "--record", path)
        path.write_text(path.read_text().replace("policy=fifo", "policy=edf"))
        differs = sim("--replay", path, status=1)
        self.assertIn("both tasks were ready in both runs: policy edf chose differently", differs)
        self.assertIn("task 2 now: is ready, priority 16, deadline at 91.000 ms", differs)
        self.assertIn("task 3 now: is ready, priority 16, deadline at 11.000 ms", differs)

    def test_an_incomplete_recording_is_removed(self):
        path = self.folder / "web.schedule"
        with files_of_at_most(4096):
            sim("web", "--policy", "fifo", "--duration", "0.6", "--record", path, status=2, stdin=b"")
        self.assertFalse(path.exists())

    @unittest.skipUnless(shutil.which("gdb"), "there is no gdb")
    def test_a_recording_is_replayed_in_the_debugger_up_to_a_decision(self):
        path = self.folder / "web.schedule"
        sim("web", "--policy", "fifo", "--duration", "0.6", "--record", path)
        typed = b"break decided if place == 23\ncontinue\nprint place + 1000\ncontinue\n"
        shown = " ".join(sim("--replay", path, "--debug", stdin=typed).split())
        self.assertIn("decided (place=0, job=...)", shown)
        self.assertIn("$1 = 1023", shown)
        self.assertIn("all as recorded", shown)

    def test_an_impossible_recording_is_refused_or_reported(self):
        path = self.folder / "web.schedule"
        sim("web", "--policy", "fifo", "--duration", "0.6", "--record", path)
        whole = path.read_text()
        path.write_text(re.sub(r"duration=\d+", "duration=9000000000000000000", whole))
        self.assertIn("duration must be at most 11 days", sim("--replay", path, status=2))
        lines = whole.splitlines()
        shape = re.compile(r"\d+ 0 \d+ \w+ \d+ \d+")
        place = next(i for i, line in enumerate(lines) if shape.fullmatch(line))
        ns, hart, task, of, *ready = lines[place].split()
        lines[place] = " ".join([ns, hart, "777", of, *ready])
        path.write_text("\n".join(lines) + "\n")
        self.assertIn("task 777 was not ready there", sim("--replay", path, status=1))

    def test_a_recording_names_its_workload_or_its_path(self):
        path = self.folder / "web.schedule"
        sim("web", "--policy", "fifo", "--duration", "0.6", "--record", path)
        self.assertIn("\nworkload=web\n", path.read_text())
        mine = self.file("class a\n arrive every 100ms\n run 1ms\n")
        (self.folder / "sub").mkdir()
        own = self.folder / "sub" / "mine.schedule"
        sim(os.path.relpath(mine), "--policy", "fifo", "--record", own)
        self.assertIn("\nworkload=../mine.workload\n", own.read_text())
        with tempfile.TemporaryDirectory() as elsewhere:
            moved = shutil.copytree(self.folder, Path(elsewhere) / "moved")
            mine.unlink()
            for each in ("web.schedule", "sub/mine.schedule"):
                self.assertIn("all as recorded", sim("--replay", moved / each))
        self.assertIn("mine.workload: no such file", sim("--replay", own, status=2))

    def test_a_recording_without_a_workload_is_refused(self):
        path = self.folder / "web.schedule"
        sim("web", "--policy", "fifo", "--duration", "0.6", "--record", path)
        whole = path.read_text()
        for instead in ("", "workload=\n"):
            path.write_text(whole.replace("workload=web\n", instead))
            reported = f"{path}: it names no workload: the line workload=NAME is missing"
            self.assertIn(reported, sim("--replay", path, status=2))

    def test_a_truncated_recording_is_reported_with_its_line(self):
        path = self.folder / "web.schedule"
        sim("web", "--policy", "fifo", "--duration", "0.6", "--record", path)
        whole = path.read_text().splitlines()
        place = len(whole) // 2
        path.write_text("\n".join(whole[:place]) + "\n")
        reported = sim("--replay", path, status=2)
        self.assertEqual(reported, f"cotrap: {path}:{place + 1}: the file is cut short\n")

    def test_exploration_finds_the_deadlock_and_its_schedule_repeats_it(self):
        path = self.folder / "abba.schedule"
        explored = ("abba", "--explore", "--bound", "4")
        found = sim(*explored, "--record", path, status=1)
        self.assertIn("'one' priority 16, waits: b, held by 'other'", found)
        self.assertIn("'other' priority 16, waits: a, held by 'one'", found)
        again = sim("--replay", path)
        self.assertIn("held by 'other'", again)
        self.assertIn("all as recorded", again)
        usual = sim("abba", "--policy", "fifo")
        self.assertNotIn("held by", usual)
        # With one lock order every schedule succeeds.
        text = (WORKLOADS / "abba.workload").read_text()
        one, other = text.split("class other")
        other = other.replace(" a\n", " x\n").replace(" b\n", " a\n").replace(" x\n", " b\n")
        right = self.file(one + "class other" + other)
        well = sim(right, "--explore", "--bound", "9")
        self.assertIn(WHOLE, well)

    def test_a_schedule_that_cannot_be_followed_is_refused(self):
        for schedule, why in (
            ("5000:1", "the run has only 5 choices"),
            ("0:99", "choice 0 has only 2 alternatives"),
        ):
            printed = sim("abba", "--explore", "--schedule", schedule, status=2)
            self.assertIn(f"schedule {schedule}: {why}: it belongs to another run", printed)

    def test_random_exploration_finds_the_inversion_and_shrinks_its_schedule(self):
        path = self.folder / "inversion.schedule"
        found = sim("inversion", "--explore", "--pct", "2", "--record", path, status=1)
        self.assertRegex(found, r"\d+ random schedules for bugs of depth 2")
        reported = re.search(r"seed (\d+), schedule (\d+:1): bus misses 1 deadline", found)
        self.assertIn("all as recorded", sim("--replay", path))
        again = ("inversion", "--explore", "--seed", reported[1])
        at_once = sim(*again, "--pct", "2", status=1)
        self.assertRegex(at_once, rf"[12] random schedules .* seeds {reported[1]} to {reported[1]}")
        self.assertIn(reported[0], at_once)
        self.assertEqual(sim(*again, "--schedule", reported[2], status=1), f"{reported[0]}\n")
        well = sim(*again, "--schedule", "")
        self.assertEqual(well, "this schedule does not fail\n")
        text = (WORKLOADS / "inversion.workload").read_text().replace(" no-inheritance", "")
        self.assertIn(WHOLE, sim(self.file(text), "--explore", "--bound", "20"))

    def test_events_are_reordered_within_the_jitter(self):
        text = (WORKLOADS / "inversion.workload").read_text().replace("at 2ms", "at 2.3ms")
        apart = (self.file(text), "--explore", "--bound", "9")
        self.assertIn(WHOLE, sim(*apart))
        self.assertIn("bus misses", sim(*apart, "--jitter", "0.5", status=1))

    def test_a_complete_exploration_lists_what_it_did_not_vary(self):
        text = "duration 50ms\n"
        for name, at in (("first", 1), ("second", 20)):
            text += f"class {name}\n arrive once at {at}ms\n priority 5\n run 2ms\n"
        never_meet = (self.file(text), "--explore", "--bound", "9")
        at_their_times = sim(*never_meet)
        self.assertIn(WHOLE, at_their_times)
        self.assertIn("the order of events at different times (--jitter", at_their_times)
        self.assertNotIn("no others", at_their_times)
        nearly = sim(*never_meet, "--jitter", "1.5")
        self.assertIn("events up to 1.5 ms apart; not varied: the times, which come from", nearly)


if __name__ == "__main__":
    unittest.main()
