"""The hosted machine: the kernel is a program of this host, and its standard input and output are the
console. Options of that program describe the machine (hal/hosted/boot.cpp)."""

from . import memory

# Options with which the kernel waits at its start for a debugger.
STOPPED = ("--debugger", "wait")
# How programs find their thread-local storage (docs/fncall.md).
FS = ("rewrite", "fault", "wrfsbase", "arch_prctl")
# The start of the first program's user range (hal/hosted/include/hal/machine/memory_map.h).
FIRST_WINDOW = 0x4000_0000_0000


def command(machine, kernel: str, initrd: int | None, disk: int | None, words: str) -> list[str]:
    """The command that starts the machine. initrd, disk: descriptors, or None. words: the kernel command line."""
    options = ["--harts", str(machine.harts), "--mem", str(memory.in_bytes(machine.memory))]
    options += ["--append", words]
    if initrd is not None:
        options += ["--initrd", f"/proc/self/fd/{initrd}"]
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
    """gdb's commands that attach it to the kernel's process. gdb must not stop for the kernel's signals:
    those are interrupts, and page faults of programs."""
    return [
        "handle SIG34 SIG35 SIGSEGV nostop noprint pass",
        f"attach {process}",
    ]
