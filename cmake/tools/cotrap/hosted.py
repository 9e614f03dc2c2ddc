"""The hosted machine: the kernel is a program of this host, and its console are its standard input and
output. It takes what the machine is as options (hal/hosted/boot.cpp)."""

from . import memory
from .errors import UsageError

# What makes it wait until it is traced.
STOPPED = ("--debugger", "wait")
# How programs find their thread-local storage (docs/fncall.md).
FS = ("rewrite", "wrfsbase", "arch_prctl")
# Where the first program's addresses begin (hal/hosted/include/hal/machine/memory_map.h).
FIRST_WINDOW = 0x4000_0000_0000


def check(arguments) -> None:
    """That what is asked of a machine is to be had on it. Raises UsageError."""
    if arguments.machine == "hosted" and arguments.icount:
        raise UsageError("--icount: only QEMU counts instructions")
    if arguments.machine != "hosted" and arguments.fs:
        raise UsageError("--fs is for `--machine hosted`")


def command(machine, kernel: str, initrd: int, disk: int | None, words: str) -> list[str]:
    options = ["--harts", str(machine.harts), "--mem", str(memory.in_bytes(machine.memory))]
    options += ["--initrd", f"/proc/self/fd/{initrd}", "--append", words]
    if machine.fs:
        options += ["--fs", machine.fs]
    if machine.ram is not None:
        options += ["--ram", f"/proc/self/fd/{machine.ram}"]
    if disk is not None:
        which = "--read-only-disk" if machine.disk.read_only else "--disk"
        options += [which, f"/proc/self/fd/{disk}"]
        options += ["--disk-delay", str(round(machine.disk.delay * 1e6))]
    return [*machine.under, kernel, *options, *machine.extra]


def attach(process: int) -> list[str]:
    """gdb's commands. Interrupts, and pages that a program touches for the first time, are signals
    that gdb is not to stop for."""
    return [
        "handle SIG34 SIG35 SIGSEGV nostop noprint pass",
        f"attach {process}",
    ]
