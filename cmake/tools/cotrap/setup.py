"""Installs the packages that a command needs. The work is cmake/tools/setup.sh, which runs without
Python; this only avoids starting it when nothing can have changed. packages.txt has the purposes: `run`,
which every command needs, and those that some commands add."""

import subprocess
from pathlib import Path

from .errors import ToolError
from .paths import ROOT, TOOLS

HOSTED, SIM, DEBUG, TEST = "hosted", "sim", "debug", "test"
_RUN = "run"
_STAMPS = ROOT / "build" / "setup"  # setup.sh writes one for each purpose when nothing is missing
_INPUTS = (TOOLS / "packages.txt", TOOLS / "setup.sh", Path("/var/lib/dpkg/status"))


def ensure(*purposes: str) -> None:
    """Installs what is missing for `run` and these purposes. It costs next to nothing if nothing is."""
    if not _is_fresh(TEST) and not all(map(_is_fresh, (_RUN, *purposes))):
        install(*purposes, quiet=True)


def ensure_for(preset: str) -> None:
    """What a preset's build needs."""
    kind = preset.partition("-")[0]
    ensure(*{"hosted": [HOSTED], "host": [SIM]}.get(kind, []))


def install(*purposes: str, quiet: bool = False) -> None:
    arguments = ["--quiet"] if quiet else []
    if subprocess.run(["sh", TOOLS / "setup.sh", *arguments, *purposes]).returncode != 0:
        raise ToolError("the setup did not succeed")


def has_more_since(seconds: float) -> bool:
    """Whether setup.sh may have installed packages for the tests since then, a file's time."""
    try:
        return (_STAMPS / TEST).stat().st_mtime > seconds
    except FileNotFoundError:
        return False


def _is_fresh(purpose: str) -> bool:
    try:
        stamp = (_STAMPS / purpose).stat().st_mtime
        return all(stamp > file.stat().st_mtime for file in _INPUTS)
    except FileNotFoundError:
        return False
