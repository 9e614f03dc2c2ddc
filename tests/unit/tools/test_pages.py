"""The pages of bench, sim and trace in Chromium, without a network: their charts and their timelines."""

import os
import re
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from browser import BROWSER, Browser
from simulating import sim
from support import ROOT, called

from cotrap import packages
from cotrap.bench import page as bench_page
from cotrap.bench.results import BYTES, INSTRUCTIONS, TIME, Report, combine
from cotrap.errors import ToolError
from cotrap.pages import escaped
from cotrap.provenance import provenance
from cotrap.sim import csv_file
from cotrap.sim.rows import Row
from cotrap.trace.page import to_html
from cotrap.trace.story import Arrow, Slice, Story, Track

NULL = "syscall.null"  # meets its goal
ZERO = "fault.zero"  # misses it
PIPE = "ipc.pipe"  # has samples that differ widely
FREE = "memory.thread"  # takes 0 bytes


def bench_html() -> str:
    def result(name, unit, *samples):
        return combine(name, unit, [tuple(samples)], exact=False)

    def report(machine, factor, *more):
        counted = (
            result(NULL, INSTRUCTIONS, (100 * factor, 90), (140 * factor, 10)),
            result(ZERO, INSTRUCTIONS, (690 * factor, 100)),
            result(PIPE, INSTRUCTIONS, (1200 * factor, 900), (2000 * factor, 99), (90_000 * factor, 1)),
        )
        facts = {"commit": "abc", "command": "./cotrap bench"}
        return Report(machine, 1, "a-build", (*counted, *more), facts)

    others = result(FREE, BYTES, (0, 1)), result(NULL, TIME, (80.5, 100), (2_000_000, 1))
    return bench_page.page(report("riscv64", 1, *others), report("riscv64", 2), [report("linux", 3)])


def trace_html(wakes: int = 1) -> str:
    """wakes: the number of arrows, each from track 4 + n to track 7 + n, until the tracks repeat."""

    def track(group, name, offset):
        kinds = ("running", "ready", "waiting")
        starts = [offset + at * 1000 for at in range(50)]
        slices = [
            Slice(start, start + 900, f"step {at}", kinds[at % 3], {"chain": f"a{at}"})
            for at, start in enumerate(starts)
        ]
        return Track(group, name, slices)

    tracks = [track("harts", f"hart {hart}", hart * 10) for hart in range(4)]
    tracks += [track(f"process {at // 2}", f"thread {at}", at) for at in range(60)]
    tracks += [track("alone", "only one", 5)]
    ends = ((tracks[4 + at % 50], tracks[7 + at % 50]) for at in range(wakes))
    arrows = [Arrow(2000 + at, waker, 3500 + at, woken) for at, (waker, woken) in enumerate(ends)]
    latencies = {"thread": [0.0, 100.0, 9000.0], "other": [5.0]}
    story = Story(tracks, arrows, latencies, {}, [0], {}, 51_000.0)
    return to_html(story, "a program", {"command": "./cotrap trace a", "commit": "abc"})


class Provenance(unittest.TestCase):
    def test_the_command_is_what_a_shell_would_take(self):
        with mock.patch.object(sys, "argv", ["cotrap", "sim", "a file", "--seeds", "1..2"]):
            self.assertEqual(provenance()["command"], "./cotrap sim 'a file' --seeds 1..2")

    def test_outside_a_checkout_and_without_git_the_commit_is_unknown(self):
        with tempfile.TemporaryDirectory() as folder:
            with mock.patch("cotrap.provenance.ROOT", Path(folder)):
                self.assertEqual(provenance()["commit"], "unknown")
            with mock.patch.dict(os.environ, PATH=folder):
                self.assertEqual(provenance()["commit"], "unknown")


