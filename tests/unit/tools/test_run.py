"""`./cotrap run` passes on output and exit status, and leaves no process behind."""

import os
import signal
import subprocess
import unittest

from support import HANGS, ROOT, Command, cotrap, environment, gone
from test_elf import FIXED, RISCV
from test_elf import program as elf_program


class Run(Command):
    def test_the_exit_status_is_the_programs(self):
        for status in (0, 1, 42, 255):
            self.assertEqual(self.run_quiet(f"exit {status}").returncode, status)
        self.assertEqual(self.run_quiet("kill -9 $$").returncode, 128 + signal.SIGKILL)

    def test_a_program_that_the_kernel_refuses_is_reported_with_the_reason(self):
        refused = self.build.path / "refused"
        refused.write_bytes(elf_program(RISCV, FIXED))
        done = cotrap("run", "-q", "--build", self.build.path, refused)
        self.assertEqual((done.returncode, done.stdout), (126, b""))
        self.assertEqual(done.stderr, b"cotrap: refused cannot be started: Exec format error\n")
        done = self.run_quiet("exit 126")  # a program's own status needs no message
        self.assertEqual((done.returncode, done.stderr), (126, b""))

    def test_standard_output_is_exactly_what_the_program_wrote(self):
        done = self.run_quiet(r"printf 'a\n\0\036b\r\n'; printf 'unfinished'")
        self.assertEqual(done.stdout, b"a\n\0\x1eb\r\nunfinished")
        self.assertEqual(done.stderr, b"")

    def test_the_kernel_has_self_tests_only_on_request(self):
        for options, kernel in (((), b"cotrap.elf"), (("--self-tests",), b"cotrap-tests.elf")):
            done = self.run_quiet("printf %s $FAKE_IMAGE", options=options)
            self.assertEqual(done.stdout, kernel)

    def test_standard_error_is_separate_if_it_is_another_file(self):
        every_byte = bytes(range(256)) * 8
        file = self.build.path / "initrd-root" / "bytes"
        file.write_bytes(every_byte)
        for quiet in (("-q",), ()):
            program = self.build.file("program", "cat bytes; cat bytes >&2; exit 7")
            done = cotrap("run", *quiet, "--build", self.build.path, program)
            self.assertEqual((done.returncode, done.stderr), (7, every_byte))
            self.assertIn(every_byte, done.stdout)
            self.assertEqual(b"booting" in done.stdout, not quiet)

    def test_both_outputs_in_one_file_keep_the_order_of_the_writes(self):
        script = "for i in $(seq 50); do echo out $i; echo err $i >&2; done"
        done = self.redirected("2>&1", self.build.file("program", script))
        wanted = "".join(f"out {i}\nerr {i}\n" for i in range(1, 51))
        self.assertEqual((done.returncode, done.stdout.decode()), (0, wanted))
        self.assertEqual(done.stderr, b"")

    def test_a_closed_standard_error_ends_the_run(self):
        program = self.build.file("program", "yes >&2")
        done = self.redirected("2>&1 >/dev/null | head -n 1", program)
        self.assertEqual(done.stdout, b"y\n")

    def test_megabytes_of_input_and_output_pass_unchanged(self):
        data = os.urandom(4 << 20)
        self.assertEqual(self.run_quiet("exec cat", stdin=data).stdout, data)

    def test_all_words_after_the_program_are_its_arguments(self):
        given = ("-q", "--help", "--", "a b", "", "50%", 'x"y', "ö", "--timeout", "1")
        done = self.run_quiet(r"""for a; do printf '%s\n' "$a"; done""", *given)
        self.assertEqual(done.stdout.decode().splitlines(), list(given))

    def test_an_option_of_the_command_after_the_program_gives_a_hint(self):
        program = self.build.file("late", r"""for a; do printf '%s\n' "$a"; done""")
        run = ("run", "--build", self.build.path)
        for given, names in (
            (("--harts", "2"), b"--harts"),
            (("x", "--mem=64M", "--harts", "2"), b"--mem, --harts"),
        ):
            done = cotrap(*run, program, *given)
            hint = b"cotrap: hint: late gets %s; put options of the command before late\n"
            self.assertEqual((done.returncode, done.stderr), (0, hint % names))
            self.assertIn("\n".join(given) + "\n", done.stdout.decode())
        for words in (
            (*run, program, "--help", "-q", "--other", "--", "--harts"),
            (*run, "-q", program, "--harts", "2"),
        ):
            self.assertEqual(cotrap(*words).stderr, b"")

    def test_a_name_without_a_file_is_a_program_of_the_archive(self):
        self.build.program("greet", 'echo "greets $1"; exit 7')
        done = cotrap("run", "-q", "--build", self.build.path, "greet", "x")
        self.assertEqual((done.stdout, done.returncode), (b"greets x\n", 7))
        for name, says in (("nobody", b"no such file or program"), ("no/greet", b"no such file")):
            done = cotrap("run", "-q", "--build", self.build.path, name)
            self.assertEqual((done.stdout, done.returncode), (b"", 2))
            self.assertIn(says, done.stderr)

    def test_programs_of_the_kernel_need_no_archive_and_have_numbers_and_names(self):
        run = ("run", "-q", "--build", self.build.path, "--builtin")
        for given, runs in (
            ((), b"1 0\n"),
            (("2", "a"), b"1 2 a\n"),
            (("sh", "-c", "exit"), b"1 /bin/sh -c exit\n"),
            (("/builtin/1",), b"1 /builtin/1\n"),
        ):
            done = cotrap(*run, *given)
            self.assertEqual((done.stdout, done.stderr, done.returncode), (runs, b"", 0))
        done = cotrap(*run, "99")
        self.assertEqual(done.returncode, 127)
        self.assertIn(b"99 cannot be started: No such file or directory (the build option", done.stderr)
        done = cotrap(*run, "--add", self.build.path, "sh")
        self.assertEqual((done.stdout, done.returncode), (b"", 2))
        self.assertIn(b"leave out --add", done.stderr)

    def test_added_files_are_in_the_guests_root(self):
        (self.build.path / "extra").mkdir(exist_ok=True)
        (self.build.path / "extra" / "note").write_text("here\n")
        done = self.run_quiet("cat extra/note", options=("--add", self.build.path / "extra"))
        self.assertEqual(done.stdout, b"here\n")

    def test_run_without_a_program_starts_the_shell(self):
        done = cotrap("run", "-q", "--build", self.build.path, stdin=b"echo $((6 * 7)); exit 3")
        self.assertEqual((done.stdout, done.returncode), (b"42\n", 3))

    def test_a_program_that_takes_too_long_is_stopped_with_124(self):
        done = self.run_quiet("echo begun; exec sleep 600", options=("--timeout", "1"))
        self.assertEqual(done.returncode, 124)
        self.assertIn(done.stdout, (b"begun\n", b""))  # on a busy host it may not have started
        self.assertRegex(done.stderr, rb"still (running|booting) after 1 s")

    def test_a_panic_is_reported_on_standard_error_with_125(self):
        done = self.run_quiet("true", options=("--append", "fake=panic"))
        self.assertEqual((done.stdout, done.returncode), (b"", 125))
        self.assertIn(b"all is lost", done.stderr)

    def test_a_dead_qemu_is_reported_with_its_message_and_125(self):
        done = self.run_quiet("true", options=("--append", "fake=die"))
        self.assertEqual((done.stdout, done.returncode), (b"", 125))
        self.assertIn(b"no such machine", done.stderr)

    def test_a_machine_that_does_not_power_off_is_ended_soon(self):
        done = self.run_quiet("exit 5", options=("--append", "fake=linger"))
        self.assertEqual(done.returncode, 5)

    def test_no_other_file_takes_the_number_of_a_closed_standard_file(self):
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

    def test_a_folder_as_standard_input_is_one_line_and_2(self):
        done = self.redirected("</", self.build.file("program", "true"))
        self.assertEqual(
            (done.returncode, done.stdout, done.stderr),
            (2, b"", b"cotrap: standard input is a folder: redirect it from a file or from /dev/null\n"),
        )

    def test_a_disk_in_use_by_another_machine_is_named(self):
        disk = self.build.file("disk", "x" * 512)
        os.truncate(disk, 512)
        done = self.run_quiet("true", options=("--disk", disk, "--append", "fake=locked"))
        self.assertEqual(done.returncode, 125)
        self.assertRegex(done.stderr, rb"\Acotrap: --disk .*/disk: another machine uses this disk: end that one first\n\Z")
        done = self.run_quiet("true", options=("--disk", disk, "--append", "fake=broken-disk"))
        self.assertIn("-blockdev …: Could not read the disk", done.stderr.decode())

    def test_output_that_cannot_be_written_is_one_line_and_125(self):
        done = self.redirected(">/dev/full", self.build.file("program", "yes"))
        self.assertEqual(done.returncode, 125)
        self.assertEqual(
            done.stderr, b"cotrap: cannot write the output: No space left on device\n"
        )

    def test_a_help_text_that_cannot_be_written_is_one_line_and_125(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [ROOT / "cotrap", "--help"], stdout=full, stderr=subprocess.PIPE, timeout=HANGS
            )
        self.assertEqual((done.returncode, done.stderr.count(b"\n")), (125, 1), done.stderr)

    def redirected(self, redirection: str, program) -> subprocess.CompletedProcess:
        return subprocess.run(
            ["sh", "-c", f'exec "$@" {redirection}', "sh"]
            + [ROOT / "cotrap", "run", "-q", "--build", self.build.path, program],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment(),
            timeout=HANGS,
        )

    def test_kernel_lines_are_shown_unless_quiet_and_firmware_lines_never(self):
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
            self.assertEqual(command.wait(HANGS), status)
            command.stdout.close()
            self.assertTrue(gone(machine[0]), "QEMU was left behind")

    def test_an_interrupt_at_any_moment_is_status_130_and_no_traceback(self):
        """SIGINT arrives when Python has started, when it loads a module, and when it ends."""
        folder = self.build.path / "hook"
        folder.mkdir()
        (folder / "sitecustomize.py").write_text(INTERRUPTS_ITSELF)
        for moment in ("start", "cotrap.errors", "cotrap.options", "cotrap.commands.run", "end"):
            words = ("--build", "/no/such") if moment == "cotrap.commands.run" else ("--help",)
            done = subprocess.run(
                [ROOT / "cotrap", "run", *words],
                env=os.environ | {"PYTHONPATH": str(folder), "MOMENT": moment},
                capture_output=True,
                timeout=HANGS,
            )
            status = 0 if moment == "end" else 128 + signal.SIGINT
            self.assertEqual((done.returncode, done.stderr), (status, b""), moment)


# Python loads this module first. The module sends SIGINT at the requested moment.
INTERRUPTS_ITSELF = """
import atexit, os, signal, sys

MOMENT = os.environ["MOMENT"]

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

class Finder:
    @staticmethod
    def find_spec(name, *_):
        if name == MOMENT:
            interrupt()

sys.meta_path.insert(0, Finder)
if MOMENT == "start":
    interrupt()
if MOMENT == "end":
    atexit.register(interrupt)
"""


def children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(word) for word in file.read().split()]


if __name__ == "__main__":
    unittest.main()
