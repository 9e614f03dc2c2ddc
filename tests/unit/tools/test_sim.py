"""`./cotrap sim` simulates a workload and writes tables, CSV files and a page."""

import json
import os
import unittest
from html.parser import HTMLParser
from unittest import mock

from simulating import BUILD, InAFolder, sim
from support import ROOT, called, files_of_at_most

from cotrap.errors import OWN_FAILURE
from cotrap.sim import costs, csv_file
from cotrap.sim.simulator import WORKLOADS
from cotrap.sim.summary import groups

EDF = ROOT / "async" / "policies" / "edf.cpp"


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links = []

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href")]


class Sim(InAFolder):
    def test_lists_have_one_line_per_workload_and_policy(self):
        listed = sim("--list").splitlines()
        self.assertEqual(len(listed), len(list(WORKLOADS.glob("*.workload"))))
        self.assertTrue(all(len(line.split()) > 4 for line in listed))
        policies = [line.split()[0] for line in sim("--list-policies").splitlines()]
        for name in ("priority", "fifo", "round-robin", "edf", "eevdf", "mlfq", "steal-fifo"):
            self.assertIn(name, policies)

    def test_a_class_that_can_never_run_and_an_unknown_workload_are_reported(self):
        path = self.file("class tick\n on 1\n arrive once\n run 1ms\n")
        reported = "class 'tick' can run on no hart: the machine has only hart 0; add harts with `harts N`"
        self.assertIn(f"{path}:2:2: {reported}", sim(path, status=2))
        sim(path, "--harts", "2")
        missing = self.folder / "none.schedule"
        self.assertIn(f"{missing}: no such file", sim("--replay", missing, status=2))

    def test_results_agree_with_those_computed_by_hand(self):
        path = self.file("duration 1s\nclass tick\n arrive every 10ms\n deadline 3ms\n run 4ms\n")
        table = sim(path, "--policy", "fifo,edf").splitlines()
        fifo = table[1].split()
        self.assertEqual(fifo[:3], ["tick", "fifo", "100"])
        self.assertIn("100.00%", fifo)  # all tasks miss
        busy = next(line for line in table if line.startswith("edf"))
        self.assertIn("40.00%", busy)

    def test_a_name_may_contain_line_ends_of_other_formats(self):
        name = "a\u2028b\x85c"
        path, recording = self.file(f"class {name}\n arrive once\n run 1ms\n"), self.folder / "one"
        self.assertIn(f"\n{name}  fifo ", sim(path, "--policy", "fifo", "--record", recording))
        self.assertIn("all as recorded", sim("--replay", recording))

    def test_a_policy_named_twice_is_simulated_once(self):
        path = self.file("duration 1s\nclass tick\n arrive every 10ms\n run 4ms\n")
        csv = self.folder / "twice.csv"
        twice = sim(path, "--policy", "fifo,edf,fifo", "--csv", csv)
        self.assertEqual(twice, sim(path, "--policy", "fifo,edf"))
        self.assertEqual([row["policy"] for row in csv_file.read(csv)], ["fifo", "edf"])

    def test_policies_without_reservations_give_one_line_of_warning(self):
        def printed(*policies: str) -> str:
            words = ("--policy", ",".join(policies), "--duration", "0.1", "--seeds", "1..3")
            return called("sim", "reservations", "--build", BUILD, *words).stderr.decode()

        warning = "the reservations of audio, video, greedy have no effect under fifo, stride: use"
        self.assertIn(warning, printed("fifo", "edf", "stride"))
        self.assertEqual(printed("fifo", "edf", "stride").count("\n"), 1)
        self.assertEqual(printed("edf"), "")
        reported = sim("reservations", "--explore", "--duration", "0.001", "--most", "2")
        self.assertIn("ignores the reservations of audio, video, greedy", reported)

    def test_equal_seeds_give_equal_results_and_others_do_not(self):
        once, again = (sim("web", "--seed", "7", "--duration", "1") for _ in range(2))
        self.assertEqual(once, again)
        self.assertNotEqual(once, sim("web", "--seed", "8", "--duration", "1"))

    def test_merged_shards_equal_the_whole_sweep(self):
        whole = self.folder / "whole.csv"
        common = ("mm1", "--policy", "fifo,mlfq", "--seeds", "1..7", "--duration", "2")
        table = sim(*common, "--csv", whole)
        parts = [self.folder / f"part{index}.csv" for index in (1, 2, 3)]
        for index, part in enumerate(parts, 1):
            sim(*common, "--shard", f"{index}/3", "--csv", part)
        self.assertEqual(sim("--merge", *parts), table)
        merged = sorted(map(str, (row for part in parts for row in csv_file.read(part))))
        self.assertEqual(merged, sorted(map(str, csv_file.read(whole))))
        self.assertEqual(len(merged), 14)

    def test_incomplete_result_files_are_removed(self):
        part = self.folder / "part.csv"
        with files_of_at_most(1024):
            words = ("--policy", "all", "--duration", "2", "--csv", part)
            printed = sim("mm1", *words, status=OWN_FAILURE, stdin=b"")
        self.assertIn("part.csv: File too large", printed)
        self.assertFalse(part.exists())

    def test_the_page_loads_no_other_file_and_has_a_curve_for_each_policy(self):
        path = self.folder / "web.html"
        sim("mm1", "--policy", "all", "--seeds", "1..2", "--duration", "2", "--html", path)
        page = Links()
        page.feed(path.read_text())
        self.assertEqual(page.links, [])
        text = path.read_text()
        reported = json.loads(text.partition("const timelines = ")[2].partition(";\n")[0])
        policies = [line.split()[0] for line in sim("--list-policies").splitlines()]
        self.assertEqual(sorted(reported), sorted(policies))
        slices = reported["fifo"]["slices"]
        self.assertGreater(len(slices), 1000)
        for one, other in zip(slices, slices[1:], strict=False):
            self.assertGreaterEqual(other[1], one[1] + one[2])  # one hart runs one task after the other
        charts = json.loads(text.partition("const charts = ")[2].partition(";  //")[0])
        for chart in charts:
            self.assertEqual(sorted(curve["policy"] for curve in chart["curves"]), sorted(policies))
        self.assertEqual(len(charts), 2)

    def test_costs_take_time(self):
        free = sim("producer-consumer", "--duration", "1", "--csv", self.folder / "free.csv")
        dear = ("--cost", "change=100000", "--csv", self.folder / "dear.csv")
        sim("producer-consumer", "--duration", "1", *dear)
        first = (csv_file.read(self.folder / name)[0] for name in ("free.csv", "dear.csv"))
        done = [row["finished"] for row in first]
        self.assertLess(done[1], done[0])
        self.assertIn("producer", free)

    def test_costs_can_be_read_from_a_benchmark_report(self):
        path = self.folder / "bench.json"
        figures = {"yield.alone": 100, "switch.process": 400.4, "switch.coroutine": 70}
        figures["wake.remote"] = 3070

        def write():
            lines = [
                {"name": name, "unit": "instructions", "value": value}
                for name, value in figures.items()
            ]
            head = {"schema": 1, "machine": "riscv64", "harts": 2, "build": "x", "results": lines}
            path.write_text(json.dumps(head))

        write()
        expected = {"resume": 100, "change": 300, "migrate": 70, "ipi": 3000}
        self.assertEqual(costs.read(path), expected)
        named = [f"--cost={name}={ns}" for name, ns in expected.items()]
        common = ("web", "--harts", "2", "--duration", "1")
        self.assertEqual(sim(*common, "--costs", path), sim(*common, *named))
        self.assertNotEqual(sim(*common, "--costs", path), sim(*common))
        del figures["wake.remote"]
        write()
        self.assertIn("it has no result of wake.remote", sim(*common, "--costs", path, status=2))
        self.assertTrue(all(costs.read(costs.RECORDED).values()))
        self.assertNotEqual(sim(*common, "--costs"), sim(*common))

    def test_detectors_report_starvation_and_stalls(self):
        hog = "class hog\n arrive once\n run 900ms\n wait 1ms\n"
        path = self.file(hog + "class x\n arrive once\n run 1ms\n")
        limits = ("--starving", "500", "--stalled", "500")
        reported = sim(path, "--policy", "fifo", *limits, status=1)
        self.assertIn("fifo, seed 1: starvation: ready for 900000000 ns\n'x' priority 16", reported)
        self.assertIn("fifo, seed 1: stall: running for 900000000 ns; ready jobs: 1\n'hog'", reported)
        self.assertIn("Player::live", reported)  # the await chain, with names
        well = sim(path, "--policy", "round-robin", *limits)
        self.assertNotIn("seed 1", well)

    def test_a_run_with_a_deadlock_has_its_own_exit_status(self):
        csv = self.folder / "abba.csv"
        slowly = "class {}\n arrive once\n lock {}\n wait 1ms\n lock {}\n"
        slowly += " unlock a\n unlock b\n"
        locks = "lock a\nlock b\n"
        path = self.file(locks + slowly.format("one", "a", "b") + slowly.format("other", "b", "a"))
        reported = sim(path, "--csv", csv, status=1)
        self.assertIn("priority, seed 1: deadlock: waits for itself", reported)
        self.assertIn("'one' priority 16, waits: b, held by 'other'", reported)
        self.assertEqual(len(csv_file.read(csv)), 2)  # the CSV file is written all the same
        says = " ".join(called("sim", "--help").stdout.decode().split())
        self.assertIn("Exit status 1: a detector found an error", says)
        sim("abba")  # no deadlock without --explore
        # A refused reservation is reported, but is no error.
        full = "class a\n arrive closed 2\n reserve 6ms every 10ms\n run 1ms\n"
        self.assertIn("admission: 1 of 'a'", sim(self.file(full), "--policy", "edf"))

    def test_unfinished_tasks_have_no_response_times(self):
        hog = "duration 1s\nclass hog\n arrive closed 1\n priority 1\n run 10ms\n"
        low = "class low\n arrive poisson 50/s\n priority 20\n deadline 50ms\n run 1ms\n"
        path = self.folder / "starved.csv"
        reported = sim(self.file(hog + low), "--policy", "priority,eevdf", "--csv", path)
        starved = next(line for line in reported.splitlines() if line.startswith("low    priority"))
        # Columns: throughput; waits, responses, slowdown and Jain's index, without data; misses; lateness.
        self.assertRegex(starved, r"^low +priority +0( +–){7} +9[0-9.]+% +\d+ ms$")
        self.assertIn("low, priority: 36 of 36 tasks had not finished at the end", reported)
        self.assertNotIn("low, eevdf:", reported)
        self.assertEqual(sim("--merge", path), reported)
        row = next(row for row in csv_file.read(path) if row["class"] == "low")
        self.assertEqual((row["finished"], row["response mean"], row["fairness"]), (0, None, None))
        # Seeds without a finished task count in no mean: the response time is the task's 30 ms.
        low = "class low\n arrive once at 50ms\n priority 20\n run 30ms\n"
        hog = "duration 100ms\nclass hog\n arrive poisson 40/s\n priority 1\n run exp 25ms\n"
        sim(self.file(hog + low), "--seeds", "1..20", "--csv", path)
        group = next(group for group in groups(csv_file.read(path)) if group.name == "low")
        self.assertGreaterEqual(group.figure("slowdown").mean, 1)

    def test_a_workload_that_never_ends_or_counts_nothing_is_refused(self):
        for text, message in (
            ("class a\n arrive trace /dev/zero\n yield\n", ":2:15: not a regular file"),
            ("class a\n arrive trace .\n yield\n", ":2:15: not a regular file"),
            ("warm-up 1s\nclass a\n arrive once\n yield\n", ":1:1: the warm-up, "),
            (
                "class a\n arrive closed 1000000\n fork 100000 b\nclass b\n run 1s\n",
                "tasks at once",
            ),
        ):
            # These tasks take 1.5 GB of memory. With huge pages there are fewer page faults.
            huge = mock.patch.dict(os.environ, GLIBC_TUNABLES="glibc.malloc.hugetlb=1")
            with self.subTest(text=text), huge:
                printed = sim(self.file(text), status=2)
                self.assertIn(message, printed)
                self.assertEqual(printed.count("\n"), 1)
        endless = "repeat 1000000000\n lock l\n unlock l\n end\n"
        path = self.file(f"lock l\nclass a\n arrive once\n repeat 1000000000\n {endless} end\n")
        self.assertIn("stall: steps run, but virtual time does not advance", sim(path, status=1))

    def test_a_class_without_arrivals_gives_a_warning(self):
        path = self.file("class a\n arrive once at 2s\n yield\nclass b\n yield\n")
        printed = called("sim", path, "--policy", "fifo,edf", "--build", BUILD).stderr.decode()
        self.assertEqual(printed, "cotrap: no task of a, b arrives within the duration\n")

    def test_an_error_in_a_recording_is_reported_with_its_line(self):
        path = self.folder / "web.schedule"
        sim("web", "--policy", "fifo", "--duration", "0.6", "--record", path)
        whole = path.read_text()
        for good, bad, line, message in (
            ("harts=2", "harts=1025", 3, "harts must be 1 to 1024"),
            ("policy=fifo", "policy=best", 14, "there is no policy 'best'"),
            ("\nend", "\nmore\nend", whole.count("\n"), "not a valid decision"),
        ):
            path.write_text(whole.replace(good, bad))
            self.assertIn(f"{path}:{line}: {message}", sim("--replay", path, status=2))
        path.write_text(whole + "more\n")
        at = whole.count("\n") + 1
        self.assertIn(f"{path}:{at}: text after the end of the recording", sim("--replay", path, status=2))
        self.assertIn("not a regular file", sim("--replay", "/dev/zero", status=2))

    def test_errors_are_reported_in_one_line(self):
        wrong = self.file("class a\n  rum 1ms\n")
        for arguments, message in (
            (["nothing"], "no such file or workload"),
            ([wrong], "mine.workload:2:3: 'rum' is not a statement here"),
            (["web", "--policy", "best"], "--policy best: give one of aging, "),
            (["web", "--seeds", "9..3"], "put the lower seed first"),
            (["web", "--duration", "0"], "'0' is not a number of seconds"),
            (["web", "--duration", "1e-10"], "--duration: '1e-10' is too short: give at least 1ns"),
            (["web", "--starving", "1e-9"], "--starving: '1e-9' is too short: give at least 1ns"),
            (["web", "--stalled", "1e-9"], "give at least 1ns"),
            (["web", "--slice", "1e-9"], "give at least 1ns"),
            (["abba", "--explore", "--jitter", "1e-9"], "give at least 1ns"),
            (["web", "--shard", "3/2"], "is not I/N"),
            (["web", "--shard", "1/2"], "fewer seeds (1) than shards"),
            (["web", "--explore", "--policy", "edf"], "one of priority, fifo"),
            (["web", "--bound", "3"], "--bound works only with --explore: add that, or leave out --bound"),
            (["web", "--pct", "3"], "--pct works only with --explore"),
            (["--replay", wrong, "--jitter", "3"], "--jitter works only with --explore"),
            (["web", "--most", "3"], "--most works only with --explore"),
            (["abba", "--explore", "--pct", "2", "--bound", "3"], "give one of them"),
            (["abba", "--explore", "--pct", "2", "--schedule", "1:1"], "give one of them"),
            (["abba", "--explore", "--schedule", "1:"], "'1:' is not a schedule such as 17:1"),
            (["abba", "--schedule", "1:1"], "--schedule works only with --explore"),
            (["web", "--cost", "time=3"], "is not WHAT=NS"),
            (["web", "--policy-header", "none.h:None"], "is not FILE:CLASS"),
            (["web", "--policy-header", f"{EDF}:Edf"], "there is a policy 'edf' already"),
            (["web", "--seeds", "1..2", "--record", "never-written"], "--record takes one run"),
            (["--replay", wrong], "expected 'cotrap-schedule 2'"),
            (["web", "--explore", "--csv", "x"], "--csv has no effect with --explore, which"),
            (["web", "--explore", "--html", "x"], "--html has no effect with --explore"),
            (["web", "--explore", "--shard", "1/2"], "--shard has no effect with --explore"),
            (["web", "--explore", "--seeds", "1..3"], "--explore takes one seed"),
            (["web", "--explore", "--replay", wrong], "--replay and --explore exclude each other"),
            (["--replay", wrong, "--csv", "x"], "--csv has no effect with --replay"),
            (["--replay", wrong, "--policy", "priority"], "--policy has no effect with --replay"),
            (["web", "--debug"], "--debug works only with --replay"),
            (["web", "--replay", wrong], "WORKLOAD has no effect with --replay"),
            (["--harts", "2", "--merge", wrong], "which takes --csv, --html"),
            (["--list", "--slice", "3"], "--slice has no effect with --list, which"),
            (["--merge", wrong], "not a file that `./cotrap sim --csv` has written"),
            ([], "give a WORKLOAD"),
        ):
            with self.subTest(arguments=arguments):
                printed = sim(*arguments, status=2)
                self.assertIn(message, printed)
                self.assertEqual(printed.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
