"""Simulators that end otherwise than they should: a policy is somebody's own code."""

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
        """One in a build folder of its own, which knows a policy and then does that."""
        program = self.folder / "async" / "sim" / "cotrap_sim"
        program.parent.mkdir(parents=True)
        policies = '[ "$1" = policies ] && { printf "fifo\\tx\\n"; exit; }'
        program.write_text(f"#!/bin/sh\n{policies}\n{script}\n")
        program.chmod(0o755)
        return self.folder

    def test_a_simulator_that_crashes_is_told_with_the_signal_the_seed_and_the_debugger(self):
        build = self.simulator("echo one\nkill -SEGV $$")
        (build / "CMakeCache.txt").write_text("COTRAP_POLICY_HEADER:STRING=/x/mine.h\n")
        done = cotrap("sim", "web", "--policy", "fifo", "--seed", "7", "--build", build)
        said = done.stderr.decode()
        self.assertEqual(done.returncode, 125)
        self.assertIn("policy of /x/mine.h, or the simulator, was ended by SIGSEGV", said)
        self.assertIn("with seed 8", said)
        self.assertRegex(said, r"gdb --args \S*cotrap_sim \S*web.workload policy=fifo seeds=8 ")

    def test_a_simulator_that_ends_too_soon_is_told(self):
        build = self.simulator("exit 0")
        done = cotrap("sim", "web", "--policy", "fifo", "--seeds", "1..3", "--build", build)
        self.assertEqual(done.returncode, 125)
        said = done.stderr.decode()
        self.assertIn("ended before its end, with status 0, after 0 of 3 runs", said)
        self.assertRaises(ToolError, outcomes, [""], 1)

    def test_a_signal_to_the_command_alone_ends_its_simulators(self):
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
