"""Runs `./cotrap sim` with the simulator of the tested build."""

import os
import tempfile
import unittest
from pathlib import Path

from support import ROOT, called, cotrap

from cotrap.errors import OWN_FAILURE

# The build with the simulator. CTest sets the variable.
BUILD = os.environ.get("COTRAP_HOST_BUILD", str(ROOT / "build" / "host-debug"))


def sim(*arguments, status: int = 0, stdin: bytes | None = None) -> str:
    """With `stdin`, the command runs in a process of its own."""
    words = ("sim", *arguments, "--build", BUILD)
    done = called(*words) if stdin is None else cotrap(*words, stdin=stdin)
    assert done.returncode == status, done.stderr.decode()
    return (done.stderr if status in (2, OWN_FAILURE) else done.stdout).decode()


class InAFolder(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)

    def file(self, text: str) -> Path:
        path = self.folder / "mine.workload"
        path.write_text(text)
        return path
