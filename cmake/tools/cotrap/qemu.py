"""Starts a machine that runs Cotrap: QEMU, or the kernel itself as a process. Two pipes are its console.
The machine ends with the command, however the command ends."""

import errno
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from . import host_memory, hosted, memory
from .bootargs import command_line
from .disk import Disk
from .errors import ToolError, UsageError
from .initrd import Archive
from .machines import WITHOUT_MMU
from .marks import MarkReader, State
from .network import Network
from .output_frames import OutputFrames
from .paths import Build
from .share import Share
from .signals import with_parent
from .symbols import explain

_BOARD = "q35"  # of a PC, if Machine.pc names none
LONGEST_PC_LINE = 4095  # bytes of a PC's command line; a longer one overwrites data that QEMU passes to the kernel
_LAST_LINES = 12  # of the console, shown if a machine ends for no known reason


@dataclass(frozen=True)
class Machine:
    """The hardware of a machine. memory: its size, as `--mem` takes it. icount: time is counted in
    instructions, so that runs repeat; then there is no entropy device, which answers at no fixed time, and
    QEMU's random seed is always the same. extra: more options for QEMU. ram: an empty memory_file() for the
    machine's RAM, which the command can read. under: a command of the host that runs the hosted kernel."""

    harts: int = 1
    memory: str = "256M"
    icount: bool = False
    extra: tuple[str, ...] = ()
    disk: Disk | None = None
    share: Share | None = None
    root: Share | None = None  # the guest's root folder
    network: Network | None = None
    entropy: bool = True
    fs: str | None = None  # of the hosted machine: see hosted.FS
    ram: int | None = None
    under: tuple[str, ...] = ()
    paused: bool = False  # a debugger stops the machine now and then
    shift: int = 0  # with icount: an instruction takes 2^shift ns
    cpu: str = "rv64"  # of a RISC-V computer: QEMU's model, with properties (machines.parse_cpu())
    pc: str | None = None  # a PC instead of a RISC-V computer: QEMU's name of the board, `q35` or `pc`
    kvm: bool = False  # of a PC: the host's processors run it
    mmu: bool = True  # of a RISC-V computer
    firmware: bool = True  # of a RISC-V computer: OpenSBI

    def options(self, disk_file: int | None = None, awaits_input: bool = False) -> list[str]:
        options = self._pc_options(disk_file) if self.pc else self._virt_options(disk_file)
        if self.icount:
            # sleep=off skips idle time up to the next timer. A disk, a share, a network, a person or a debugger can end
            # idle time early, at a time of the host. So with one of these, idle time passes as on the host.
            is_timed = awaits_input or self.paused
            sleep = "on" if self.disk or self.shares or self.network or is_timed else "off"
            options += ["-icount", f"shift={self.shift},sleep={sleep}", "-seed", "1"]
        return options + list(self.extra)

    @property
    def shares(self) -> list[Share]:
        return [share for share in (self.share, self.root) if share]

    def _pc_options(self, disk_file: int | None) -> list[str]:
        # QEMU 10 cannot count instructions while the kernel uses x2APIC mode: it ends with "Bad icount read".
        cpu = "host" if self.kvm else "max,x2apic=off" if self.icount else "max"
        return [
            *self._board(self.pc),
            *(("-accel", "kvm") if self.kvm else ()),
            *("-cpu", cpu),
            *("-smp", str(self.harts), "-m", self.memory),
            *("-device", "isa-debug-exit,iobase=0xf4,iosize=4"),
            *(("-device", "virtio-rng-pci") if self.entropy and not self.icount else ()),
            *(self.disk.options(disk_file, "virtio-blk-pci") if self.disk else ()),
            *(word for share in self.shares for word in share.options("virtio-9p-pci")),
            *(self.network.options("virtio-net-pci") if self.network else ()),
            # The real-time clock advances with the counted time, so that readings of it repeat, too.
            *(("-rtc", "clock=vm") if self.icount else ()),
        ]

    def _board(self, board: str) -> list[str]:
        if self.ram is None:
            return ["-machine", board]
        ram = f"id=ram,size={self.memory},mem-path=/proc/self/fd/{self.ram},share=on"
        return ["-machine", f"{board},memory-backend=ram", "-object", f"memory-backend-file,{ram}"]

    def _virt_options(self, disk_file: int | None) -> list[str]:
        options = self._board("virt")
        # For each hart with debug triggers OpenSBI 1.5 takes 1.6 KB of its heap. From 36 harts on, the heap is
        # too small for all of them, and a hart without memory does not start. The kernel uses no triggers.
        cpu = self.cpu if self.harts <= 32 else f"{self.cpu},debug=false"
        cpu += "" if self.mmu else ",mmu=off"
        options += ["-cpu", cpu, "-smp", str(self.harts), "-m", self.memory]
        # Selects devices of virtio 1.0; QEMU's default is the legacy interface.
        options += ["-global", "virtio-mmio.force-legacy=false"]
        if self.entropy and not self.icount:
            options += ["-device", "virtio-rng-device"]
        if self.disk:
            options += self.disk.options(disk_file, "virtio-blk-device")
        for share in self.shares:
            options += share.options("virtio-9p-device")
        if self.network:
            options += self.network.options("virtio-net-device")
        return options


