"""Installs the packages that a command needs. The script cmake/tools/setup.sh does the work and runs
without Python. This module starts it only if a package may be missing. packages.txt has the purposes:
`run`, which every command needs, and those that some commands add."""

import subprocess
from pathlib import Path

from . import lwip
from .errors import ToolError
from .paths import ROOT, TOOLS

HOSTED, PC, SIM, DEBUG, TEST = "hosted", "pc", "sim", "debug", "test"
_RUN = "run"
_STAMPS = ROOT / "build" / "setup"  # setup.sh writes a file for each purpose whose packages are all installed
_INPUTS = (TOOLS / "packages.txt", TOOLS / "setup.sh", Path("/var/lib/dpkg/status"))


def ensure(*purposes: str) -> None:
    """Installs the packages that are missing for `run` and these purposes. It is fast if no package is
    missing."""
    if not _is_fresh(TEST) and not all(map(_is_fresh, (_RUN, *purposes))):
        install(*purposes, quiet=True)


def ensure_for(preset: str) -> None:
    """Installs the packages that are missing for a preset's build, and fetches lwIP for a kernel."""
    kind = preset.partition("-")[0]
    ensure(*{"hosted": [HOSTED], "pc": [HOSTED, PC], "host": [SIM]}.get(kind, []))
    if kind != "host":
        lwip.ensure()


def install(*purposes: str, quiet: bool = False) -> None:
    arguments = ["--quiet"] if quiet else []
    if subprocess.run(["sh", TOOLS / "setup.sh", *arguments, *purposes]).returncode != 0:
        raise ToolError("the setup failed: see the messages above")


def has_more_since(seconds: float) -> bool:
    """Whether setup.sh may have installed packages for the tests since this time (seconds
    since 1970)."""
    try:
        return (_STAMPS / TEST).stat().st_mtime > seconds
    except FileNotFoundError:
        return False


def _is_fresh(purpose: str) -> bool:
    """Whether all packages of the purpose were installed when setup.sh last ran, and since then no package
    was installed or removed, and neither packages.txt nor setup.sh was changed."""
    try:
        stamp = (_STAMPS / purpose).stat().st_mtime
        return all(stamp > file.stat().st_mtime for file in _INPUTS)
    except FileNotFoundError:
        return False
