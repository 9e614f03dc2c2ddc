"""Starts a machine with Cotrap in it (QEMU, or the kernel itself as a process), its console on two
pipes, and makes sure that it ends."""

import errno
import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from . import hosted, memory
from .bootargs import command_line
from .disk import Disk
from .errors import ToolError, UsageError
from .initrd import Archive
from .marks import MarkReader, State
from .output_frames import OutputFrames
from .paths import Build
from .symbols import explain

_LAST_LINES = 12  # of the console, when a machine ends without saying why


@dataclass(frozen=True)
class Machine:
    """The hardware asked for. icount: time is counted in instructions, so that runs repeat: such a
    machine has no entropy device, which answers when the host likes, and the seed of its generator is
    always the same. ram: an
    empty memory_file() that is the machine's RAM, to be looked at from outside. under: a command of
    the host's that the hosted machine's kernel is run by."""

    harts: int = 1
    memory: str = "256M"
    icount: bool = False
    extra: tuple[str, ...] = ()
    disk: Disk | None = None
    entropy: bool = True
    fs: str | None = None  # of the hosted machine: see hosted.FS
    ram: int | None = None
    under: tuple[str, ...] = ()

    def options(self, disk_file: int | None = None, awaits_input: bool = False) -> list[str]:
        options = []
        board = "virt"
        if self.ram is not None:
            board = "virt,memory-backend=ram"
            ram = f"id=ram,size={self.memory},mem-path=/proc/self/fd/{self.ram},share=on"
            options += ["-object", f"memory-backend-file,{ram}"]
        options += ["-machine", board, "-cpu", "rv64", "-smp", str(self.harts), "-m", self.memory]
        # Devices of version 1.0, not those of the drafts before it.
        options += ["-global", "virtio-mmio.force-legacy=false"]
        if self.entropy and not self.icount:
            options += ["-device", "virtio-rng-device"]
        if self.disk:
            options += self.disk.options(disk_file)
        if self.icount:
            # Idle time is skipped, which needs an end: where a disk or a person ends it, it is real.
            sleep = "on" if self.disk or awaits_input else "off"
            options += ["-icount", f"shift=0,sleep={sleep}", "-seed", "1"]
        return options + list(self.extra)


@dataclass(frozen=True)
class Boot:
    """What runs on the machine: a build, the files beside its own, and the first program.

    terminal: the console is a terminal of (columns, rows) with echo and line editing; otherwise
    standard input is framed (see console.py) and every byte is literal. has_no_input: it is at its
    end from the beginning, at no time of the host's. errors_apart: the console's output is framed,
    so that standard error is a stream of its own.
    """

    build: Build
    archive: bytes
    program: str = "/bin/sh"
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    quiet: bool = True
    terminal: tuple[int, int] | None = None
    has_no_input: bool = False
    errors_apart: bool = False
    append: str = ""

    @property
    def awaits_input(self) -> bool:
        return self.terminal is not None or (self.program, self.arguments) == ("/bin/sh", [])


def archive_with(build: Build, added: Iterable[Path] = ()) -> Archive:
    """The build's own files, and files and folders of the host under their names."""
    archive = Archive()
    archive.add(build.initrd_root, "")
    for path in added:
        archive.add(path, os.path.basename(os.path.realpath(path)))
    return archive


