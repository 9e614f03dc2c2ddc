"""The paths of the source tree and of a build folder, and the checks of output files."""

import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import ToolError, UsageError

ROOT = Path(__file__).resolve().parents[3]
TOOLS = ROOT / "cmake" / "tools"
_ELF_HEADER = struct.Struct("<18xHIQ")  # an ELF file's machine, version and entry address
_X86_64 = 62  # the machine
_RESET = 0x80000000  # where a kernel without firmware begins
_UPPER_HALF = 1 << 63  # kernels with virtual addresses begin there, but not the one that is a process


# The values of `--machine`, and the preset that is built for each unless the user gives --build.
MACHINES = {
    "riscv64": "riscv64-release",
    "riscv64-nommu": "riscv64-nommu-release",
    "riscv64-pmp": "riscv64-pmp-release",
    "hosted": "hosted-release",
    "pc": "pc-release",
}

# The values of `--sanitize`, and their presets of the hosted machine.
SANITIZED = {"address": "hosted-asan", "thread": "hosted-tsan"}

# The presets whose kernels inject faults (COTRAP_FAULTS), by machine.
WITH_FAULTS = {"riscv64": "riscv64-debug", "hosted": "hosted-asan"}


@dataclass(frozen=True)
class Build:
    """A build folder of the kernel and its programs. self_tests: selects the kernel that has the
    self-tests, which tests and benchmarks boot."""

    folder: Path
    self_tests: bool = False

    @property
    def kernel(self) -> Path:
        return self._existing("kernel/cotrap-tests.elf" if self.self_tests else "kernel/cotrap.elf")

    @property
    def machine(self) -> str:
        """The machine of the kernel: one of MACHINES."""
        with open(self.kernel, "rb") as file:
            header = file.read(_ELF_HEADER.size).ljust(_ELF_HEADER.size, b"\0")
        processor, _, entry = _ELF_HEADER.unpack(header)
        if processor != _X86_64:
            if entry & _UPPER_HALF:
                return "riscv64"
            return "riscv64-pmp" if entry == _RESET else "riscv64-nommu"
        return "pc" if entry & _UPPER_HALF else "hosted"

    @property
    def is_hosted(self) -> bool:
        """Whether the kernel is a program of this host."""
        return self.machine == "hosted"

    @property
    def processor(self) -> str:
        """The processor that `uname -m` prints on this kernel."""
        return self.machine.partition("-")[0] if self.machine.startswith("riscv64") else "x86_64"

    @property
    def has_mmu(self) -> bool:
        """Whether programs have virtual addresses, so that they can be loaded at fixed ones."""
        return self.machine in ("riscv64", "pc")

    @property
    def injects_faults(self) -> bool:
        """Whether the kernel has the boot option `faults`."""
        return "COTRAP_FAULTS:BOOL=ON\n" in self._existing("CMakeCache.txt").read_text()

    @property
    def has_sanitizer(self) -> bool:
        return "COTRAP_SANITIZE:STRING=OFF\n" not in self._existing("CMakeCache.txt").read_text()

    @property
    def initrd_root(self) -> Path:
        """The folder in which the build stages the files of the boot archive."""
        return self._existing("initrd-root")

    def _existing(self, name: str) -> Path:
        path = self.folder / name
        if not path.exists():
            raise ToolError(f"{path} does not exist: is {self.folder} a build of the kernel?")
        return path


def preset_folder(preset: str) -> Path:
    return ROOT / "build" / preset


def check_output(path: Path) -> None:
    """Checks, before a long run, that the output file can be written. An existing file is not changed.
    Raises UsageError."""
    if not os.path.isdir(path.parent):
        raise UsageError(f"{path}: there is no such folder as {path.parent}")
    if os.path.isdir(path):
        raise UsageError(f"{path} is a folder: give the name of a file")
    try:
        if os.path.isfile(path):
            os.close(os.open(path, os.O_WRONLY))
        elif not os.path.lexists(path):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            os.unlink(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def write_output(path: Path, text: str) -> None:
    """Writes the file. If that fails, removes it and raises ToolError."""
    try:
        path.write_text(text, newline="", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        if os.path.isfile(path):
            with suppress(OSError):
                os.unlink(path)
        raise ToolError(f"{path}: {error.strerror}") from error
