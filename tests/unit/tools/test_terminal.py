"""`./cotrap run` changes the settings of a terminal and restores them."""

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import termios
import time
import unittest

from support import ROOT, Command, environment

# Seconds after which a text or the end of the command counts as missing. It is no limit for the command: on a
# busy host each test takes a few seconds.
GUARD = 60


class Terminal(Command):
    def start(self, script: str, errors=None):
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
            stderr=errors or inner,
            env=environment(),
        )
        self.addCleanup(command.wait)
        self.addCleanup(command.kill)
        self.addCleanup(os.close, outer)
        self.addCleanup(os.close, inner)
        return outer, inner, before, command

    def read_until(self, terminal: int, text: bytes, command: subprocess.Popen) -> bytes:
        """Fails at once if the command ends before it has written the text. The test itself has the terminal
        open, to read its settings; so reading does not report that end."""
        seen = b""
        deadline = time.monotonic() + GUARD
        while text not in seen:
            status = command.poll()
            if select.select([terminal], [], [], 0.1 if status is None else 0)[0]:
                seen += os.read(terminal, 4096)
            else:
                self.assertIsNone(status, f"the command ended before {text}, after {seen}")
                self.assertLess(time.monotonic(), deadline, f"no {text} after {GUARD} s: {seen}")
        return seen

    def await_text(self, file, text: bytes, command: subprocess.Popen) -> None:
        """Reads the file without moving the offset at which the command writes."""
        deadline = time.monotonic() + GUARD
        status = None
        while text not in (seen := os.pread(file.fileno(), 4096, 0)):
            self.assertIsNone(status, f"the command ended before {text}, after {seen}")
            self.assertLess(time.monotonic(), deadline, f"no {text} after {GUARD} s: {seen}")
            time.sleep(0.01)
            status = command.poll()

    def test_ctrl_a_x_ends_the_machine_and_restores_the_settings(self):
        outer, inner, before, command = self.start("echo begun; exec cat")
        self.read_until(outer, b"begun", command)
        self.assertNotEqual(termios.tcgetattr(inner), before)
        os.write(outer, b"\x01x")
        self.assertEqual(command.wait(GUARD), 130)
        self.assertEqual(termios.tcgetattr(inner), before)

    def test_a_kill_of_the_machine_restores_the_settings(self):
        outer, inner, before, command = self.start("echo begun; sleep 0.5; kill -9 $PPID")
        self.read_until(outer, b"begun", command)
        self.assertEqual(command.wait(GUARD), 125)
        self.assertEqual(termios.tcgetattr(inner), before)

    def test_standard_error_is_the_terminal_unless_redirected(self):
        script = "for i in 1 2 3; do echo out$i; echo err$i >&2; done; echo last; exec cat"
        in_turn = b"out1\nerr1\nout2\nerr2\nout3\nerr3\nlast"  # the guest's terminal would add \r
        outer, _, _, command = self.start(script)
        self.assertIn(in_turn, self.read_until(outer, b"last", command))
        os.write(outer, b"\x01x")
        command.wait(GUARD)
        with tempfile.TemporaryFile() as errors:
            outer, _, _, command = self.start(script, errors)
            seen = self.read_until(outer, b"last", command)
            self.assertIn(b"out1\nout2\nout3\nlast", seen)
            self.await_text(errors, b"err3\n", command)  # the stand-in for QEMU passes it on later
            os.write(outer, b"\x01x")
            command.wait(GUARD)
            self.assertEqual(os.pread(errors.fileno(), 4096, 0), b"err1\nerr2\nerr3\n")

    def test_a_line_about_a_wait_stays_in_its_row(self):
        script = (
            "from cotrap.ui import Waiting\n"
            "with Waiting('x' * 300, show_after=0): input()\n"
        )
        outer, inner = pty.openpty()
        self.addCleanup(os.close, outer)
        self.addCleanup(os.close, inner)
        termios.tcsetwinsize(inner, (24, 40))
        command = [sys.executable, "-c", script]
        modules = os.environ | {"PYTHONPATH": str(ROOT / "cmake" / "tools")}
        waits = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner, env=modules)
        self.addCleanup(waits.wait)
        self.addCleanup(waits.kill)
        seen = self.read_until(outer, "…".encode(), waits)
        line = re.sub(r"\x1b\[\d*[A-Za-z]|\r", "", seen.decode())
        self.assertEqual(line, "cotrap: " + 30 * "x" + "…")
        os.write(outer, b"\n")
        self.assertEqual(waits.wait(GUARD), 0)

    def test_silence_is_explained_after_two_seconds(self):
        outer, _, _, command = self.start("read line; echo at last")
        seen = self.read_until(outer, b"quits (", command)
        self.assertIn(b"program is running; Ctrl-A X quits (", seen)
        os.write(outer, b"\r")
        self.read_until(outer, b"at last", command)
        command.wait(GUARD)

    def test_an_early_end_of_the_command_fails_the_test_at_once(self):
        outer, _, _, command = self.start("echo too early; exit 3")
        with self.assertRaisesRegex(AssertionError, r"ended before b'begun', after .*too early"):
            self.read_until(outer, b"begun", command)
        self.assertEqual(command.wait(GUARD), 3)


if __name__ == "__main__":
    unittest.main()
