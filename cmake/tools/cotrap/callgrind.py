"""`./cotrap run --callgrind FILE`: runs the hosted machine under valgrind, which counts the instructions
of every function in the kernel and in the C library that it uses."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from .errors import ToolError
from .llvm import llvm_tool
from .paths import Build
from .qemu import Boot, Machine

# The kernel's page fault handler reads the registers as they were at the faulting instruction
# (trap/emulated.h). By default valgrind does not keep them exact there.
_PRECISE = ("--px-default=allregs-at-mem-access", "--px-file-backed=allregs-at-mem-access")


def prepare(machine: Machine, boot: Boot, output: Path, folder: Path) -> tuple[Machine, Boot]:
    """The same machine and boot, changed to run under valgrind, which writes its profile to `output`.
    folder: an empty folder that must exist as long as the machine runs."""
    valgrind = shutil.which("valgrind")
    if not valgrind:
        raise ToolError("valgrind is not installed: on Debian, `./cotrap setup --all` installs it")
    profile = str(output.resolve()).replace("%", "%%")
    words = (valgrind, "-q", "--tool=callgrind", f"--callgrind-out-file={profile}", *_PRECISE)
    return replace(machine, under=words), replace(boot, build=_without_lines(boot.build, folder))


def _without_lines(build: Build, folder: Path) -> Build:
    """A copy of the build whose kernel has symbols but no DWARF, because valgrind cannot read DWARF of the
    newest version."""
    kernel = folder / "kernel" / build.kernel.name
    kernel.parent.mkdir()
    copy = [llvm_tool("objcopy", "objcopy"), "--strip-debug", str(build.kernel), str(kernel)]
    done = subprocess.run(copy, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolError(done.stderr.strip())
    return replace(build, folder=folder)
