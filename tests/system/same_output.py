"""Runs Linux programs in guests, and compares their output and status with what they did elsewhere.

Programs that have arguments or input are the first process of a guest of their own. A shell starts the others
in one guest. Two programs at once would disturb each other's times, so the runs follow each other.
"""

import difflib
import subprocess
from pathlib import Path

import harness
from cotrap.qemu import Machine

# By the program's name: its arguments and its standard input, there and here.
ARGUMENTS = {"arguments": ["one", "", "t w o", "-x", "ünï%20"]}
INPUT = {"stdio": b"a line\nanother 12 3.5\n\nwithout an end"}
# PROGRAM-PART.txt: what Linux 6.12 has printed for a program with that argument. These are parts for which the
# emulator differs. The file's name without its end is the part's name.
RECORDED = Path(__file__).parent / "expected"


def recorded() -> dict[str, subprocess.CompletedProcess]:
    """How each part in RECORDED ended on Linux, by its name."""
    return {
        file.stem: subprocess.CompletedProcess([], 0, file.read_bytes())
        for file in sorted(RECORDED.glob("*.txt"))
    }


def command(name: str) -> list[str]:
    """The program and the arguments of a program or of a part in RECORDED."""
    if (RECORDED / f"{name}.txt").exists():
        return name.split("-", 1)
    return [name, *ARGUMENTS.get(name, [])]


def check(
    test: harness.Test, expected: dict[str, subprocess.CompletedProcess], machine: Machine, about: str
) -> int:
    """Runs the programs, which the guest has in /linux. expected: how each program or part ended elsewhere, by its
    name. about: a suffix of the checks' names. Returns the number of lines that are the same."""
    first = {name for name in expected if name in ARGUMENTS or name in INPUT}
    same = sum(_run_first(test, machine, about, name, expected[name]) for name in sorted(first))
    others = {name: there for name, there in expected.items() if name not in first}
    return same + _run_after_another(test, machine, about, others)


def part_of(output: bytes, name: str) -> tuple[int | None, bytes]:
    """The status and the output of one of the programs that have run one after the other."""
    _, _, rest = output.partition(f"== {name} begins\n".encode())
    part, _, rest = rest.partition(f"== {name} ends: ".encode())
    status, ended, _ = rest.partition(b"\n")
    return int(status) if ended and status.isdigit() else None, part


def _compare(
    test: harness.Test, what: str, here: tuple, there: subprocess.CompletedProcess, why: str
) -> int:
    """here: the status and the output of the program in the guest."""
    status, output = here
    ours, theirs = (text.decode(errors="replace").splitlines() for text in (output, there.stdout))
    difference = difflib.unified_diff(theirs, ours, "there", "here", lineterm="", n=1)
    test.check(
        here == (there.returncode, there.stdout),
        f"{what}: {len(there.stdout)} bytes of output and status {there.returncode}",
        "\n".join((f"here: status {status}", *difference, why)),
    )
    matcher = difflib.SequenceMatcher(None, theirs, ours, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())


def _run_first(
    test: harness.Test, machine: Machine, about: str, name: str, there: subprocess.CompletedProcess
) -> int:
    """Runs a program as the first process of a guest of its own."""
    program, *arguments = command(name)
    done = test.run(f"/linux/{program}", *arguments, stdin=INPUT.get(name), machine=machine)
    return _compare(test, f"{name}, {about}", (done.status, done.output), there, done.why)


def _run_after_another(
    test: harness.Test, machine: Machine, about: str, expected: dict[str, subprocess.CompletedProcess]
) -> int:
    """Runs programs in one guest, in which a shell starts one after the other."""
    script = "".join(
        f"echo == {name} begins; /linux/{' '.join(command(name))}; echo == {name} ends: $?\n"
        for name in expected
    )
    done = test.run("/bin/sh", "-c", script, machine=machine, timeout=2 * harness.TIMEOUT)
    return sum(
        _compare(test, f"{name}, {about}", part_of(done.output, name), there, done.why)
        for name, there in expected.items()
    )
