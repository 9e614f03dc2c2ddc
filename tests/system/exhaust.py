"""A program that uses up a resource gets an error, and all resources come back afterwards."""

import re
import tempfile
from dataclasses import replace
from pathlib import Path

import harness
from cotrap.qemu import Machine


FILL = """yes > /tmp/full; echo status $?
yes >> /tmp/full; echo status $?
ls /tmp; free; ps
seq 1 20000 | wc
rm /tmp/full; echo status $?
seq 1 20000 > /tmp/again; wc /tmp/again
"""


def everything(test: harness.Test, machine: Machine) -> None:
    what = f"a program uses up {machine.memory} of memory and gets errors ({machine.harts} harts)"
    if test.lacks(what, harness.MMU):
        return
    done = test.run("/exhaust", machine=machine)
    test.check(done.status == 0, what, done.text + done.why)
    print(done.text, end="")


def everything_together(test: harness.Test, machine: Machine) -> None:
    what = f"programs use up all resources of {machine.memory} at the same time ({machine.harts} harts)"
    if test.lacks(what, harness.MMU):
        return
    done = test.run("/exhaust", "together", machine=machine)
    test.check(done.status == 0, f"{what}, and all come back", done.text + done.why)


def temporary_files(test: harness.Test, machine: Machine) -> None:
    """A program that fills /tmp gets an error, and all programs keep running."""
    done = test.run("/bin/sh", "-c", FILL, machine=machine)
    test.check(
        re.findall(r"status (\d+)", done.text) == ["1", "1", "0"],
        f"filling /tmp is an error ({machine.harts} harts)",
        done.text + done.why,
    )
    test.check("out of memory" not in done.text, "  … and causes no OOM kill", done.text)
    free = re.findall(r"(\d+) KiB", done.text)
    total, _, left = (int(kib) for kib in free) if len(free) == 3 else (0, 0, -1)
    test.check(left > total * 0.4, f"  … and leaves {left} of {total} KiB to programs", done.text)
    words = re.findall(r"20000 +20000 +108894", done.text)
    test.check(len(words) == 2, "  … which keep running, and use /tmp once it has room again", done.text)


def mapped_archive(test: harness.Test) -> None:
    what = "the OOM kill spares a process that maps much of the boot archive"
    if test.lacks(what, harness.MMU):
        return
    with tempfile.NamedTemporaryFile() as big:
        big.truncate(12 << 20)
        test.add(Path(big.name), "big")
        for harts in test.same_harts:
            machine = test.machine(harts=harts, memory="64M")
            done = test.run("/exhaust", "beside", "/big", machine=machine)
            test.check(done.status == 0, f"{what} ({harts} harts)", done.text + done.why)


def many_threads(test: harness.Test) -> None:
    """A process can have 100,000 threads. The benchmark prints no result if memory is short."""
    name = "growth.thread@100000"
    for harts in test.same_harts:
        done = test.run("/bin/bench-growth", name, machine=test.machine(harts=harts, memory="1G"))
        what = f"a hundred thousand threads wait, and another one starts and ends ({harts} harts)"
        test.check(done.status == 0 and f"\n{name}\t" in done.text, what, done.text + done.why)


with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "exhaust", "exhaust")
    for harts in test.same_harts:
        machine = test.machine(harts=harts, memory="32M")
        if test.everyday:
            everything(test, machine)
            everything_together(test, machine)
            temporary_files(test, machine)
        if test.rest:
            everything(test, replace(machine, memory="256M"))
    if test.rest:
        many_threads(test)
    if test.everyday:
        mapped_archive(test)
