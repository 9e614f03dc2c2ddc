"""Debian's musl for riscv64, which some of the tests' Linux programs are linked with."""

from . import debian
from .errors import ToolError
from .paths import ROOT
from .ui import Waiting, say

_FOLDER = ROOT / "build" / "musl"  # tests/system/programs/CMakeLists.txt looks here


def ensure() -> None:
    """Without it there is a line that says so, and the tests go on."""
    if _FOLDER.exists():
        return
    try:
        with Waiting("fetching musl for riscv64"):
            debian.unpack("musl-dev", _FOLDER)
    except ToolError as error:
        say(f"no musl, so its programs are not tested ({error})")
