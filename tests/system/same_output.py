"""Runs Linux programs in guests, and compares their output and status with what they did elsewhere.

Programs that have arguments or input are the first process of a guest of their own. A shell starts the others
in one guest. Two programs at once would disturb each other's times, so the runs follow each other.
"""

import subprocess

import harness
from cotrap.qemu import Machine

# By the program's name: its arguments and its standard input, there and here.
ARGUMENTS = {"arguments": ["one", "", "t w o", "-x", "ünï%20"]}
INPUT = {"stdio": b"a line\nanother 12 3.5\n\nwithout an end"}


def check(
    test: harness.Test, expected: dict[str, subprocess.CompletedProcess], machine: Machine, about: str
) -> None:
    """Runs the programs, which the guest has in /linux. expected: how each ended elsewhere, by its name.
    about: a suffix of the checks' names."""
    first = {name for name in expected if name in ARGUMENTS or name in INPUT}
    for name in sorted(first):
        _run_first(test, machine, about, name, expected[name])
    _run_after_another(
        test, machine, about, {name: there for name, there in expected.items() if name not in first}
    )


def _compare(
    test: harness.Test, what: str, here: tuple, there: subprocess.CompletedProcess, why: str
) -> None:
    """here: the status and the output of the program in the guest."""
    status, output = here
    test.check(
        here == (there.returncode, there.stdout),
        f"{what}: {len(there.stdout)} bytes of output and status {there.returncode}",
        b"here: status %d\n%s\nthere:\n%s\n%s"
        % (-1 if status is None else status, output, there.stdout, why.encode()),
    )


def _run_first(
    test: harness.Test, machine: Machine, about: str, name: str, there: subprocess.CompletedProcess
) -> None:
    """Runs a program as the first process of a guest of its own."""
    arguments, given = ARGUMENTS.get(name, []), INPUT.get(name)
    done = test.run(f"/linux/{name}", *arguments, stdin=given, machine=machine)
    _compare(test, f"{name}, {about}", (done.status, done.output), there, done.why)


def _run_after_another(
    test: harness.Test, machine: Machine, about: str, expected: dict[str, subprocess.CompletedProcess]
) -> None:
    """Runs programs in one guest, in which a shell starts one after the other."""
    script = "".join(
        f"echo == {name} begins; /linux/{name}; echo == {name} ends: $?\n" for name in expected
    )
    done = test.run("/bin/sh", "-c", script, machine=machine, timeout=2 * harness.TIMEOUT)
    for name, there in expected.items():
        _, _, rest = done.output.partition(f"== {name} begins\n".encode())
        output, _, rest = rest.partition(f"== {name} ends: ".encode())
        status, ended, _ = rest.partition(b"\n")
        here = int(status) if ended and status.isdigit() else None, output
        _compare(test, f"{name}, {about}", here, there, done.why)