class Library(unittest.TestCase):
    def test_no_script_contains_what_ends_it(self):
        for text in ("</script>", "</SCRIPT", "<!--", "<script"):
            self.assertNotIn(text, escaped(f"const x = '{text}';"))
        self.assertEqual(escaped("a<b; x = '</p>'"), "a<b; x = '</p>'")

    def test_without_the_library_the_command_names_the_setup_before_it_works(self):
        with (
            mock.patch.object(packages, "CHARTS", Path("/no/such/chart.min.js")),
            self.assertRaisesRegex(ToolError, r"Chart\.js .* not installed: on Debian, `./cotrap setup`"),
        ):
            packages.page_module(".page", "cotrap.bench")

    def test_text_and_series_differ_from_the_ground_in_light_and_dark(self):
        style = (ROOT / "cmake/tools/cotrap/page.css").read_text()
        light, dark = style.split("@media (prefers-color-scheme: dark)")
        for part in (light, dark):
            colours = dict(re.findall(r"--([\w-]+): #(\w{6})", part))
            self.assertEqual(sum(name.startswith("series-") for name in colours), 12)
            for name in colours.keys() - {"ground", "line"}:
                contrast = self.contrast(colours[name], colours["ground"])
                self.assertGreaterEqual(contrast, 4.5, name)  # WCAG 2.1, 1.4.3

    @staticmethod
    def contrast(one: str, other: str) -> float:
        def luminance(colour):
            parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
            linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

        low, high = sorted(map(luminance, (one, other)))
        return (high + 0.05) / (low + 0.05)


HINTS = "[...document.querySelectorAll('#hints kbd')].map(each => each.textContent)"


