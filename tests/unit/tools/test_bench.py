"""`./cotrap bench` handles its options and writes its tables and files."""

import json
import subprocess
import tempfile
import unittest
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from support import KERNELS, FakeBuild, called

from cotrap.bench.catalogue import BENCHMARKS
from cotrap.bench.results import from_json
from cotrap.commands import bench
from cotrap.errors import UsageError

# A fake benchmark program. Prints counts of instructions in the run with icount, and times in the others.
PROGRAM = r"""
if [ "$FAKE_KIND" = instructions ]; then
  echo '# instructions, counted exactly'
  printf 'syscall.null\tinstructions\t100\t14400*30 14500\n'
  printf 'fault.zero\tinstructions\t1\t500\n'
  printf 'memory.thread\tbytes\t10\t20480\n'
else
  echo '# time, by the clock'
  printf 'syscall.null\tns\t100\t30000*90 50000*10\n'
  printf 'memory.thread\tbytes\t10\t20480\n'
fi
"""


class Page(HTMLParser):
    """Collects a page's unclosed tags, its links to other files, and the data of its charts."""

    def __init__(self):
        super().__init__()
        self.open, self.links, self.names, self.sections = [], [], [], []

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.links += [value for key, value in attributes if key in ("src", "href")]
        if tag != "meta":
            self.open.append((tag, given.get("class", "")))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop()[0] != tag:
            raise AssertionError(f"</{tag}> closes nothing")

    def handle_data(self, data):
        if self.open and self.open[-1] == ("span", "name"):
            self.names.append(data)
        if self.open and self.open[-1][0] == "script" and "const sections = " in data:
            self.sections = json.loads(data.partition("const sections = ")[2].partition(";\n")[0])


def body(page: Path) -> str:
    """The page without its style sheet and its scripts."""
    return page.read_text().partition("</style>")[2].partition("<script>")[0]


