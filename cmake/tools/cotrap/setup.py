"""Sees to it that the packages are there. The work is cmake/tools/setup.sh, which runs without
Python; this only avoids starting it when nothing can have changed."""

import subprocess
from pathlib import Path

from .errors import ToolError
from .paths import ROOT, TOOLS

_STAMP = ROOT / "build" / "setup.stamp"  # written by setup.sh when nothing was missing
_INPUTS = (TOOLS / "packages.txt", TOOLS / "setup.sh", Path("/var/lib/dpkg/status"))


def ensure() -> None:
    """Installs what is missing; costs next to nothing when nothing is."""
    if not _is_fresh():
        install(quiet=True)


def install(quiet: bool = False) -> None:
    arguments = ["--quiet"] if quiet else []
    if subprocess.run(["sh", TOOLS / "setup.sh", *arguments]).returncode != 0:
        raise ToolError("the setup did not succeed")


def _is_fresh() -> bool:
    try:
        stamp = _STAMP.stat().st_mtime
        return all(stamp > file.stat().st_mtime for file in _INPUTS)
    except FileNotFoundError:
        return False
