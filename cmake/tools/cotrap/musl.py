"""Debian's musl for riscv64. Some Linux programs of the tests are linked with it."""

from . import debian
from .errors import ToolError
from .paths import ROOT
from .ui import Waiting, say

_FOLDER = ROOT / "build" / "musl"  # tests/system/programs/CMakeLists.txt looks here


def ensure() -> None:
    """Downloads musl if it is missing. If that fails, prints a message; the tests of its programs are left
    out then."""
    if _FOLDER.exists():
        return
    try:
        with Waiting("fetching musl for riscv64"):
            debian.unpack("musl-dev", _FOLDER)
    except ToolError as error:
        say(f"musl is missing, so the tests of its programs are left out ({error})")