@dataclass(frozen=True)
class Boot:
    """The software of a machine: a build, a boot archive, and the first program.

    archive: None boots without one, so the kernel uses the programs that are built into it, and `program`
    may be a number. terminal: the console is a terminal of (columns, rows) with echo and line editing;
    otherwise standard input is framed (sources.py) and every byte is literal. has_no_input: standard input
    is empty, and the guest learns this at its start, so that runs repeat. errors_apart: the console's output
    is framed, so that standard error is a stream of its own. append: more words for the kernel.
    """

    build: Build
    archive: bytes | None
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


def machine_of(build: Build, machine: Machine) -> Machine:
    """The machine, as one that the build's kernel runs on."""
    if build.machine == "pc" and machine.pc is None:
        return replace(machine, pc=_BOARD)
    if build.machine in WITHOUT_MMU:
        return replace(machine, mmu=False, firmware=build.machine == "riscv64-nommu")
    return machine


def archive_with(build: Build, added: Iterable[Path] = ()) -> Archive:
    """The boot archive of the build. added: the host's files and folders to put into the guest's root."""
    archive = Archive()
    archive.add(build.initrd_root, "")
    for path in added:
        archive.add(path, os.path.basename(os.path.realpath(path)))
    return archive


class Guest:
    """A running machine. Use it in a `with` statement, at whose end the process is killed."""

    _all: "set[Guest]" = set()

    def __init__(self, machine: Machine, boot: Boot):
        memory.check(machine.memory, len(boot.archive or b""))
        nonce = os.urandom(8).hex()
        self.marks = MarkReader(nonce, boot.quiet)
        self._frames = OutputFrames() if boot.errors_apart else None
        self._errors = tempfile.TemporaryFile()
        self._kernel = boot.build.kernel
        self._disk = machine.disk
        self._name = "the kernel" if boot.build.is_hosted else "QEMU"
        machine = machine_of(boot.build, machine)
        disk = machine.disk.open() if machine.disk else None
        initrd = None if boot.archive is None else memory_file("initrd", boot.archive)
        own = [file for file in (initrd, disk) if file is not None]
        files = [*own, *([] if machine.ram is None else [machine.ram])]
        try:
            self._process = subprocess.Popen(
                with_parent(self._command(machine, boot, nonce, initrd, disk), signal.SIGKILL),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                pass_fds=files,
                env=None if boot.build.is_hosted else host_memory.large_pieces(),
                start_new_session=True,  # ^C on the host's terminal must not end QEMU
                bufsize=0,
            )
        except OSError as error:
            if error.errno == errno.E2BIG:
                raise UsageError("the program's arguments are too long: shorten them") from error
            raise ToolError(f"{self._name} does not start: {error}") from error
        finally:
            for file in own:
                os.close(file)
        self.input = self._process.stdin.fileno()
        self.output = self._process.stdout.fileno()
        os.set_blocking(self.input, False)
        Guest._all.add(self)

    @staticmethod
    def _command(machine: Machine, boot: Boot, nonce: str, initrd: int | None, disk: int | None) -> list[str]:
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
        if machine.pc and len(words.encode()) > LONGEST_PC_LINE:
            raise UsageError(
                f"the program's arguments are too long: QEMU passes at most {LONGEST_PC_LINE:,} bytes to a PC's kernel"
            )
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
        """Splits bytes from `output` into pairs: whether they are standard error's, and the bytes."""
        return self._frames.feed(data) if self._frames else [(False, data)]

    @property
    def pid(self) -> int:
        return self._process.pid

    @classmethod
    def kill_all(cls) -> None:
        """Kills all running machines. Threads that wait for one of them see it end."""
        for guest in list(cls._all):
            guest.end()

    def alive(self, within: float) -> bool:
        """Waits up to `within` seconds for the process to end. Returns whether it still runs."""
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            return True
        return False

    def end(self) -> None:
        """Kills the process. A reader of its console sees it close."""
        self._process.kill()

    def trouble(self) -> str:
        """Why the guest ended without an exit status: a panic, or the end of the process. Empty if the
        guest has an exit status."""
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
            return f"--disk {self._disk.path}: another machine uses this disk: end that one first"
        tail = "\n".join(self.marks.tail.decode(errors="replace").splitlines()[-_LAST_LINES:])
        return "\n".join(filter(None, [f"{self._name} ended early ({died})", complaint, tail]))


def _qemu(machine: Machine) -> str:
    name = "qemu-system-x86_64" if machine.pc else os.environ.get("COTRAP_QEMU", "qemu-system-riscv64")
    path = shutil.which(name)
    if not path:
        raise ToolError(f"{name} is not installed: on Debian, `./cotrap setup` installs it")
    return path


def qemu_on(
    machine: Machine,
    kernel: str,
    initrd: int | None,
    words: str,
    disk: int | None = None,
    awaits_input: bool = False,
) -> list[str]:
    """The command that starts QEMU with its console on standard input and output. initrd, disk: inherited
    descriptors, or None. words: the kernel command line."""
    return [
        _qemu(machine),
        *machine.options(disk, awaits_input),
        *("-nodefaults", "-no-user-config", "-no-reboot"),
        *("-display", "none", "-monitor", "none"),
        *("-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"),
        *(() if machine.pc else ("-bios", "default" if machine.firmware else "none")),
        *("-kernel", kernel),
        *(() if initrd is None else ("-initrd", f"/proc/self/fd/{initrd}")),
        *("-append", words),
    ]


def memory_file(name: str, data: bytes) -> int:
    """A descriptor of a new file in memory with this data, positioned at its beginning. It has no name in
    a folder, so none is left behind."""
    file = os.memfd_create(name)
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
    os.lseek(file, 0, os.SEEK_SET)
    return file