class Bench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.build = FakeBuild()
        cls.addClassCleanup(cls.build.remove)
        for program in ("bench", "bench-growth"):
            cls.build.program(program, PROGRAM)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        files = {kind: cls.folder / f"all.{kind}" for kind in ("json", "svg", "save")}
        options = [word for kind, path in files.items() for word in (f"--{kind}", path)]
        cls.whole = called("bench", "--build", cls.build.path, *options)  # all runs, and what they wrote
        cls.json, cls.svg, cls.saved = (path.read_text() for path in files.values())

    def bench(self, *arguments) -> subprocess.CompletedProcess:
        return called("bench", "--build", self.build.path, *arguments)

    def test_bench_measures_the_kernel_with_self_tests(self):
        self.build.program("bench", "echo $FAKE_IMAGE; exit 3")
        self.addCleanup(self.build.program, "bench", PROGRAM)
        self.assertIn(b"status 3\ncotrap-tests.elf\n", self.bench("--icount").stderr)

    def test_instructions_and_times_have_separate_tables(self):
        done = self.whole
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        counted, memory, timed = done.stdout.decode().strip().split("\n\n")
        self.assertIn("syscall.null", counted)
        self.assertIn("fault.zero", counted)
        self.assertIn("2,048", memory)
        self.assertIn("by the clock", timed)
        self.assertNotIn("fault.zero", timed)

    def test_counted_or_timed_runs_alone_are_possible(self):
        self.assertNotIn(b"clock", self.bench("--icount").stdout)
        self.assertNotIn(b"instructions", self.bench("--time").stdout)
        self.assertEqual(self.bench("--icount", "--time").returncode, 2)

    def test_a_count_that_differs_between_runs_is_reported(self):
        self.build.program("bench", PROGRAM.replace(r"14400*30 14500\n'", r"1%s\n' $(date +%N)"))
        self.addCleanup(self.build.program, "bench", PROGRAM)
        done = self.bench("--icount")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"syscall.null: two runs differ", done.stderr)

    def test_the_json_has_the_percentiles_and_the_distribution(self):
        data = json.loads(self.json)
        self.assertEqual((data["schema"], data["machine"], data["harts"]), (1, "riscv64", 1))
        self.assertIn("build", data)
        null = data["results"][0]
        self.assertEqual((null["name"], null["unit"]), ("syscall.null", "instructions"))
        self.assertEqual([null[key] for key in ("value", "p50", "p90", "p99", "p999", "max")],
                         [144, 144, 144, 145, 145, 145])  # fmt: skip
        self.assertEqual((null["samples"], null["distribution"]), (31, [[144, 30], [145, 1]]))

    def test_the_page_loads_no_other_file_and_has_every_result(self):
        base, path = self.folder / "page.json", self.folder / "page.html"
        base.write_text(self.saved.replace("144", "120"))
        self.bench("--html", path, "--compare", base)
        page = Page()
        page.feed(path.read_text())
        page.close()
        self.assertEqual(page.open, [])
        self.assertEqual(page.links, [])
        names = ["syscall.null", "fault.zero", "memory.thread", "syscall.null"]
        self.assertEqual(page.names, names)
        counted = page.sections[0]
        self.assertEqual(counted["medians"], [144, 500])
        self.assertEqual(counted["compared"], [["before", [120, 500]]])
        self.assertEqual(counted["reach"], [[144, 145], [500, 500]])
        self.assertEqual(counted["distributions"], {"syscall.null": [[144, 30], [145, 1]]})
        self.assertIn("1.20", path.read_text())

    def test_the_picture_is_one_file_with_the_bars_of_the_first_unit(self):
        root = ElementTree.fromstring(self.svg)
        svg = "{http://www.w3.org/2000/svg}"
        texts = [each.text for each in root.iter(f"{svg}text") if each.get("class") == "name"]
        self.assertEqual(texts, ["syscall.null", "fault.zero"])
        self.assertEqual(len(list(root.iter(f"{svg}rect"))), 2)

    def test_a_missed_goal_is_marked_in_words_in_table_page_and_picture(self):
        self.build.program("bench", PROGRAM.replace(r"1\t500", r"1\t690"))
        self.addCleanup(self.build.program, "bench", PROGRAM)
        page, picture = self.folder / "missed.html", self.folder / "missed.svg"
        rows = self.bench("--icount", "--html", page, "--svg", picture).stdout.decode().splitlines()
        marked = [row for row in rows if "missed" in row]
        self.assertEqual(len(marked), 1, rows)
        self.assertRegex(marked[0], r"fault\.zero +690 .* missed ≤ 600  15\.0 % above its goal$")
        shown = page.read_text().partition("</style>")[2]
        self.assertEqual(json.loads(shown.partition('"missed":')[2].partition("]")[0] + "]"), [False, True])
        self.assertIn("fault.zero: 690 instructions, goal 600 missed", shown)
        self.assertRegex(shown, r"≤ 600\s*<div [^>]*>missed: 15\.0 % above its goal<")
        shown = picture.read_text().partition("</style>")[2]
        self.assertEqual(shown.count('class="bar missed"'), 1)
        self.assertIn(">690, goal 600 missed<", shown)

    def test_met_goals_have_no_mark(self):
        page = self.folder / "met.html"
        printed = self.bench("--icount", "--html", page).stdout.decode()
        self.assertNotIn("missed", printed + body(page))

    def test_the_axis_of_the_bars_is_labelled_as_logarithmic(self):
        # test_pages.py checks the axes of the HTML page.
        self.assertIn(">instructions, logarithmic scale<", self.svg)

    def test_a_slower_benchmark_is_reported_with_status_1(self):
        path = self.folder / "base.json"
        self.bench("--icount", "--save", path)
        same = self.bench("--icount", "--compare", path)
        self.assertEqual(same.returncode, 0, same.stdout)
        self.assertIn(b"none of 3 results got worse", same.stdout)
        path.write_text(path.read_text().replace("144", "120"))
        slower = self.bench("--icount", "--compare", path)
        self.assertEqual(slower.returncode, 1)
        self.assertIn("syscall.null: 120 → 144 instructions (+20.0 %)", slower.stdout.decode())

    def test_results_name_their_policy_and_are_not_compared_across_policies(self):
        path, named = self.folder / "none.json", self.folder / "mlfq.json"
        self.bench("--icount", "--save", path)
        done = self.bench("--icount", "--policy", "mlfq", "--save", named)
        self.assertIn(b"counted, policy mlfq\n", done.stdout)
        self.assertEqual(json.loads(named.read_text())["policy"], "mlfq")
        self.assertNotIn("policy", json.loads(path.read_text()))
        for now, base in ((("--policy", "mlfq"), path), ((), named)):
            done = self.bench("--icount", "--compare", base, *now)
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(b"that was riscv64 with --harts 1", done.stderr)
        same = self.bench("--icount", "--compare", named, "--append", "policy=mlfq")
        self.assertEqual(same.returncode, 0, same.stderr)

    def test_several_harts_have_goals_of_their_own(self):
        one = self.bench("--icount").stdout.decode()
        self.assertRegex(one, r"syscall\.null .* ≤ 150\n")
        self.assertRegex(one, r"memory\.thread .* ≤ 2,048\n")
        page = self.folder / "two.html"
        done = self.bench("--icount", "--harts", "2", "--html", page)
        self.assertRegex(done.stdout.decode(), r"syscall\.null .* missed ≤ 80  80\.0 % above its goal\n")
        self.assertRegex(done.stdout.decode(), r"fault\.zero .* ≤ 560\n")
        for text in (done.stdout.decode(), body(page)):
            self.assertIn("≤ 80", text)
            self.assertNotIn("≤ 2,048", text)

    def test_a_table_without_goals_has_no_column_for_them(self):
        page = self.folder / "memory.html"
        done = self.bench("--icount", "--harts", "2", "--html", page, "memory.thread")
        for text in (done.stdout.decode(), body(page)):
            self.assertNotIn("goal", text)
            self.assertNotIn("≤", text)

    def test_a_machine_without_icount_gives_no_instructions(self):
        self.build.program("bench", PROGRAM.replace('= instructions', '= never'))
        self.addCleanup(self.build.program, "bench", PROGRAM)
        done = self.bench("--icount")
        self.assertEqual((done.returncode, done.stdout), (125, b""))
        self.assertIn(b"not counted exactly", done.stderr)

    def test_wrong_usage_is_one_line_and_status_2(self):
        for arguments, says in (
            (("nonesuch",), b"nonesuch"),
            (("--compare", "/no/such"), b"/no/such"),
            (("--json", "/no/such/folder/file"), b"no such folder"),
            (("--machine", "hosted", "--icount"), b"--icount needs QEMU"),
            (("--machine", "hosted", "--frames"), b"for riscv64"),
            (("--machine", "hosted", "--profile", "syscall.null"), b"--profile needs QEMU"),
            (("--fs", "rewrite"), b"--machine hosted"),
            (("--icount", "yield.alone"), b"none of these benchmarks can be measured with --machine riscv64"),
            (("--against", "minix"), b"give one of linux, linux-lean"),
            (("--against", "linux=/no/such"), b"no such file"),
            (("--against", "linux", "--machine", "hosted"), b"same QEMU machine"),
            (("--profile",), b"needs a NAME"),
            (("--profile", "syscall.null", "memory"), b"memory.thread has no profile"),
            (("--profile", "boot"), b"boot has no profile"),
            (("--profile", "syscall.null", "--save", "x"), b"leave out --save"),
            (("--frames", "--json", "x"), b"leave out --json"),
            (("--frames", "--compare", "/dev/null"), b"not a file"),
            (("--html", "/proc/x.html"), b"/proc/x.html"),
            (("--policy", "best"), b"give one of priority, aging, edf, "),
            (("--append", "policy=best"), b"no policy 'best'"),
        ):
            done = self.bench(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, b""), arguments)
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
            self.assertIn(says, done.stderr)

    def test_another_kernel_has_a_column_and_a_ratio(self):
        theirs = PROGRAM.replace(r"14400*30 14500\n'", r"%s\n' $(($# == 1 ? 28800 : 1))")
        both = f'if [ "$FAKE_KERNEL" ]; then {theirs} else {PROGRAM} fi'
        self.build.program("bench", both)
        self.build.program("bench-minimal", "true")
        self.addCleanup(self.build.program, "bench", PROGRAM)
        image = self.folder / "image"
        image.write_bytes(b"a kernel")
        out = self.folder / "both"
        done = self.bench("--icount", "--against", f"linux={image}", "syscall.null",
                          "--html", f"{out}.html", "--json", f"{out}.json")  # fmt: skip
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        head, row = done.stdout.decode().splitlines()[1:3]
        self.assertIn("linux", head)
        self.assertRegex(row, r"syscall.null +144 .* 288 +2\.0 ")
        page = Page()
        page.feed(Path(f"{out}.html").read_text())
        self.assertEqual((page.open, page.sections[0]["compared"]), ([], [["linux", [288]]]))
        self.assertRegex(Path(f"{out}.html").read_text(), r"<th>linux</th>[^z]*>288<[^z]*>2\.0<")
        other = json.loads(Path(f"{out}.json").read_text())["against"][0]
        self.assertEqual((other["machine"], other["results"][0]["value"]), ("linux", 288))
        self.assertEqual(from_json(Path(f"{out}.json").read_text(), "").results[0].value, 144)

    def kernel_that(self, does: str) -> str:
        """Returns a value for --against: another kernel, whose program runs the script `does`."""
        self.build.program("bench", f'if [ "$FAKE_KERNEL" ]; then {does}\n fi\n{PROGRAM}')
        self.build.program("bench-minimal", "true")
        self.addCleanup(self.build.program, "bench", PROGRAM)
        (self.folder / "image").write_bytes(b"a kernel")
        return f"linux={self.folder / 'image'}"

    def test_another_kernel_that_hangs_is_ended_by_the_timeout(self):
        image = self.kernel_that("exec sleep 60")
        done = self.bench("--icount", "--timeout", "10", "--against", image, "syscall.null")
        self.assertEqual((done.returncode, done.stdout), (125, b""))
        self.assertIn(b"linux had not measured everything after 10 s", done.stderr)

    def test_another_kernel_without_counts_is_reported(self):
        image = self.kernel_that("echo '# time'; printf 'syscall.null\\tns\\t1\\t9\\n'; exit")
        done = self.bench("--icount", "--harts", "2", "--against", image, "syscall.null")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"linux: instructions cannot be counted with --harts 2, ", done.stderr)

    def test_a_hosted_build_selects_the_hosted_machine(self):
        hosted = FakeBuild()
        self.addCleanup(hosted.remove)
        for kernel in KERNELS:
            (hosted.path / "kernel" / kernel).write_bytes(b"\x7fELF\x02" + bytes(13) + b"\x3e\0")
        for arguments, says in (
            (("--icount",), b"--icount needs QEMU"),
            (("--frames",), b"for riscv64"),
            (("--profile", "syscall.null"), b"--profile needs QEMU"),
            (("--against", "linux"), b"same QEMU machine"),
        ):
            done = called("bench", "--build", hosted.path, *arguments)
            self.assertEqual((done.returncode, done.stdout), (2, b""), arguments)
            self.assertIn(says, done.stderr)

    def test_a_requested_benchmark_that_cannot_run_is_reported(self):
        done = self.bench("--icount", "syscall.null", "yield.alone")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"yield.alone: cannot be measured with --machine riscv64 --harts 1", done.stderr)

    def test_a_name_selects_all_benchmarks_that_it_begins_up_to_a_dot_or_an_at_sign(self):
        for name, selected in (
            ("syscall.ring", ["syscall.ring@1", "syscall.ring@8", "syscall.ring@64"]),
            ("fault", ["fault.zero", "fault.cow", "fault.reuse"]),
            ("switch.coroutine@1000", ["switch.coroutine@1000"]),
        ):
            self.assertEqual([each.name for each in bench._chosen([name])], selected)
        with self.assertRaises(UsageError):
            bench._chosen(["syscall.rin"])

    def test_list_prints_the_benchmarks_without_a_build(self):
        done = called("bench", "--list", "--build", "/no/such")
        self.assertEqual(done.returncode, 0)
        # `conflicts`, `scale`, `pool`, `shapes` and `stackful`
        self.assertEqual(len(done.stdout.splitlines()), len(BENCHMARKS) + 5)


if __name__ == "__main__":
    unittest.main()
