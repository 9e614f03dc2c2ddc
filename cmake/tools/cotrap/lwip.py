"""Debian's source of lwIP, from which the kernel's network is built."""

import os

from . import debian
from .errors import ToolError
from .paths import ROOT
from .ui import Waiting, say

_FOLDER = ROOT / "build" / "lwip"  # kernel/CMakeLists.txt looks here
_FAILED = ROOT / "build" / "lwip.failed"


def ensure() -> None:
    """Downloads lwIP if it is missing. If that fails, prints a message: kernels are then built without
    AF_INET and AF_INET6. A failed download is not repeated until the file build/lwip.failed is removed."""
    if _FOLDER.exists() or _FAILED.exists() or not os.access(ROOT, os.W_OK):
        return
    try:
        with Waiting("fetching the source of lwIP", lines=True):
            debian.unpack_source("lwip", _FOLDER)
        os.utime(_FOLDER)  # newer than builds that were configured without it
    except ToolError as error:
        _FAILED.write_text(f"{error}\n")
        say(f"lwIP is missing, so the kernel has no AF_INET sockets: remove {_FAILED} to try again ({error})")


def is_newer_than(seconds: float) -> bool:
    """Whether lwIP was fetched after this time (seconds since 1970)."""
    return _FOLDER.exists() and _FOLDER.stat().st_mtime > seconds
