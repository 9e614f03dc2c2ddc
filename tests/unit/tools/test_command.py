"""The command as its user meets it: standard output, exit status, and what is left behind."""

import os
import pty
import select
import signal
import subprocess
import termios
import time
import unittest

from support import ROOT, FakeBuild, cotrap, environment


class Command(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.build = FakeBuild()
        cls.addClassCleanup(cls.build.remove)

    def run_quiet(self, script: str, *arguments, stdin: bytes = b"", options=()):
        program = self.build.file("program", script)
        return cotrap(
            "run", "-q", "--build", self.build.path, *options, program, *arguments, stdin=stdin
        )


class Run(Command):
    def test_the_exit_status_is_the_programs(self):
        for status in (0, 1, 42, 255):
            self.assertEqual(self.run_quiet(f"exit {status}").returncode, status)
        self.assertEqual(self.run_quiet("kill -9 $$").returncode, 128 + signal.SIGKILL)

    def test_standard_output_is_exactly_what_the_program_wrote(self):
        done = self.run_quiet(r"printf 'a\n\0\036b\r\n'; printf 'unfinished'")
        self.assertEqual(done.stdout, b"a\n\0\x1eb\r\nunfinished")
        self.assertEqual(done.stderr, b"")

    def test_megabytes_go_through_both_ways_unchanged(self):
        data = os.urandom(4 << 20)
        self.assertEqual(self.run_quiet("exec cat", stdin=data).stdout, data)

    def test_everything_after_the_program_is_its_arguments(self):
        given = ("-q", "--help", "--", "a b", "", "50%", 'x"y', "ö", "--timeout", "1")
        done = self.run_quiet(r"""for a; do printf '%s\n' "$a"; done""", *given)
        self.assertEqual(done.stdout.decode().splitlines(), list(given))

    def test_added_files_are_in_the_guests_root(self):
        (self.build.path / "extra").mkdir(exist_ok=True)
        (self.build.path / "extra" / "note").write_text("here\n")
        done = self.run_quiet("cat extra/note", options=("--add", self.build.path / "extra"))
        self.assertEqual(done.stdout, b"here\n")

    def test_without_a_program_it_is_the_shell(self):
        done = cotrap("run", "-q", "--build", self.build.path, stdin=b"echo $((6 * 7)); exit 3")
        self.assertEqual((done.stdout, done.returncode), (b"42\n", 3))

    def test_a_program_that_takes_too_long_is_stopped_with_124(self):
        done = self.run_quiet("echo begun; sleep 60", options=("--timeout", "1"))
        self.assertEqual((done.stdout, done.returncode), (b"begun\n", 124))
        self.assertIn(b"still running after 1 s", done.stderr)

    def test_a_panic_is_reported_apart_with_125(self):
        done = self.run_quiet("true", options=("--append", "fake=panic"))
        self.assertEqual((done.stdout, done.returncode), (b"", 125))
        self.assertIn(b"all is lost", done.stderr)

    def test_qemu_that_dies_is_reported_with_its_complaint_and_125(self):
        done = self.run_quiet("true", options=("--append", "fake=die"))
        self.assertEqual((done.stdout, done.returncode), (b"", 125))
        self.assertIn(b"no such machine", done.stderr)

    def test_a_machine_that_does_not_switch_itself_off_is_not_waited_for_long(self):
        begun = time.monotonic()
        self.assertEqual(
            self.run_quiet("exit 5", options=("--append", "fake=linger")).returncode, 5
        )
        self.assertLess(time.monotonic() - begun, 10)

    def test_closed_standard_files_are_no_others_instead(self):
        program = self.build.file("program", "cat; echo out")
        for redirection, status, out in (
            ("<&-", 0, b"out\n"),
            ("2>&-", 0, b"out\n"),
            (">&-", 125, b""),
            ("<&- >&- 2>&-", 125, b""),
        ):
            done = self.redirected(redirection, program)
            self.assertEqual((done.returncode, done.stdout), (status, out), redirection)
            self.assertLessEqual(done.stderr.count(b"\n"), 1, done.stderr)

    def test_output_that_cannot_be_written_is_one_line_and_125(self):
        done = self.redirected(">/dev/full", self.build.file("program", "yes"))
        self.assertEqual(done.returncode, 125)
        self.assertEqual(
            done.stderr, b"cotrap: the output cannot be written: No space left on device\n"
        )

    def test_a_help_that_cannot_be_written_is_one_line_and_125(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [ROOT / "cotrap", "--help"], stdout=full, stderr=subprocess.PIPE, timeout=30
            )
        self.assertEqual((done.returncode, done.stderr.count(b"\n")), (125, 1), done.stderr)

    def redirected(self, redirection: str, program) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["sh", "-c", f'exec "$@" {redirection}', "sh"]
            + [ROOT / "cotrap", "run", "-q", "--build", self.build.path, program],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment(),
            timeout=30,
        )

    def test_kernel_lines_are_shown_unless_quiet_and_the_firmware_never(self):
        program = self.build.file("program", "echo out")
        done = cotrap("run", "--build", self.build.path, program)
        lines = done.stdout.decode().splitlines()
        self.assertRegex(lines[0], r"^\[ *\d+\.\d+ h0\] booting$")
        self.assertEqual(lines[1], "out")
        self.assertNotIn(b"OpenSBI", done.stdout)

    def test_a_signal_ends_the_command_and_its_machine(self):
        program = self.build.file("program", 'echo "$$"; exec sleep 60')
        for number, status in ((signal.SIGTERM, 128 + 15), (signal.SIGKILL, -9)):
            command = subprocess.Popen(
                [ROOT / "cotrap", "run", "-q", "--build", self.build.path, program],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env=environment(),
            )
            command.stdout.readline()
            machine = children(command.pid)
            self.assertEqual(len(machine), 1)
            command.send_signal(number)
            self.assertEqual(command.wait(10), status)
            command.stdout.close()
            self.assertTrue(gone(machine[0]), "QEMU was left behind")


