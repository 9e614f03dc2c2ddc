"""`./cotrap bench` computes results from samples and decides which results are worse."""

import re
import unittest
from dataclasses import replace

from support import ROOT

from cotrap.bench.catalogue import BENCHMARKS
from cotrap.bench.compare import Change
from cotrap.bench.goals import PC, goal, is_missed
from cotrap.bench.results import COUNTED_NS, INSTRUCTIONS, TIME, Report, combine, from_json, parse
from cotrap.bench.results import percentile, to_json
from cotrap.errors import UsageError


def result(value: float, unit: str = INSTRUCTIONS, spread: float = 0.0):
    runs = [((value, 1),), ((value + spread, 1),)]
    return combine("syscall.null", unit, runs, exact=unit != TIME)


class Results(unittest.TestCase):
    def test_samples_are_read_as_the_program_prints_them(self):
        text = "# instructions\nx.y\tinstructions\t1000\t98000*30 99500\nnoise\n"
        self.assertEqual(parse(text), {("x.y", "instructions"): ((98.0, 30), (99.5, 1))})

    def test_a_percentile_is_the_least_value_with_that_share_at_or_below_it(self):
        distribution = [(1.0, 50), (2.0, 49), (9.0, 1)]
        values = [percentile(distribution, share) for share in (0.5, 0.51, 0.99, 1.0)]
        self.assertEqual(values, [1.0, 2.0, 2.0, 9.0])

    def test_exact_runs_are_compared_and_the_first_run_counts(self):
        same, other = ((5.0, 3),), ((6.0, 3),)
        self.assertIs(combine("n", INSTRUCTIONS, [same, same], exact=True).same, True)
        odd = combine("n", INSTRUCTIONS, [same, other], exact=True)
        self.assertIs(odd.same, False)
        self.assertEqual((odd.value, odd.samples, odd.medians), (5.0, 3, (5.0, 6.0)))
        late = ((5.0, 2), (6.0, 1))
        self.assertIs(combine("n", INSTRUCTIONS, [same, late], exact=True).same, False)
        self.assertIs(combine("n", INSTRUCTIONS, [same, late], exact=True, tail=False).same, True)
        self.assertIs(combine("n", INSTRUCTIONS, [same, other], exact=True, tail=False).same, False)

    def test_times_of_all_runs_are_pooled_and_their_medians_are_the_spread(self):
        both = combine("n", TIME, [((5.0, 3),), ((6.0, 4),)], exact=False)
        self.assertEqual((both.value, both.samples, both.spread, both.same), (6.0, 7, 1.0, None))

    def test_a_written_file_can_be_read_again(self):
        report = Report("riscv64", 2, "some", (result(144.25),), {"commit": "abc"})
        self.assertEqual(from_json(to_json(report, whole=True), "a file"), report)
        other = replace(report, policy="mlfq")
        self.assertEqual(from_json(to_json(other, whole=True), "a file"), other)
        self.assertNotEqual(report.setting, other.setting)
        kept = from_json(to_json(report, whole=False), "a file")
        self.assertEqual((kept.facts, kept.results[0].value), ({}, 144.25))

    def test_riscv64_and_a_pc_have_their_own_goals_in_instructions(self):
        slow = result(1e6)
        report = Report("riscv64", 1, "some", (slow,))
        for machine, most in (("riscv64", BENCHMARKS["syscall.null"].goal), ("pc", PC["syscall.null"])):
            self.assertEqual(goal(slow, replace(report, machine=machine)), most)
            self.assertTrue(is_missed(slow, replace(report, machine=machine)))
        for other in (replace(report, machine="riscv64-nommu"), replace(report, machine="pc", harts=2)):
            self.assertEqual((goal(slow, other), is_missed(slow, other)), (None, False), other)

    def test_the_goals_of_a_pc_are_those_of_benchmarks(self):
        self.assertLessEqual(set(PC), set(BENCHMARKS))

    def test_a_result_needs_only_its_value(self):
        text = """{"schema": 1, "machine": "riscv64", "harts": 1, "build": "mine", "results":
            [{"name": "syscall.null", "unit": "instructions", "value": 120}]}"""
        alone = from_json(text, "a file").results[0]
        self.assertEqual((alone.value, alone.percentiles["max"], alone.samples), (120, 120, 1))
        self.assertTrue(Change(alone, result(144)).is_worse)

    def test_a_file_that_is_no_report_is_refused(self):
        for text in ("", "[]", "{}", '{"schema": 1}', '{"schema": 2, "results": []}'):
            with self.assertRaises(UsageError):
                from_json(text, "a file")
        nested = 100_000
        for text in ("[" * nested, '{"schema":' * nested):
            with self.assertRaises(UsageError):
                from_json(text, "a file")

    def test_a_value_that_is_no_number_is_refused(self):
        text = """{"schema": 1, "machine": "riscv64", "harts": 1, "build": "mine", "results":
            [{"name": "syscall.null", "unit": "instructions", "value": VALUE, "medians": [1, 2]}]}"""
        from_json(text.replace("VALUE", "0"), "a file")
        for value in ("NaN", "Infinity", "1e400", "9" * 400, "-5", "true", "null", '"74"', "[1]"):
            with self.assertRaises(UsageError, msg=value):
                from_json(text.replace("VALUE", value), "a file")
            with self.assertRaises(UsageError, msg=value):
                from_json(text.replace("VALUE", "1").replace("[1, 2]", f"[1, {value}]"), "a file")


