"""Several harts at once: threads move, spaces are shared and forgotten, and all of it ends."""

import re
import subprocess
import tempfile
from pathlib import Path

import harness
from cotrap.qemu import Machine

PARTS = (
    ("moves", "a thread is where it says it wants to be, with its floating-point registers"),
    ("is-moved", "one that computes goes where somebody else sends it"),
    ("spreads", "threads that compute on one hart spread over all that they may use"),
    ("reschedules", "schedules change under threads that run elsewhere, wait, or are about to"),
    ("forks", "a child has what was there at the fork while others go on writing"),
    ("maps", "pages come and go under threads on all harts, and nobody sees another's"),
    ("shootdowns", "only harts that have the space are told what goes from it"),
    ("ends", "execve and exit_group end threads that compute on other harts"),
    ("urgent", "the console goes on beside the most urgent of hogs"),
    ("makers", "threads that are made while their process is killed, or becomes another, end too"),
    ("outlived", "who waits in shared memory that is gone is not woken by that which comes after"),
    ("polls", "what is polled for becomes other files, and what was polled goes"),
    ("parts", "lists of parts that change while the kernel looks at them do no harm"),
    ("lends", "who holds a lock runs with the priority of who waits for it, from any hart"),
    ("too-long", "chains of locks, and how many are waited for, have their limits"),
    ("lingers", "who has given up a lock, and not run since, is in nobody's way"),
    ("hammers", "locks that many take, give up on and die with let one in at a time"),
    ("timeouts", "of a wake and a timeout that meet on different harts one ends the wait"),
)
SHARES = (
    ("by-weight", "ordinary threads share a hart by the weights of their nice values"),
    ("sleepers", "a thread that sleeps now and then takes no more than its share"),
    ("renewals", "a period of a reservation has one budget, however often it is asked for"),
    ("debts", "what a thread used alone is not taken from its reservation"),
    ("unthrottled", "a thread without budget that gets another schedule runs at once"),
    ("answers", "a thread that seldom computes does not wait for those that always do"),
)
FORKING = ("forks", "shootdowns", "ends", "makers", "outlived")


def parts(test: harness.Test) -> None:
    for name, what in PARTS:
        if name in FORKING and test.lacks(what, harness.MMU):
            continue
        done = test.run("/harts", name, machine=Machine(harts=test.given_harts or 4), timeout=120)
        test.check(done.status == 0, f"{what} ({done.seconds:.1f} s)", done.text + done.why)
    if not test.lacks("what is charged, and how long turns are", harness.COUNTED):
        times(test)
    done = test.run("/harts", "naps", machine=Machine(icount=True))
    test.check(done.status == 0, f"short sleeps let others run: {done.text.strip()}", done.why)
    done = test.run("/harts", "wanders", machine=Machine(harts=3, icount=True))
    test.check(
        done.status == 0,
        "threads that begin here and end there cost no memory for good",
        done.text + done.why,
    )
    if test.lacks("the end of a machine that computes", harness.MMU):
        return
    done = test.run("/harts", "leaves", machine=Machine(harts=4))
    test.check(done.status == 7, "the machine ends while every hart computes", done.text + done.why)


def times(test: harness.Test) -> None:
    done = test.run("/harts", "time", machine=Machine(harts=3, icount=True))
    test.check(done.status == 0, f"time is charged to who wanders: {done.text.strip()}", done.text)
    done = test.run("/harts", "turns", machine=Machine(icount=True))
    test.check(done.status == 0, f"turns: {', '.join(done.text.splitlines())}", done.why)
    for part, what in SHARES:
        done = test.run("/harts", part, machine=Machine(icount=True))
        test.check(done.status == 0, f"{what}: {', '.join(done.text.splitlines())}", done.why)
    done = test.run("/harts", "wakes", machine=Machine(harts=2, icount=True))
    test.check(done.status == 0, f"what wakes an idle hart: {done.text.strip()}", done.why)


def panics(test: harness.Test) -> None:
    for hart in (1, 3):
        done = test.run(
            "/bin/sleepsort", machine=Machine(harts=4), append=f"crash=read crash-hart={hart}"
        )
        test.check(
            re.search(rf"h{hart}\] kernel panic: (page|access) fault in the kernel", done.why)
            is not None
            and "awaits:" in done.why,
            f"a panic on hart {hart} says what was going on there",
            done.why,
        )


def absent_harts(test: harness.Test) -> None:
    """The device tree of four harts on a machine of two."""
    if test.lacks("harts that do not start", harness.QEMU):
        return
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        subprocess.run(
            ["qemu-system-riscv64", *Machine(harts=4).options(), "-machine", f"dumpdtb={tree}"],
            check=True,
            capture_output=True,
            timeout=30,
        )
        machine = Machine(harts=2, extra=("-dtb", str(tree)))
        done = test.run("/bin/smp", machine=machine, quiet=False)
    test.check(
        done.status == 0 and "hart 1 started" in done.text and "hart 2 started" not in done.text,
        "harts that do not start are not counted on",
        done.text + done.why,
    )


with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "harts", "harts")
    parts(test)
    panics(test)
    absent_harts(test)
