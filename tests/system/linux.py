"""Linux programs print on Cotrap what they print on Debian's kernel in the same machine.

The test downloads the kernel, as `./cotrap bench --against linux` does. It runs the programs of linux_programs.py
there, and the parts that linux_programs.py compares with recorded texts. Each line that a program prints on both
kernels is a check of its own in the count at the end. `--only NAMES` runs the programs and parts with commas between
their names.
"""

import subprocess

import debian_linux
import harness
import same_output
from cotrap.qemu import Machine

_TIMEOUT = 600.0  # seconds
# Programs about what differs on purpose: limits, and calls that Linux has and Cotrap logs.
_NOT_COMPARED = {"limits", "unknown"}


def names(test: harness.Test) -> list[str]:
    """The names of the programs, and of their parts."""
    programs = {path.name for path in (test.folder / "linux-programs").iterdir() if path.is_file()}
    return [*sorted(programs - _NOT_COMPARED), *same_output.recorded()]


def on_linux(test: harness.Test, wanted: list[str], machine: Machine) -> bytes:
    """What Debian's kernel and the programs print."""
    commands = []
    for name in wanted:
        program, *arguments = same_output.command(name)
        commands.append((name, f"/linux/{program}", *arguments))
    archive = debian_linux.archive_with(test, commands)
    archive.add(test.folder / "linux-programs", "linux")
    for name, given in same_output.INPUT.items():
        archive.add_bytes(given, f"input/{name}")
    return debian_linux.boot(test, archive.pack(), machine, _TIMEOUT)


with harness.Test(
    __doc__, "programs for riscv64 (hosted_programs tests those of the host)", own={"only": ""}
) as test:
    test.add(test.folder / "linux-programs", "linux")
    machine = test.machine(harts=2)
    wanted = test.options.only.split(",") if test.options.only else names(test)
    output = on_linux(test, wanted, machine)
    expected = {}
    for name in wanted:
        status, text = same_output.part_of(output, name)
        expected[name] = subprocess.CompletedProcess([], status, text)
    same = same_output.check(test, expected, machine, "as on Linux")
    print(f"{same} lines are the same on both kernels")
