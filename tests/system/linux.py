"""Linux programs print on Cotrap what they print on Debian's kernel in the same machine.

The test downloads the kernel, as `./cotrap bench --against linux` does. It runs the programs of linux_programs.py
there, and the parts that linux_programs.py compares with recorded texts. Each line that a program prints on both
kernels is a check of its own in the count at the end.
"""

import os
import subprocess

import harness
import same_output
from cotrap.bench.others import OTHERS
from cotrap.initrd import Archive
from cotrap.qemu import Machine, machine_of, memory_file, qemu_on

_SEPARATOR = "\x1f"  # between the words of a command for first_on_linux.c
_TIMEOUT = 600.0  # seconds
# Programs about what differs on purpose: limits, and calls that Linux has and Cotrap logs.
_NOT_COMPARED = {"limits", "unknown"}


def names(test: harness.Test) -> list[str]:
    """The names of the programs, and of their parts."""
    programs = {path.name for path in (test.folder / "linux-programs").iterdir() if path.is_file()}
    return [*sorted(programs - _NOT_COMPARED), *same_output.recorded()]


def on_linux(test: harness.Test, wanted: list[str], machine: Machine) -> bytes:
    """What Debian's kernel and the programs print."""
    linux = OTHERS["linux"]
    archive = Archive()
    archive.add_program(test.folder / "test-programs" / "first-on-linux", "init")
    archive.add(test.folder / "linux-programs", "linux")
    commands = ""
    for name in wanted:
        program, *arguments = same_output.command(name)
        commands += _SEPARATOR.join([name, f"/linux/{program}", *arguments]) + "\n"
    archive.add_bytes(commands.encode(), "commands")
    for name, given in same_output.INPUT.items():
        archive.add_bytes(given, f"input/{name}")
    image = linux.image("riscv64")
    initrd = memory_file("initrd", archive.pack())
    try:
        return subprocess.run(
            qemu_on(machine_of(test.build, machine), str(image), initrd, linux.words([])),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            pass_fds=(initrd,),
            timeout=_TIMEOUT,
        ).stdout
    finally:
        os.close(initrd)


with harness.Test(__doc__, "programs for riscv64 (hosted_programs tests those of the host)") as test:
    test.add(test.folder / "linux-programs", "linux")
    machine = test.machine(harts=2)
    wanted = names(test)
    output = on_linux(test, wanted, machine)
    expected = {}
    for name in wanted:
        status, text = same_output.part_of(output, name)
        expected[name] = subprocess.CompletedProcess([], status, text)
    same = same_output.check(test, expected, machine, "as on Linux")
    print(f"{same} lines are the same on both kernels")