class Usage(Command):
    def check(self, *arguments, says: bytes):
        done = cotrap(*arguments)
        self.assertEqual((done.returncode, done.stdout), (2, b""))
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertIn(says, done.stderr)

    def test_what_cannot_be_is_one_line_and_status_2(self):
        build = self.build.path
        self.check(says=b"COMMAND")
        self.check("dance", says=b"dance")
        self.check("run", "--fast", says=b"--fast")
        self.check("run", "--harts", "0", says=b"--harts")
        self.check("run", "--timeout", "soon", says=b"soon")
        self.check("run", "--build", build, "/no/such/file", says=b"/no/such/file")
        self.check("run", "--build", build, "/tmp", says=b"not a file")
        self.check("run", "--build", build, "--add", "/no/such", says=b"/no/such")
        self.check("run", "--build", "/no/such", says=b"--build")
        self.check("demo", "--build", build, "nonesuch", says=b"nonesuch")

    def test_the_hint_names_the_command_that_was_wrong(self):
        for command in ("demo", "run", "test", "debug"):
            self.check(command, "--bogus", says=f"`./cotrap {command} --help`".encode())

    def test_odd_names_and_numbers_are_no_less_wrong(self):
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
        self.check("run", "--mem", "9" * 21 + "G", says=b"--mem")

    def test_what_cannot_be_packed_is_named(self):
        build = self.build.path
        program = self.build.file("program", "true")

        def check(added, says: bytes):
            self.check("run", "--build", build, "--add", added, program, says=says)

        check("/proc/self/mem", says=b"/proc/self/mem: Input/output error")
        check(self.build.file("odd/run", "true"), says=b"/run is a file")
        check(self.build.file("odd/bin", "true"), says=b"/bin is a folder")
        check(self.build.file("odd/TRAILER!!!", "true"), says=b"TRAILER!!!")

    def test_a_symbolic_link_to_the_command_is_the_command(self):
        link = self.build.path / "a link"
        link.symlink_to(ROOT / "cotrap")
        done = subprocess.run([link, "--help"], capture_output=True, timeout=30)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_every_command_has_help(self):
        for command in ("setup", "demo", "run", "test", "debug"):
            done = cotrap(command, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertIn(command.encode(), done.stdout)


class Demo(unittest.TestCase):
    def setUp(self):
        self.build = FakeBuild()
        self.addCleanup(self.build.remove)
        self.build.demo("good", "-", "echo fine")
        self.build.demo("typed", r"\dhi\n", 'read x; [ "$x" = hi ]')

    def demo(self, *arguments):
        done = cotrap("demo", "--build", self.build.path, *arguments)
        return done.returncode, done.stdout.decode()

    def test_every_demo_has_a_verdict_line_and_success_is_status_0(self):
        status, out = self.demo()
        self.assertEqual(status, 0)
        self.assertRegex(out, r"(?m)^ok +good .*shows good$")
        self.assertRegex(out, r"(?m)^ok +typed ")
        self.assertNotIn("fine", out)

    def test_one_that_fails_shows_its_output_and_makes_it_status_1(self):
        self.build.demo("bad", "-", "echo because; exit 4")
        status, out = self.demo()
        self.assertEqual(status, 1)
        self.assertRegex(out, r"(?m)^FAILED +bad ")
        self.assertIn("because", out)
        self.assertIn("exit status 4", out)

    def test_named_demos_show_all_they_print(self):
        status, out = self.demo("good")
        self.assertEqual(status, 0)
        self.assertIn("\nfine\n", out)
        self.assertNotIn("typed", out)

    def test_the_list_has_a_line_each(self):
        self.assertEqual(self.demo("--list")[1].splitlines()[0].split()[0], "good")
        self.assertEqual(len(self.demo("--list")[1].splitlines()), 2)


class Terminal(Command):
    def start(self, script: str):
        program = self.build.file("program", script)
        outer, inner = pty.openpty()
        before = termios.tcgetattr(inner)
        command = subprocess.Popen(
            [
                "setsid",
                "--ctty",
                "--wait",
                ROOT / "cotrap",
                "run",
                "--build",
                self.build.path,
                program,
            ],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env=environment(),
        )
        self.addCleanup(command.wait)
        self.addCleanup(command.kill)
        self.addCleanup(os.close, outer)
        self.addCleanup(os.close, inner)
        return outer, inner, before, command

    def read_until(self, terminal: int, text: bytes) -> bytes:
        seen = b""
        deadline = time.monotonic() + 10
        while text not in seen:
            left = deadline - time.monotonic()
            self.assertTrue(left > 0 and select.select([terminal], [], [], left)[0], seen)
            seen += os.read(terminal, 4096)
        return seen

    def test_ctrl_a_x_leaves_and_puts_the_settings_back(self):
        outer, inner, before, command = self.start("echo begun; exec cat")
        self.read_until(outer, b"begun")
        self.assertNotEqual(termios.tcgetattr(inner), before)
        os.write(outer, b"\x01x")
        self.assertEqual(command.wait(10), 130)
        self.assertEqual(termios.tcgetattr(inner), before)

    def test_the_settings_are_put_back_when_the_machine_is_killed(self):
        outer, inner, before, command = self.start("echo begun; sleep 0.5; kill -9 $PPID")
        self.read_until(outer, b"begun")
        self.assertEqual(command.wait(10), 125)
        self.assertEqual(termios.tcgetattr(inner), before)

    def test_silence_is_explained_after_two_seconds(self):
        outer, _, _, command = self.start("sleep 6; echo at last")
        seen = self.read_until(outer, b"at last")
        self.assertRegex(seen, rb"program is running; Ctrl-A X leaves \(\d s\)")
        command.wait(10)


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


def gone(pid: int) -> bool:
    for _ in range(100):
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


if __name__ == "__main__":
    unittest.main()