class Comparison(unittest.TestCase):
    def check(self, before, after, worse: bool, better: bool = False):
        change = Change(before, after)
        self.assertEqual((change.is_worse, change.is_better), (worse, better), change.words)

    def test_a_whole_number_of_instructions_may_not_grow(self):
        self.check(result(1000), result(1000.02), worse=False)
        self.check(result(1000.02), result(1001.005), worse=True)
        self.check(result(1001), result(1000.005), worse=False, better=True)

    def test_averages_of_instructions_may_grow_by_two_percent(self):
        self.check(result(1000.5), result(1020), worse=False)
        self.check(result(1000.5), result(1021), worse=True)
        self.check(result(1021.5), result(1000.5), worse=False, better=True)

    def test_a_value_above_zero_is_worse_than_zero_without_a_ratio(self):
        self.check(result(0), result(0), worse=False)
        self.check(result(0), result(5), worse=True)
        change = Change(result(0), result(5))
        self.assertEqual((change.ratio_text, change.words), ("", "syscall.null: 0 → 5 instructions"))

    def test_a_tick_of_the_clock_is_no_change(self):
        self.check(result(1000, COUNTED_NS), result(1100, COUNTED_NS), worse=False)
        self.check(result(1000, COUNTED_NS), result(1101, COUNTED_NS), worse=True)

    def test_counts_that_depend_on_order_have_a_larger_tolerance(self):
        def wake(value: float):
            return combine("timer.wake", COUNTED_NS, [((value, 1),)] * 2, exact=True)

        self.check(wake(4000), wake(4900), worse=False)
        self.check(wake(4000), wake(5100), worse=True)

    def test_times_are_worse_only_beyond_the_spread_of_both(self):
        self.check(result(100, TIME, 10), result(125, TIME, 20), worse=False)
        self.check(result(100, TIME, 10), result(140, TIME, 20), worse=True)


class Catalogue(unittest.TestCase):
    def test_every_benchmark_has_a_paragraph_and_every_paragraph_a_benchmark(self):
        text = (ROOT / "docs" / "benchmarks.md").read_text()
        heads = "".join(re.findall(r"^\*\*`.*", text, re.M))
        self.assertEqual(set(re.findall(r"\*\*`(.*?)`\*\*", heads)), set(BENCHMARKS))

    def test_the_record_has_every_recorded_benchmark(self):
        path = ROOT / "tests" / "bench" / "instructions.json"
        recorded = {each.name for each in from_json(path.read_text(), path.name).results}
        wanted = {each.name for each in BENCHMARKS.values() if each.exact or each.share}
        self.assertEqual(recorded, wanted)


if __name__ == "__main__":
    unittest.main()
