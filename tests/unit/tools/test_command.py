"""The command refuses wrong usage with a reason, prints help, and runs demos."""

import argparse
import contextlib
import errno
import io
import itertools
import os
import re
import subprocess
import unittest
from unittest import mock

from support import HANGS, ROOT, Command, FakeBuild, called, cotrap

from cotrap import build, errors, options
from cotrap.commands import demo
from cotrap.demos import PACKAGED


class Usage(Command):
    def check(self, *arguments, says: bytes):
        done = called(*arguments)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertIn(says, done.stderr)

    def test_wrong_usage_is_one_line_and_status_2(self):
        build = self.build.path
        self.check(says=b"COMMAND")
        self.check("dance", says=b"dance")
        self.check("run", "--fast", says=b"--fast")
        self.check("run", "--harts", "0", says=b"--harts")
        self.check("run", "--harts", "65", says=b"--harts")
        self.check("run", "--timeout", "soon", says=b"soon")
        self.check("run", "--build", build, "/no/such/file", says=b"/no/such/file")
        self.check("run", "--build", build, "/tmp", says=b"not a file")
        self.check("run", "--build", build, "--add", "/no/such", says=b"/no/such")
        self.check("run", "--build", "/no/such", says=b"--build")
        self.check("run", "--build", build, "--fs", "rewrite", says=b"--machine hosted")
        self.check("run", "--machine", "hosted", "--fs", "magic", says=b"magic")
        self.check("run", "--machine", "pc", "--cpu", "rv64", says=b"--machine riscv64")
        self.check("run", "--cpu", "rv64,v=true,vlen=100", says=b"vlen=100")
        self.check("run", "--cpu", "rv64,vlen=256", says=b"v=true")
        self.check("run", "--cpu", "rv64,v=true,v=false", says=b"only once")
        for odd in ("", "rv64,", "-smp", "rv64 -smp 3", "rv64,v=true,,", "rv64,v"):
            self.check("run", f"--cpu={odd}", says=b"not a model")
        self.check("run", "--callgrind", "/tmp/profile", says=b"--machine hosted")
        hosted = ("run", "--machine", "hosted", "--callgrind")
        self.check(*hosted, "/no/such/profile", says=b"no such folder")
        self.check(*hosted, "/tmp/profile", "--sanitize", "thread", says=b"without a sanitizer")
        self.check("demo", "--build", build, "nonesuch", says=b"nonesuch")
        self.check("run", "--faults", "1:1001:real", says=b"RATE from 0 to 1000")
        self.check("run", "--faults", "1:50:unreal", says=b"'unreal' is no kind of fault")
        for kinds in ("memory", "wake,memory"):
            self.check("sim", "web", "--faults", f"1:50:{kinds}", says=b"the simulator has no fault 'memory'")

    def test_the_process_has_the_status_and_the_outputs_of_the_command(self):
        """Most tests call the command without a process of its own."""
        self.build.demo("fails", "-", "exit 3")
        for words, status in (
            (("sim", "--list"), 0),
            (("demo", "--help"), 0),
            (("demo", "--build", self.build.path, "-q", "fails"), 1),
            (("dance",), 2),
            (("run", "--build", "/no/such"), 2),
            (("run", "-q", "--build", self.build.path, "--append", "fake=die", "sh"), 125),
        ):
            mine, its = called(*words), cotrap(*words)
            self.assertEqual((mine.returncode, its.returncode), (status, status), words)
            seconds = re.compile(rb"\d+\.\d s")
            for own, others in ((mine.stdout, its.stdout), (mine.stderr, its.stderr)):
                self.assertEqual(seconds.sub(b"", own), seconds.sub(b"", others), words)

    def test_the_hint_names_the_wrong_command(self):
        for command in ("demo", "run", "test", "debug", "bench"):
            self.check(command, "--bogus", says=f"`./cotrap {command} --help`".encode())

    def test_options_are_accepted_before_between_and_after_names(self):
        for command, *groups in (
            ("bench", ("--time",), ("--harts", "2"), ("yield",), ("switch",)),
            ("demo", ("-q",), ("--harts", "2"), ("one",), ("two",)),
            ("test", ("--rest",), ("-j", "2"), ("one",), ("two",)),
            ("sim", ("--policy", "fifo"), ("--harts", "2"), ("web",)),
        ):
            names = [group for group in groups if not group[0].startswith("-")]
            ways = set()
            for order in itertools.permutations(groups):
                if [group for group in order if group in names] == names:
                    words = itertools.chain((command,), *order)
                    found = vars(options.parser().parse_args(list(words)))
                    ways.add(str(sorted((found | {"action": None}).items())))
            self.assertEqual(len(ways), 1, command)
        self.check("bench", "yield", "--bogus", "switch", says=b"arguments: --bogus (")

    def test_odd_names_and_numbers_are_refused(self):
        build = self.build.path
        long = "A" * 300
        self.check("run", "--build", build, long, says=b"no such file")
        self.check("run", "--build", build, "--add", long, says=b"no such file")
        self.check("run", "--build", long, says=b"--build")
        self.check("run", "--build", build, "", says=b"empty name")
        self.check("run", "--build", build, "--add", "", says=b"empty name")
        self.check("run", "--harts", "\u0663", says=b"--harts")
        self.check("run", "--harts", "9" * 5000, says=b"--harts")
        self.check("run", "--timeout", "\u0663", says=b"--timeout")
        self.check("run", "--mem", "255G", says=b"255G")
        self.check("run", "--disk", "a", "--disk", "b", says=b"--disk: give it only once")
        self.check("test", "--minutes", "0", "soak", says=b"'0' is not a number of minutes")
        self.check("run", "--mem", "9" * 21 + "G", says=b"--mem")

    def test_a_time_may_have_a_unit(self):
        def parsed(*words: str):
            return options.parser().parse_args(words)

        for text, seconds in (("1s", 1), ("500ms", 0.5), ("1.5us", 1.5e-6), ("9ns", 9e-9), ("2min", 120)):
            self.assertEqual(parsed("sim", "web", "--duration", text).duration, seconds)
            self.assertEqual(parsed("bench", "--timeout", text).timeout, seconds)
        self.assertEqual(parsed("sim", "web", "--duration", "3"), parsed("sim", "web", "--duration", "3s"))
        self.assertEqual(parsed("sim", "web", "--slice", "2s").slice, 2000)
        self.assertEqual(parsed("test", "--minutes", "90s", "soak").minutes, 1.5)
        self.assertEqual(parsed("sim", "web", "--cost", "change=2us").cost, [("change", 2000)])
        for text in ("1h", "s", "0s", "infs", "nanms", "-1s", "1s2"):
            self.check("sim", "web", f"--duration={text}", says=b"nor one with ns, us, ms, s or min")

    def test_the_kernel_gets_no_options_reserved_for_the_command(self):
        for word in ("mark=1", "stdin=framed", "size=1x1", "init=/bin/ls", "m%61rk=1"):
            self.check("run", "--append", f"policy=fifo {word}", says=b"the command's own")
        self.check("demo", "--append", "mark=1", says=b"'mark' is the command's own")
        self.assertEqual(self.run_quiet("exit 6", options=("--append", "arg=x")).returncode, 6)

    def test_a_machine_too_small_for_the_boot_archive_is_refused_with_the_size_it_needs(self):
        build = self.build.path
        for size in (b"4M", b"11M"):
            printed = b"--mem " + size + b" is too little"
            self.check("run", "--build", build, "--mem", size.decode(), says=printed)
        self.build.demo("some", "-", "true")
        self.check("demo", "--build", build, "--mem", "4M", says=b"is enough")
        big = self.build.path / "big"
        with open(big, "wb") as file:
            file.truncate(40 << 20)
        program = self.build.file("program", "true")
        run = ("run", "-q", "--build", build, "--add", big, "--mem")
        self.check(*run, "82M", program, says=b"archive of 40.0 MiB: --mem 93M is enough")
        self.assertEqual(called(*run, "93M", program).returncode, 0)

    def test_an_endless_folder_and_too_long_arguments_are_refused(self):
        program = self.build.file("program", "true")
        folder = self.build.path / "round"
        folder.mkdir()
        (folder / "up").symlink_to("..")
        run = ("run", "-q", "--build", self.build.path)
        self.check(*run, "--add", folder, program, says=b"is a link to a folder that contains it")
        self.check(*run, program, *["x" * 1000] * 200, says=b"arguments are too long")

    def test_a_file_that_cannot_be_packed_is_named(self):
        build = self.build.path
        program = self.build.file("program", "true")

        def check(added, says: bytes):
            self.check("run", "--build", build, "--add", added, program, says=says)

        check("/proc/self/mem", says=b"/proc/self/mem: Input/output error")
        check(self.build.file("odd/run", "true"), says=b"/run is a file")
        check(self.build.file("odd/bin", "true"), says=b"/bin is a folder")
        check(self.build.file("odd/TRAILER!!!", "true"), says=b"TRAILER!!!")
        check(self.build.file("odd/tmp", "true"), says=b"the kernel makes this folder")

    def test_a_disk_is_a_writable_file_of_whole_sectors(self):
        folder = self.build.path / "disks"
        folder.mkdir()
        for name, size in (("good", 1024), ("odd", 1000), ("empty", 0), ("fixed", 512)):
            (folder / name).write_bytes(bytes(size))
        (folder / "fixed").chmod(0o444)
        program = self.build.file("program", "echo here")

        def run(disk: str) -> tuple[str, ...]:
            return ("run", "-q", "--build", self.build.path, "--disk", folder / disk, program)

        for name in ("good", "good,ro", "fixed,ro"):
            done = called(*run(name))
            self.assertEqual((done.stdout, done.stderr, done.returncode), (b"here\n", b"", 0))
        self.check(*run("missing"), says=b"no such file")
        self.check(*run("missing,ro"), says=b"no such file")
        self.check(*run("odd"), says=b"its size, 1000 bytes, is no multiple of a sector")
        self.check(*run("empty"), says=b"empty")
        self.check(*run("."), says=b"is a directory")
        self.check(*run(".,ro"), says=b"not a file")
        self.check("run", "--build", self.build.path, "--disk", "", says=b"--disk")
        if os.geteuid() != 0:
            self.check(*run("fixed"), says=b"permission denied")

    def test_a_symbolic_link_to_the_command_works(self):
        link = self.build.path / "a link"
        link.symlink_to(ROOT / "cotrap")
        done = subprocess.run([link, "--help"], capture_output=True, timeout=HANGS)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_a_help_text_that_cannot_be_written_is_a_write_error(self):
        """argparse drops the error: Python 3.13 then ends with status 0 if its output is not buffered."""
        full = mock.Mock(write=mock.Mock(side_effect=OSError(errno.ENOSPC, "full")))
        with mock.patch("sys.stdout", full), self.assertRaises(OSError):
            options.parser().parse_args(["run", "--help"])
        with open("/dev/full", "w") as device:
            done = subprocess.run(
                [ROOT / "cotrap", "--help"],
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                stdout=device,
                stderr=subprocess.PIPE,
                timeout=HANGS,
            )
        self.assertEqual((done.returncode, done.stderr.count(b"\n")), (125, 1), done.stderr)

    def test_a_message_that_cannot_be_written_changes_no_status(self):
        for words, status in ((["--help"], 125), (["nonsense"], 2)):
            with open("/dev/full", "w") as full:
                done = subprocess.run(
                    [ROOT / "cotrap", *words], stdout=full, stderr=full, timeout=HANGS
                )
            self.assertEqual(done.returncode, status, words)

    def test_the_command_ends_without_pythons_own_end(self):
        """Python's own end can crash while a thread of the command still runs."""
        script = (
            "import atexit, runpy, sys\n"
            "atexit.register(print, 'the end')\n"
            "sys.argv = ['cotrap', 'sim', '--list']\n"
            "runpy.run_module('cotrap', run_name='__main__')\n"
        )
        done = subprocess.run(
            ["/usr/bin/python3", "-c", script],
            cwd=ROOT / "cmake" / "tools",
            capture_output=True,
            text=True,
            timeout=HANGS,
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn("the end", done.stdout)

    def test_every_status_of_the_command_is_documented(self):
        statuses = {value for value in vars(errors).values() if isinstance(value, int)}
        self.assertLessEqual({2, 124, 125, 141}, statuses)
        page = (ROOT / "docs" / "reference" / "exit-statuses.md").read_text()
        of_commands = page.partition("## Of programs")[0]
        rows = {int(status) for status in re.findall(r"^\| (\d+) \|", of_commands, re.MULTILINE)}
        self.assertLessEqual(statuses, rows)

    def test_a_file_that_the_kernel_cannot_run_is_status_126_with_the_reason(self):
        program = self.build.path / "program"
        program.write_text("text")
        done = called("run", "-q", "--build", self.build.path, program)
        self.assertEqual(done.returncode, 126)
        self.assertIn(b"program is neither an ELF program for this machine nor a script", done.stderr)
        self.assertNotIn(b"hint", done.stderr)

    def test_a_refused_file_with_the_name_of_a_guests_program_gives_a_hint(self):
        self.build.program("guests", "exit")
        program = self.build.path / "guests"
        program.write_text("text")
        done = called("run", "-q", "--build", self.build.path, program)
        self.assertEqual(done.returncode, 126)
        hint = b"hint: guests without a folder is the program in the guest's /bin"
        self.assertIn(hint, done.stderr)

    def test_top_requires_a_program_and_its_help_shows_it(self):
        self.check("top", says=b"arguments are required: FILE (`./cotrap top --help`")
        printed = called("top", "--help").stdout.decode()
        self.assertRegex(printed, r"\sFILE \.\.\.\s")
        self.assertNotIn("instead of", printed)
        self.assertIn("[FILE] ...", called("run", "--help").stdout.decode())

    def test_every_command_has_help(self):
        for command in ("setup", "demo", "run", "test", "debug"):
            done = called(command, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertIn(command.encode(), done.stdout)

    def test_no_sentence_of_a_help_text_has_more_than_30_words(self):
        whole = options.parser()
        [commands] = (each for each in whole._actions if isinstance(each, argparse._SubParsersAction))
        for parser in (whole, *commands.choices.values()):
            expand = parser._get_formatter()._expand_help
            helps = (expand(each) for each in parser._actions if each.help not in (None, argparse.SUPPRESS))
            for text in filter(None, (parser.description, parser.epilog, *helps)):
                for sentence in re.split(r"(?<=[.?!])\s+", text):
                    self.assertLessEqual(len(sentence.split()), 30, f"{parser.prog}: {sentence}")


class Demo(unittest.TestCase):
    def setUp(self):
        self.build = FakeBuild()
        self.addCleanup(self.build.remove)
        self.build.demo("good", "-", "echo fine")
        self.build.demo("typed", r"\dhi\n", 'read x; [ "$x" = hi ]')

    def demo(self, *arguments):
        done = called("demo", "--build", self.build.path, *arguments)
        return done.returncode, done.stdout.decode()

    def test_every_demo_has_a_verdict_line_and_success_is_status_0(self):
        status, out = self.demo()
        self.assertEqual(status, 0)
        self.assertRegex(out, r"(?m)^ok +good .*shows good$")
        self.assertRegex(out, r"(?m)^ok +typed ")
        self.assertNotIn("fine", out)

    def test_a_new_build_has_no_list_of_demos_before_it_is_made(self):
        manifest = self.build.path / "initrd-root" / "etc" / "demos"
        lines = manifest.read_text()
        manifest.unlink()

        def make(_preset, *targets):
            if targets in ((), (build.PROGRAMS,)):
                manifest.write_text(lines)
            return self.build.path

        out = io.StringIO()
        with mock.patch.object(build, "make", make), contextlib.redirect_stdout(out):
            status = demo.run(options.parser().parse_args(["demo", "--list"]))
        self.assertEqual(status, 0)
        self.assertIn("shows good", out.getvalue())

    def test_a_failed_demo_shows_its_output_and_gives_status_1(self):
        self.build.demo("bad", "-", "echo because; exit 4")
        status, out = self.demo()
        self.assertEqual(status, 1)
        self.assertRegex(out, r"(?m)^FAILED +bad ")
        self.assertIn("because", out)
        self.assertIn("exit status 4", out)

    def test_named_demos_show_all_their_output(self):
        status, out = self.demo("good")
        self.assertEqual(status, 0)
        self.assertIn("\nfine\n", out)
        self.assertNotIn("typed", out)

    def test_a_demo_runs_on_its_own_machine_unless_the_user_names_another(self):
        self.build.demo("many", "-", "echo $FAKE_HARTS harts", harts=4)
        self.assertIn("\n4 harts\n", self.demo("many")[1])
        self.assertIn("\n2 harts\n", self.demo("--harts", "2", "many")[1])

    def test_the_kernel_has_self_tests_if_a_demo_or_the_user_requests_them(self):
        self.build.demo("outside", "-", "echo boots $FAKE_IMAGE")
        self.build.demo("inside", "-", "echo boots $FAKE_IMAGE", needs="SELF_TESTS")
        for words, kernel in (
            (("outside",), "cotrap.elf"),
            (("inside",), "cotrap-tests.elf"),
            (("--self-tests", "outside"), "cotrap-tests.elf"),
        ):
            self.assertIn(f"\nboots {kernel}\n", self.demo(*words)[1], words)

    def test_ctrl_d_can_be_typed_and_is_documented(self):
        self.build.demo("copies", r"\dhi\n\x04", '[ "$(cat)" = hi ]')
        self.assertEqual(self.demo("copies")[0], 0)
        for page in ("user/include/user/demo.h", "docs/programs.md"):
            self.assertRegex((ROOT / page).read_text(), r"\\x04`?( \|)? (is )?Ctrl-D", page)

    def test_a_demo_that_takes_too_long_fails(self):
        self.build.demo("slow", "-", "exec sleep 30")
        status, out = self.demo("--timeout", "0.5", "slow")
        self.assertEqual(status, 1)
        self.assertIn("after 0.5 s", out)

    def test_kernel_options_and_files_reach_every_demo(self):
        status, out = self.demo("--append", "fake=panic")
        self.assertEqual(status, 1)
        self.assertIn("all is lost", out)
        file = self.build.file("given", "echo it is here")
        self.build.demo("reads", "-", "./given")
        self.assertIn("it is here", self.demo("--add", file, "reads")[1])

    def test_quiet_shows_verdict_lines_and_the_output_of_failed_demos(self):
        self.build.demo("bad", "-", "echo because; exit 4")
        status, out = self.demo("-q")
        self.assertEqual(status, 1)
        self.assertRegex(
            out, r"\Aok +good .*\nok +typed .*\nFAILED +bad .*\n +\| because\n +\| exit status 4\n\Z"
        )
        self.assertRegex(self.demo("--quiet", "good")[1], r"\Aok +good .*\n\Z")

    def test_the_list_has_one_line_per_demo(self):
        self.assertEqual(self.demo("--list")[1].splitlines()[0].split()[0], "good")
        self.assertEqual(len(self.demo("--list")[1].splitlines()), 2 + len(PACKAGED))

    def test_columns_are_as_wide_as_the_longest_name(self):
        longest = "of-a-very-long-name"
        self.build.demo(longest, "-", "echo fine")
        for words, column in (((), r"\d+\.\d s"), (("--list",), "shows ")):
            out = self.demo(*words)[1]
            found = re.findall(rf"^(.*(?:good|typed|{longest}) +){column}", out, re.MULTILINE)
            self.assertEqual(len(found), 3, out)
            self.assertEqual(len(set(map(len, found))), 1, out)


if __name__ == "__main__":
    unittest.main()
