"""Finds the command's modules and runs the command itself, with fake_qemu.py in QEMU's place."""

import os
import resource
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import warnings
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "cmake" / "tools"))

from cotrap import command_line, ui  # noqa: E402

# Temporary files of killed machines are deleted with this folder.
_SCRATCH = tempfile.TemporaryDirectory()


KERNELS = ("cotrap.elf", "cotrap-tests.elf")


# The header of an ELF file for riscv64 whose entry is in the upper half of the addresses.
KERNEL = struct.pack("<5s13xHIQ32x", b"\x7fELF\x02", 243, 1, 1 << 63)


class FakeBuild:
    """A build folder whose kernels are fake_qemu.py; its programs are shell scripts of the host."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.path = Path(self._folder.name)
        (self.path / "kernel").mkdir()
        for kernel in KERNELS:
            (self.path / "kernel" / kernel).write_bytes(KERNEL)
        (self.path / "initrd-root" / "etc").mkdir(parents=True)
        (self.path / "initrd-root" / "etc" / "demos").touch()
        self.program("sh", 'exec /bin/sh "$@"')

    def program(self, name: str, script: str) -> Path:
        """Stages a program in the guest's /bin."""
        return self.file(f"initrd-root/bin/{name}", script)

    def demo(self, name: str, typed: str, script: str, harts: int = 1, needs: str = "") -> None:
        self.program(name, script)
        with open(self.path / "initrd-root" / "etc" / "demos", "a") as manifest:
            words = (name, typed, f"shows {name}", *needs.split(), f"HARTS={harts}")
            manifest.write("\t".join(words) + "\n")

    def file(self, name: str, script: str) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    def remove(self) -> None:
        self._folder.cleanup()


@contextmanager
def files_of_at_most(size: int):
    """Limits the size of files that this process and its children write, like a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def environment() -> dict[str, str]:
    return os.environ | {"COTRAP_QEMU": str(HERE / "fake_qemu.py"), "TMPDIR": _SCRATCH.name}


# Seconds after which a command counts as hanging, also on a busy host.
HANGS = 300


def called(*arguments) -> subprocess.CompletedProcess:
    """Runs the command in this process, without input. This takes much less time than cotrap(), which starts
    a process. Use cotrap() for tests about signals, descriptors, terminals, or limits of the process."""
    words = list(map(str, arguments))
    with ExitStack() as stack:
        out, errors = (stack.enter_context(open(os.memfd_create(name), "w+")) for name in ("out", "err"))
        # unittest prints warnings that a process of Python ignores.
        stack.enter_context(warnings.catch_warnings(action="ignore"))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(errors))
        stack.enter_context(mock.patch.object(sys, "stdin", stack.enter_context(open(os.devnull))))
        stack.enter_context(mock.patch.object(sys, "argv", ["cotrap", *words]))
        stack.enter_context(mock.patch.dict(os.environ, environment() | {"NO_COLOR": "1"}))
        try:
            status = command_line.run(words)
        except SystemExit as end:  # after --help
            status = end.code
        return subprocess.CompletedProcess(words, status, *map(_written, (out, errors)))


def _written(file) -> bytes:
    file.flush()
    file.seek(0)
    return file.buffer.read()


def cotrap(*arguments, stdin: bytes = b"", timeout: float = HANGS) -> subprocess.CompletedProcess:
    return subprocess.run(
        [ROOT / "cotrap", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env=environment(),
        timeout=timeout,
    )


def gone(pid: int) -> bool:
    """Waits for the end of the process. Returns false if it still runs after HANGS seconds."""
    for _ in range(20 * HANGS):
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.05)
    return False


@contextmanager
def printed_lines(*modules, until: str, flag: Path):
    """Collects the lines that `say()` prints in these modules; lines about a wait come at once. Creates
    the file `flag` when a line contains `until`: a sign for the program of the test to end."""
    lines = []

    def say(text: str) -> None:
        lines.append(text)
        if until in text:
            flag.touch()

    with ExitStack() as patched:
        for module in (ui, *modules):
            patched.enter_context(mock.patch.object(module, "say", say))
        patched.enter_context(mock.patch.object(ui, "LINE_EVERY", 0.01))
        yield lines


class Command(unittest.TestCase):
    """Tests that run programs in a fake build."""

    @classmethod
    def setUpClass(cls):
        cls.build = FakeBuild()
        cls.addClassCleanup(cls.build.remove)

    def run_quiet(self, script: str, *arguments, stdin: bytes = b"", options=()):
        program = self.build.file("program", script)
        return cotrap(
            "run", "-q", "--build", self.build.path, *options, program, *arguments, stdin=stdin
        )
