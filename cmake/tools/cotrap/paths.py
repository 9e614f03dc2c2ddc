"""Where things are in the source tree and in a build folder."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import ToolError, UsageError

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ROOT / "cmake" / "tools"
_X86_64 = b"\x3e\0"  # an ELF file's machine


# What `--machine` names, and the preset that is built for each unless `--build` says otherwise.
MACHINES = {"riscv64": "riscv64-release", "hosted": "hosted-release"}

# What `--sanitize` names: builds of the hosted machine.
SANITIZED = {"address": "hosted-asan", "thread": "hosted-tsan"}


@dataclass(frozen=True)
class Build:
    """One build folder of the kernel and its programs. self_tests: of its two kernels the one that
    tests and benchmarks boot, which has the kernel's self-tests."""

    folder: Path
    self_tests: bool = False

    @property
    def kernel(self) -> Path:
        return self._existing("kernel/cotrap-tests.elf" if self.self_tests else "kernel/cotrap.elf")

    @property
    def is_hosted(self) -> bool:
        """Whether the kernel is a program of this host's: not where it is for riscv64."""
        with open(self.kernel, "rb") as file:
            return file.read(20)[18:] == _X86_64

    @property
    def processor(self) -> str:
        """What its kernel says to `uname -m`."""
        return "x86_64" if self.is_hosted else "riscv64"

    @property
    def initrd_root(self) -> Path:
        """The files of the boot archive, as the build staged them."""
        return self._existing("initrd-root")

    def _existing(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            raise ToolError(f"{path} is not there: is {self.folder} a build of the kernel?")
        return path


def preset_folder(preset: str) -> Path:
    return ROOT / "build" / preset


def check_output(path: Path) -> None:
    """Before anything is run: a file can be made there, as far as one can know. What is there is left
    as it is."""
    if not os.path.isdir(path.parent):
        raise UsageError(f"{path}: no such folder as {path.parent}")
    if os.path.isdir(path):
        raise UsageError(f"{path} is a folder")
    try:
        if os.path.isfile(path):
            os.close(os.open(path, os.O_WRONLY))
        elif not os.path.lexists(path):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            os.unlink(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def write_output(path: Path, text: str) -> None:
    """All of it, or no file is left."""
    try:
        path.write_text(text, newline="")
    except OSError as error:
        if os.path.isfile(path):
            with suppress(OSError):
                os.unlink(path)
        raise ToolError(f"{path}: {error.strerror}") from error
