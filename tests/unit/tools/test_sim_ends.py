"""The command reports a simulator that crashes or ends early. A user's policy can cause both."""

import signal
import subprocess
import time
import unittest
from pathlib import Path

from simulating import InAFolder
from support import HANGS, ROOT, cotrap, gone

from cotrap.errors import ToolError
from cotrap.sim.simulator import outcomes


class Ends(InAFolder):
    def simulator(self, script: str) -> Path:
        """Makes a fake simulator that lists one policy and then runs the script."""
        program = self.folder / "async" / "sim" / "cotrap_sim"
        program.parent.mkdir(parents=True)
        policies = '[ "$1" = policies ] && { printf "fifo\\tx\\n"; exit; }'
        program.write_text(f"#!/bin/sh\n{policies}\n{script}\n")
        program.chmod(0o755)
        return self.folder

    def test_a_crash_of_the_simulator_is_reported_with_signal_seed_and_debugger(self):
        build = self.simulator("echo one\nkill -SEGV $$")
        (build / "CMakeCache.txt").write_text("COTRAP_POLICY_HEADER:STRING=/x/mine.h\n")
        done = cotrap("sim", "web", "--policy", "fifo", "--seed", "7", "--build", build)
        printed = done.stderr.decode()
        self.assertEqual(done.returncode, 125)
        self.assertIn("policy of /x/mine.h, or the simulator, was killed by SIGSEGV", printed)
        self.assertIn("with seed 8", printed)
        self.assertRegex(printed, r"gdb --args \S*cotrap_sim \S*web.workload policy=fifo seeds=8 ")

    def test_a_simulator_that_ends_too_soon_is_reported(self):
        build = self.simulator("exit 0")
        done = cotrap("sim", "web", "--policy", "fifo", "--seeds", "1..3", "--build", build)
        self.assertEqual(done.returncode, 125)
        printed = done.stderr.decode()
        self.assertIn("ended early, with status 0, after 0 of 3 runs", printed)
        self.assertRaises(ToolError, outcomes, [""], 1)

    def test_a_signal_to_the_command_ends_its_simulators(self):
        begun = self.folder / "begun"
        build = self.simulator(f"echo $$ >>{begun}\nexec sleep 3600")
        one = ("web", "--policy", "fifo", "--build", build)
        for words in (one, (*one, "--seeds", "1..9"), (*one, "--explore")):
            for number in (signal.SIGTERM, signal.SIGINT):
                with self.subTest(words=words, number=number):
                    begun.unlink(missing_ok=True)
                    with subprocess.Popen([ROOT / "cotrap", "sim", *words]) as command:
                        self.wait_until(lambda: begun.exists() and begun.read_text())
                        command.send_signal(number)
                        self.assertEqual(command.wait(HANGS), 128 + number)
                    for child in begun.read_text().split():
                        self.assertTrue(gone(int(child)))

    def wait_until(self, holds) -> None:
        end = time.monotonic() + HANGS
        while not holds():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)


if __name__ == "__main__":
    unittest.main()