@unittest.skipUnless(BROWSER, "Chromium is not installed")
class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        (cls.folder / "bench.html").write_text(bench_html())
        (cls.folder / "trace.html").write_text(trace_html())
        cls.words = ("web", "--policy", "fifo,edf", "--seeds", "1..3", "--duration", "2", "--harts", "2")
        sim(*cls.words, "--html", cls.folder / "sim.html")
        cls.browser = cls.enterClassContext(Browser())

    def open(self, name: str, fragment: str = "", **how) -> None:
        self.browser.open(self.folder / f"{name}.html", fragment, **how)

    def value(self, expression: str):
        return self.browser.value(expression)

    def chart(self, number: int, expression: str):
        """Returns the value of the expression, in which `chart` is the page's chart with that number."""
        canvas = f"document.querySelectorAll('.chart canvas')[{number}]"
        return self.value(f"(chart => {expression})(Chart.getChart({canvas}))")

    def flip(self, number: int, axis: int = 0) -> None:
        """Clicks the switch of a chart's axis."""
        switches = f"document.querySelectorAll('.switches')[{number}]"
        self.value(f"{switches}.querySelectorAll('input')[{axis}].click()")

    def test_each_page_is_complete_without_a_network_in_light_and_dark(self):
        for name in ("bench", "sim", "trace"):
            for dark in (False, True):
                self.open(name, dark=dark)
                self.assertEqual(self.browser.errors, [], name)
                self.assertEqual(self.value("document.querySelectorAll('[src], link[href]').length"), 0)
                charts = self.value("document.querySelectorAll('.chart canvas').length")
                self.assertEqual(self.value("Object.keys(Chart.instances).length"), charts)
                self.assertGreater(charts, 0)
                labels = "[...document.querySelectorAll('canvas')].map(each => each.ariaLabel)"
                for label in self.value(labels):
                    self.assertRegex(label, r"\d", name)

    def test_the_head_has_the_command_and_the_commit(self):
        for name, more in (("bench", "a-build"), ("sim", "1..3"), ("trace", "./cotrap trace a")):
            self.open(name)
            head = self.value("document.querySelector('dl').textContent")
            for text in ("command", "./cotrap", "commit", more):
                self.assertIn(text, head, name)
        text = (self.folder / "sim.html").read_text()
        self.assertRegex(text, r"<dt>workload</dt><dd>web \(fingerprint of the file: \w+\)")

    def test_colours_follow_the_preference_when_it_changes(self):
        read = "[String(chart.legend.legendItems[0].fillStyle), chart.legend.legendItems[0].fontColor]"
        self.open("bench")
        light = self.chart(0, read)
        self.browser.prefer(dark=True)
        dark = self.chart(0, read)
        self.assertEqual((light[0], dark[0]), ("#2a6fb5", "#6aaeea"))
        self.assertNotEqual(light[1], dark[1])
        self.assertEqual(self.browser.errors, [])

    def test_the_legend_switches_a_series(self):
        for name in ("bench", "sim"):
            self.open(name, high=2000)
            place = """(() => {
                const box = chart.legend.legendHitBoxes[0], at = chart.canvas.getBoundingClientRect();
                return [at.x + box.left + box.width / 2, at.y + box.top + box.height / 2];
            })()"""
            self.assertTrue(self.chart(0, "chart.isDatasetVisible(0)"))
            self.browser.click(*self.chart(0, place))
            self.assertFalse(self.chart(0, "chart.isDatasetVisible(0)"))
            self.assertTrue(self.chart(0, "chart.isDatasetVisible(1)"))
            self.browser.click(*self.chart(0, place))
            self.assertTrue(self.chart(0, "chart.isDatasetVisible(0)"))

    def test_an_axis_is_logarithmic_or_linear_and_its_title_says_which(self):
        for name, axis in (("bench", "x"), ("sim", "x"), ("trace", "x")):
            self.open(name)
            title = f"chart.options.scales.{axis}.title.text"
            self.assertIn("logarithmic scale", self.chart(0, title), name)
            for before, kind in ((True, "linear"), (False, "logarithmic")):
                self.flip(0)
                self.assertTrue(self.chart(0, title).endswith(f", {kind} scale"), name)
                self.assertEqual(self.chart(0, f"chart.scales.{axis}.type"), kind)
                self.assertEqual(self.value("document.querySelector('.switches input').checked"), not before)
        self.assertEqual(self.browser.errors, [])

    def test_ticks_are_round_numbers_with_units(self):
        self.open("bench")
        ticks = "chart.scales.x.ticks.map(tick => tick.label)"
        self.assertEqual(self.chart(0, ticks), ["10", "100", "1 k", "10 k"])
        self.open("sim")
        for scale in ("logarithmic", "linear"):
            for label in self.chart(0, ticks):
                self.assertRegex(label, r"^(0|[1-9]\d{0,2}(\.5)? [nµm]?s)$", scale)
            self.flip(0)

    def test_tooltips_have_values_and_units(self):
        self.open("bench")
        show = """(chart.tooltip.setActiveElements([{datasetIndex: %d, index: %d}], {x: 1, y: 1}),
                   chart.update(), chart.tooltip.body)"""
        self.assertIn("median: 100 instructions", str(self.chart(0, show % (0, 0))))
        missed = str(self.chart(0, show % (1, 1)))
        self.assertIn("median above its goal: missed: 690 instructions", missed)
        self.assertIn("goal: 600 instructions", str(self.chart(0, show % (4, 1))))
        self.assertIn("1,200 instructions to 2,000 instructions", str(self.chart(0, show % (2, 2))))
        self.open("sim")
        said = str(self.chart(0, show % (0, 5)))
        self.assertRegex(said, r"of latencies are at least [\d.,]+ (n|µ|m)?s long")

    def test_a_missed_goal_is_visible_without_colours(self):
        self.open("bench")
        labels = self.chart(0, "chart.scales.y.ticks.map(tick => tick.label)")
        self.assertEqual(labels, [NULL, f"{ZERO}: goal missed", PIPE])
        fill = "String(chart.getDatasetMeta(1).data[1].options.backgroundColor)"
        self.assertEqual(self.chart(0, fill), "[object CanvasPattern]")

    def test_a_median_of_0_is_visible_at_the_bars_name(self):
        self.open("bench")
        axes = "Object.values(Chart.instances).map(chart => chart.scales.y.ticks.map(tick => tick.label))"
        self.assertIn([f"{FREE}: 0"], self.value(axes))

    def test_bars_are_as_long_as_their_values(self):
        self.open("bench")
        ends = self.chart(0, """chart.data.datasets.map((each, at) => [each.label,
            chart.getDatasetMeta(at).data.map(bar => bar.x)])""")
        ends = dict(ends)
        for name in ("median", "before", "linux", "median above its goal: missed", "goal", "greatest sample"):
            self.assertIn(name, ends)
        for at in (0, 2):
            self.assertLess(ends["median"][at], ends["before"][at])
            self.assertLess(ends["before"][at], ends["linux"][at])
        self.assertLess(ends["goal"][1], ends["median above its goal: missed"][1])

    def test_a_histogram_has_each_sample_once_but_no_zeros_on_a_logarithmic_scale(self):
        total = "chart.data.datasets[0].data.reduce((sum, bin) => sum + bin.y, 0)"
        note = "document.querySelectorAll('.zeros')[0].textContent"
        for name, number, count, zeros in (("bench", 1, 100, 0), ("trace", 0, 3, 1)):
            self.open(name)
            for _ in range(2):
                is_log = self.chart(number, "chart.scales.x.type === 'logarithmic'")
                self.assertEqual(self.chart(number, total), count - zeros * is_log, name)
                left_out = f"Not on the logarithmic scale: {zeros} wakes of 0." if zeros and is_log else ""
                self.assertEqual(self.value(note), left_out)
                self.flip(number)
        self.open("bench")
        self.value(f"""(select => {{ select.value = '{PIPE}'; select.dispatchEvent(new Event('change')); }})(
            document.querySelector('[data-distributions] select'))""")
        self.assertEqual(self.chart(1, total), 1000)
        words = self.value("document.querySelector('[data-distributions] p').textContent")
        for part in ("1,000 samples: p50 1,200 instructions", "p99.9 2,000 instructions", "greatest 90,000"):
            self.assertIn(part, words)

    def test_curves_fall_and_end_at_the_last_sample(self):
        self.open("sim")
        longest = self.folder / "longest.csv"
        sim(*self.words, "--csv", longest)
        rows = [row for row in csv_file.read(longest) if row["class"] == "request"]
        for is_log in (True, False):
            for number, sample in enumerate(("latency", "response")):
                curves = self.chart(number, "chart.data.datasets.map(each => [each.label, each.data])")
                self.assertEqual([name for name, _ in curves], ["fifo", "edf"][-len(curves) :])
                for name, points in curves:
                    mine = [row for row in rows if row["policy"] == name]
                    self.check_curve(points, mine, sample, is_log)
                self.flip(number)

    def check_curve(self, points: list[dict], rows: list[Row], sample: str, is_log: bool) -> None:
        """On a logarithmic axis the curve begins after the samples of 0; elsewhere it has them at 0."""
        self.assertEqual(points[-1]["x"], max(row[f"{sample} max"] for row in rows))
        count = sum(sum(row[f"{sample} buckets"].values()) for row in rows)
        zeros = sum(row[f"{sample} buckets"].get(0, 0) for row in rows)
        self.assertAlmostEqual(points[-1]["y"], 1 / count, places=6)
        if is_log:
            self.assertGreater(points[0]["x"], 1)
            self.assertAlmostEqual(points[0]["y"], 1 - zeros / count, places=5)
        else:
            self.assertEqual(points[0]["x"] == 0, zeros > 0)
            self.assertEqual(points[0]["y"], 1)
        for one, other in zip(points, points[1:], strict=False):
            self.assertLess(one["x"], other["x"])
            self.assertGreaterEqual(one["y"], other["y"])

    def test_a_note_counts_the_samples_of_0_that_a_logarithmic_axis_leaves_out(self):
        self.open("sim")
        csv = self.folder / "zeros.csv"
        sim(*self.words, "--csv", csv)
        rows = [row for row in csv_file.read(csv) if row["class"] == "request" and row["policy"] == "edf"]
        buckets = [row["latency buckets"] for row in rows]
        zeros, count = sum(each.get(0, 0) for each in buckets), sum(sum(each.values()) for each in buckets)
        self.assertGreater(zeros, 0)
        note = self.value("document.querySelector('.zeros').textContent")
        self.assertRegex(note, f"latencies of 0 to 1 ns .*edf {zeros:,} of {count:,}")

    def test_a_chart_of_nothing_but_zeros_has_them_on_its_linear_axis_only(self):
        alone = self.folder / "alone.workload"
        alone.write_text("duration 1s\nclass alone\n arrive every 100ms\n run 1ms\n")
        sim(alone, "--html", self.folder / "alone.html")
        self.open("alone")
        points = "chart.data.datasets[0].data"
        self.assertEqual(self.chart(0, points), [])
        self.flip(0)
        self.assertEqual(self.chart(0, points), [{"x": 0, "y": 1}])
        self.assertEqual(self.browser.errors, [])

    def test_the_tables_of_sim_fit_into_a_window_1300_pixels_wide(self):
        page = self.folder / "all.html"
        sim("web", "--policy", "all", "--seeds", "1..3", "--duration", "2", "--harts", "2", "--html", page)
        self.open("all", wide=1300)
        sizes = self.value("[...document.querySelectorAll('table')].map(t => [t.scrollWidth, t.clientWidth])")
        self.assertGreater(len(sizes), 1)
        for inside, room in sizes:
            self.assertLessEqual(inside, room)

    # ── the timeline ──

    def state(self, name: str) -> int:
        return int(self.value(f"document.getElementById('view').dataset.{name}"))

    def found(self) -> str:
        return self.value("document.getElementById('found').textContent")

    def range(self) -> list[float]:
        return self.value("[run.from, run.to]")

    def test_a_click_on_a_groups_name_folds_it(self):
        self.open("trace")
        rows, x = self.state("rows"), "document.getElementById('view').getBoundingClientRect()"
        left, top = self.value(f"[{x}.x, {x}.y]")
        self.browser.click(left + 40, top + 22 + 10)  # harts, of four tracks
        self.assertEqual((self.state("rows"), self.state("folded")), (rows - 4, 1))
        self.assertGreater(self.state("drawn"), 0)
        self.browser.click(left + 40, top + 22 + 10)
        self.assertEqual((self.state("rows"), self.state("folded")), (rows, 0))

    def test_each_key_that_the_page_names_works(self):
        self.open("trace")
        named = self.value(HINTS)
        self.assertEqual(named, ["+", "-", "0", "←", "→", "↑", "↓", "f", "F", "/", "n", "Esc"])
        press, (first, last) = self.browser.press, self.range()
        press("+")
        begin, end = self.range()
        self.assertAlmostEqual(end - begin, (last - first) / 2)
        press("ArrowRight")
        self.assertGreater(self.range()[0], begin)
        press("ArrowLeft")
        self.assertEqual(self.range(), [begin, end])
        press("-")
        self.assertEqual(self.range(), [first, last])
        press("+")
        press("0")
        self.assertEqual(self.range(), [first, last])
        press("ArrowDown")
        press("ArrowDown")
        press("ArrowUp")
        self.assertEqual(self.value("run.chosen"), 1)
        rows = self.state("rows")
        press("f")
        self.assertEqual((self.state("rows"), self.value("run.chosen")), (rows - 4, 0))
        press("f")
        self.assertEqual(self.state("rows"), rows)
        press("F")
        self.assertEqual((self.state("rows"), self.state("folded")), (32, 31))  # and one track without a head
        press("/")
        for letter in "THREAD 59":
            press(letter)
        self.assertEqual(self.found(), "50 found")
        press("Escape")
        press("n")
        self.assertEqual(self.found(), "1 of 50")
        # The match's group is unfolded.
        self.assertEqual(self.value("run.rows[run.chosen].tracks[0].name"), "thread 59")
        self.assertGreater(self.value("run.frame.scrollTop"), 0)
        press("F")
        press("F")
        self.assertEqual((self.state("rows"), self.state("folded")), (rows, 0))
        self.assertEqual(self.browser.errors, [])

    def test_of_many_wakes_only_those_of_the_chosen_track_and_at_the_pointer_are_arrows(self):
        self.open("trace")
        self.assertEqual((self.state("wakes"), self.state("arrows")), (1, 1))
        (self.folder / "wakes.html").write_text(trace_html(wakes=200))
        self.open("wakes", high=4000)
        self.value("document.activeElement.blur()")
        self.assertGreater(self.state("wakes"), 40)
        self.assertEqual(self.state("arrows"), 0)  # the group's head is chosen, which has no tracks
        self.value("run.reveal(story.tracks[10])")
        chosen = self.state("arrows")
        self.assertEqual(chosen, 8)  # track 10 wakes four times and is woken four times
        left, top, row = self.value(
            "(at => [at.x, at.y, run.yOf(story.tracks[30])])(run.canvas.getBoundingClientRect())"
        )
        self.browser.mouse("Moved", left + 500, top + row + 10)
        self.assertEqual(self.state("arrows"), chosen + 8)
        self.browser.mouse("Moved", left + 500, top - 60)
        self.assertEqual(self.state("arrows"), chosen)
        self.value("run.show(0, 1000)")
        self.assertEqual((self.state("wakes"), self.state("arrows")), (0, 0))
        self.assertEqual(self.browser.errors, [])

    def test_more_tracks_than_fit_scroll(self):
        self.open("trace")
        wide, inside = self.value("[run.frame.offsetWidth, run.frame.clientWidth]")
        self.assertGreater(wide - inside, 5)  # the scroll bar
        self.assertGreater(self.value("run.frame.scrollHeight"), self.value("run.frame.clientHeight"))
        before = self.range()
        self.browser.mouse("Wheel", 600, 400, deltaX=0, deltaY=200, modifiers=8)  # with Shift
        self.assertGreater(self.value("run.frame.scrollTop"), 100)
        self.assertEqual(self.range(), before)
        self.browser.mouse("Wheel", 600, 400, deltaX=0, deltaY=-200)
        self.assertLess(self.range()[1] - self.range()[0], before[1] - before[0])

    def test_the_address_says_where_the_timeline_begins(self):
        self.open("trace", "#find=step 7&at=7000-9000")
        self.assertEqual(self.range(), [7000, 9000])
        self.assertEqual(self.found(), "65 found")

    def test_slices_narrower_than_a_pixel_share_its_column_by_their_time(self):
        self.open("trace")
        # 100,000 slices of two kinds in turn: 4/5 of the time running, 1/5 waiting.
        self.value("""(() => {
            const slices = [];
            for (let at = 0; at < 50_000; ++at) {
                slices.push([at, 0.8, 0, 0, []], [at + 0.8, 0.2, 0, 2, []]);
            }
            run.tracks[0].slices = slices;
            run.last = 50_000;
            run.show(0, 50_000);
        })()""")
        colours = self.value("""(() => {
            const y = Math.floor(run.yOf(run.tracks[0]));
            const data = run.pen.getImageData(LEFT + 100, y + 2, 1, ROW - 5).data;
            return [...Array(ROW - 5).keys()].map(at => [...data.slice(4 * at, 4 * at + 3)].join());
        })()""")
        self.assertEqual(len(set(colours)), 2)
        self.assertEqual(colours.count(colours[-1]), 12)  # of 15 pixels, below: running
        self.assertEqual(colours.count(colours[0]), 3)

    def test_the_timeline_of_sim_has_a_group_for_each_policy(self):
        self.open("sim")
        self.assertEqual(self.value("[...timeline.groups.keys()]"), ["fifo", "edf"])
        self.assertEqual(self.state("rows"), 6)
        self.value("timeline.canvas.focus()")
        self.browser.press("F")
        self.assertEqual(self.state("rows"), 2)
        named = self.value(HINTS)
        self.assertEqual(named, ["+", "-", "0", "←", "→", "↑", "↓", "f", "F"])

    def test_pages_of_a_merge_have_no_timeline_and_no_error(self):
        csv, page = self.folder / "one.csv", self.folder / "merged.html"
        sim("web", "--policy", "fifo", "--seeds", "1..2", "--duration", "1", "--csv", csv)
        self.assertEqual(called("sim", "--merge", csv, "--html", page).returncode, 0)
        self.open("merged")
        self.assertEqual(self.browser.errors, [])
        self.assertIn("1..2", self.value("document.querySelector('dl').textContent"))
        self.assertFalse(self.value("document.getElementById('timeline') !== null"))


if __name__ == "__main__":
    unittest.main()