class Guest:
    """A running machine. Use it with `with`: however that is left, the process is gone afterwards."""

    _all: "set[Guest]" = set()

    def __init__(self, machine: Machine, boot: Boot):
        memory.check(machine.memory, len(boot.archive))
        nonce = secrets.token_hex(8)
        self.marks = MarkReader(nonce, boot.quiet)
        self._frames = OutputFrames() if boot.errors_apart else None
        self._errors = tempfile.TemporaryFile()
        self._kernel = boot.build.kernel
        self._disk = machine.disk
        self._name = "the kernel" if boot.build.is_hosted else "QEMU"
        disk = machine.disk.open() if machine.disk else None
        initrd = memory_file("initrd", boot.archive)
        own = [file for file in (initrd, disk) if file is not None]
        files = [*own, *([] if machine.ram is None else [machine.ram])]
        try:
            self._process = subprocess.Popen(
                _with_parent(self._command(machine, boot, nonce, initrd, disk)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                pass_fds=files,
                start_new_session=True,  # a ^C on our terminal is for the guest, not for QEMU
                bufsize=0,
            )
        except OSError as error:
            if error.errno == errno.E2BIG:
                raise UsageError("the program's arguments are too long for a command line") from error
            raise ToolError(f"{self._name} does not start: {error}") from error
        finally:
            for file in own:
                os.close(file)
        self.input = self._process.stdin.fileno()
        self.output = self._process.stdout.fileno()
        os.set_blocking(self.input, False)
        Guest._all.add(self)

    @staticmethod
    def _command(machine: Machine, boot: Boot, nonce: str, initrd: int, disk: int | None) -> list[str]:
        words = command_line(
            program=boot.program,
            arguments=boot.arguments,
            environment=boot.environment,
            nonce=nonce,
            quiet=boot.quiet,
            icount=machine.icount,
            stdin="" if boot.terminal else "empty" if boot.has_no_input else "framed",
            errors_apart=boot.errors_apart,
            size=boot.terminal,
            extra=boot.append,
        )
        kernel = str(boot.build.kernel)
        if boot.build.is_hosted:
            return hosted.command(machine, kernel, initrd, disk, words)
        return qemu_on(machine, kernel, initrd, words, disk, boot.awaits_input)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        Guest._all.discard(self)
        self.end()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def streams(self, data: bytes) -> list[tuple[bool, bytes]]:
        """The bytes from `output`, in pieces: whether each is standard error's, and its bytes."""
        return self._frames.feed(data) if self._frames else [(False, data)]

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    def kill_all(cls) -> None:
        """For who is leaving while other threads wait for their guests: those see them end."""
        for guest in list(cls._all):
            guest.end()

    def alive(self, within: float) -> bool:
        """Whether it still runs after so many seconds."""
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            return True
        return False

    def end(self) -> None:
        """Ends the process; who reads its console sees it close."""
        self._process.kill()

    def trouble(self) -> str:
        """Why a guest that is done has no exit status to give: a panic, or QEMU's end. Otherwise
        nothing."""
        if self.marks.state is State.EXITED:
            return ""
        if self.marks.state is State.PANICKED:
            report = self.marks.report.decode(errors="replace").strip()
            return f"the kernel panicked\n{explain(report, self._kernel)}"
        status = self._process.wait()
        died = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        self._errors.seek(0)
        complaint = self._errors.read().decode(errors="replace").strip()
        if re.search(r"\block\b", complaint) and self._disk:
            return f"--disk {self._disk.path}: another machine has it"
        tail = "\n".join(self.marks.tail.decode(errors="replace").splitlines()[-_LAST_LINES:])
        return "\n".join(filter(None, [f"{self._name} ended early ({died})", complaint, tail]))


def _qemu() -> str:
    name = os.environ.get("COTRAP_QEMU", "qemu-system-riscv64")
    path = shutil.which(name)
    if not path:
        raise ToolError(f"{name} is not installed: `./cotrap setup` does that on Debian")
    return path


def qemu_on(
    machine: Machine,
    kernel: str,
    initrd: int,
    words: str,
    disk: int | None = None,
    awaits_input: bool = False,
) -> list[str]:
    """The command for a machine whose console is standard input and output."""
    return [
        _qemu(),
        *machine.options(disk, awaits_input),
        *("-nodefaults", "-no-user-config", "-no-reboot"),
        *("-display", "none", "-monitor", "none"),
        *("-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"),
        *("-bios", "default", "-kernel", kernel),
        *("-initrd", f"/proc/self/fd/{initrd}", "-append", words),
    ]


def _with_parent(command: list[str]) -> list[str]:
    """Makes the kernel end the process when this one dies, even by SIGKILL."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else command


def memory_file(name: str, data: bytes) -> int:
    """A file without a place in any folder, so that none is ever left behind; at its beginning."""
    file = os.memfd_create(name)
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
    os.lseek(file, 0, os.SEEK_SET)
    return file
