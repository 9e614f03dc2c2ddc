"""`./cotrap run --callgrind FILE`: the hosted machine under valgrind, which counts the instructions
of every function, the kernel's and those of the C library below it."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from .errors import ToolError
from .paths import Build
from .qemu import Boot, Machine

_COPIERS = ("llvm-objcopy-22", "llvm-objcopy", "objcopy")
# A page fault needs every register as it was at that instruction (trap/emulated.h).
_PRECISE = ("--px-default=allregs-at-mem-access", "--px-file-backed=allregs-at-mem-access")


def prepare(machine: Machine, boot: Boot, output: Path, folder: Path) -> tuple[Machine, Boot]:
    """The same machine and boot under valgrind, whose profile goes to `output`. folder: an empty
    one that stays there as long as the machine."""
    valgrind = _installed("valgrind")
    profile = str(output.resolve()).replace("%", "%%")
    words = (valgrind, "-q", "--tool=callgrind", f"--callgrind-out-file={profile}", *_PRECISE)
    return replace(machine, under=words), replace(boot, build=_without_lines(boot.build, folder))


def _without_lines(build: Build, folder: Path) -> Build:
    """Its kernel with symbols, but without DWARF: valgrind does not know the newest."""
    kernel = folder / "kernel" / build.kernel.name
    kernel.parent.mkdir()
    copy = [_installed(*_COPIERS), "--strip-debug", str(build.kernel), str(kernel)]
    done = subprocess.run(copy, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(done.stderr.strip())
    return replace(build, folder=folder)


def _installed(*names: str) -> str:
    path = next(filter(None, map(shutil.which, names)), None)
    if not path:
        raise ToolError(f"{names[0]} is not installed: `./cotrap setup` does that on Debian")
    return path
