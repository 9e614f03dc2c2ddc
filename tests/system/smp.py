"""Several harts at once: threads move, spaces are shared and forgotten, and all of it ends."""

import re
import subprocess
import tempfile
from pathlib import Path

import harness
from cotrap.qemu import Machine
from harness import Part

PARTS = (
    Part("moves", "a thread is where it says it wants to be, with its floating-point registers"),
    Part("is-moved", "one that computes goes where somebody else sends it"),
    Part("spreads", "threads that compute on one hart spread over all that they may use"),
    Part("reschedules", "schedules change under threads that run elsewhere, wait, or are about to"),
    Part("forks", "a child has what was there at the fork while others go on writing"),
    Part("maps", "pages come and go under threads on all harts, and nobody sees another's"),
    Part("shootdowns", "only harts that have the space are told what goes from it"),
    Part("ends", "execve and exit_group end threads that compute on other harts"),
    Part("urgent", "the console goes on beside the most urgent of hogs"),
    Part("makers", "threads that are made while their process is killed, or becomes another, end too"),
    Part("outlived", "who waits in shared memory that is gone is not woken by that which comes after"),
    Part("polls", "what is polled for becomes other files, and what was polled goes"),
    Part("parts", "lists of parts that change while the kernel looks at them do no harm"),
    Part("lends", "who holds a lock runs with the priority of who waits for it, from any hart"),
    Part("too-long", "chains of locks, and how many are waited for, have their limits"),
    Part("lingers", "who has given up a lock, and not run since, is in nobody's way"),
    Part("hammers", "locks that many take, give up on and die with let one in at a time"),
    Part("timeouts", "of a wake and a timeout that meet on different harts one ends the wait"),
)
# About time, so it is counted: on one hart …
SHARES = (
    Part("by-weight", "ordinary threads share a hart by the weights of their nice values"),
    Part("sleepers", "a thread that sleeps now and then takes no more than its share"),
    Part("renewals", "a period of a reservation has one budget, however often it is asked for"),
    Part("debts", "what a thread used alone is not taken from its reservation"),
    Part("unthrottled", "a thread without budget that gets another schedule runs at once"),
    Part("answers", "a thread that seldom computes does not wait for those that always do"),
    Part("turns", "threads take turns of the length that their schedules have"),
    Part("many-held", "a lock costs no more where threads wait for 200 others"),
)
# … and on three.
WANDERING = (
    Part("time", "time is charged to who wanders"),
    Part("wanders", "threads that begin here and end there cost no memory for good"),
)
FORKING = ("forks", "shootdowns", "ends", "makers", "outlived")


def parts(test: harness.Test) -> None:
    several = [
        part
        for part in PARTS
        if part.name not in FORKING or not test.lacks(part.what, harness.MMU)
    ]
    for harts in test.harts_of_tier:
        if harts > 1:
            test.run_together("harts", several, test.machine(harts=harts))
    if not test.everyday:
        return
    if not test.lacks("what is charged, and how long turns are", harness.COUNTED):
        test.run_together("harts", SHARES, Machine(icount=True))
        test.run_together("harts", WANDERING, Machine(harts=3, icount=True))
        done = test.run("/harts", "naps", machine=Machine(icount=True))
        test.check(done.status == 0, f"short sleeps let others run: {done.text.strip()}", done.why)
        done = test.run("/harts", "wakes", machine=Machine(harts=2, icount=True))
        test.check(done.status == 0, f"what wakes an idle hart: {done.text.strip()}", done.why)
    if test.lacks("the end of a machine that computes", harness.MMU):
        return
    done = test.run("/harts", "leaves", machine=Machine(harts=4))
    test.check(done.status == 7, "the machine ends while every hart computes", done.text + done.why)


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
            timeout=harness.TIMEOUT,
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
    if test.everyday:
        panics(test)
        absent_harts(test)
