"""On several harts threads move, share memory and wait for each other, and processes end."""

import re
import subprocess
import tempfile
from pathlib import Path

import harness
from cotrap.qemu import Machine
from harness import Part

PARTS = (
    Part("moves", "a thread moves to the hart that it selects, with its floating-point registers"),
    Part("is-moved", "a computing thread moves to the hart to which another thread sends it"),
    Part("yields-and-is-moved", "threads that yield keep their registers while others move them"),
    Part("spreads", "computing threads on one hart spread over all harts that they may use"),
    Part("reschedules", "scheduling parameters change while threads run elsewhere, wait, or start to wait"),
    Part("sets-own", "threads change their own schedules and harts, and see each other's"),
    Part("forks", "a child has the memory of the moment of the fork while other threads write"),
    Part("divides", "after a fork, parent and child write to copies of their pages on all harts"),
    Part("maps", "threads map and unmap pages on all harts, and none sees another's page"),
    Part("areas", "threads change areas that none uses on all harts, and none gets another's"),
    Part("drops", "the kernel uses no frame that a thread has dropped, on any hart"),
    Part("copies", "no futex wake is lost when a write gives the page another frame"),
    Part("ends", "execve and exit_group end threads that compute on other harts"),
    Part("reaps", "harts reap children of one process at the same time, each child once"),
    Part("families", "processes start, end and are waited for on all harts at the same time"),
    Part("starters", "threads start and end on all harts at the same time"),
    Part("urgent", "console output continues beside a computing thread of the highest priority"),
    Part("makers", "threads that are created during a kill or an execve end, too"),
    Part("around", "threads that wake on idle harts pass all bytes on in a ring"),
    Part("outlived", "a waiter on unmapped shared memory is not woken through a later mapping"),
    Part("polls", "poll survives that its descriptors change and its pipe is closed"),
    Part("parts", "an iovec array that changes while the kernel reads it does no harm"),
    Part("lends", "a lock holder inherits the priority of a waiter on any hart"),
    Part("too-long", "lock chains and the number of contended locks are limited"),
    Part("lingers", "a waiter that timed out and has not run since does not delay others"),
    Part("hammers", "a lock excludes others even if threads time out or die with it"),
    Part("share", "pipes, futexes, files and new pages work while harts use them at the same time"),
    Part("asks", "calls read valid limits, directories and file sizes while a thread changes these"),
    Part("own", "processes on all harts change their memory and open files at the same time"),
    Part("descriptors", "threads on all harts open, duplicate, use and close the same descriptors"),
    Part("names", "threads on all harts create, rename and remove names in one directory and in their own"),
    Part("process-files", "threads look up directories of processes that end, and one is a working directory"),
    Part("sleeps", "threads sleep on all harts at once, and a kill ends a sleep"),
    Part("takes-turns", "no wake is lost if the waiter shares its priority and so waits in the strand"),
    Part("polls-end", "a poll ends once if a write and its timeout meet, and at the end of its pipe"),
    Part("polls-killed", "kills end polls on all harts"),
    Part("timeouts", "if a wake and a timeout meet on different harts, one of them ends the wait"),
    Part("moved", "a requeue, a wake and a timeout race, and one of the last two ends the wait"),
)
# Parts about time, which run with counted time on one hart.
SHARES = (
    Part("by-weight", "ordinary threads share a hart by the weights of their nice values"),
    Part("sleepers", "a thread that sleeps now and then takes no more than its share"),
    Part("renewals", "a period of a reservation has one budget, however often it is requested"),
    Part("debts", "time that a thread used alone is not taken from its reservation"),
    Part("unthrottled", "a thread without budget that gets another schedule runs at once"),
    Part("unticked", "a thread with a reservation that is seldom charged leaves others their time"),
    Part("answers", "a thread that seldom computes runs at once beside threads that always do"),
    Part("turns", "time slices have the length of the thread's policy"),
    Part("many-held", "a lock costs no more while threads wait for 200 other locks"),
)
# Parts about time, which run with counted time on three harts.
WANDERING = (
    Part("time", "a thread that changes harts is charged for all its time"),
    Part("shares-after-moves", "threads that were sent from hart to hart all get time afterwards"),
    Part("wanders", "threads that start on one hart and end on another leak no memory"),
    Part("shootdowns", "only harts that use an address space receive its TLB shootdowns"),
)
FORKING = ("copies", "forks", "divides", "ends", "families", "makers", "outlived", "polls-killed")


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
    if not test.lacks("shares of time and time slices", harness.COUNTED):
        test.run_together("harts", SHARES, Machine(icount=True))
        test.run_together("harts", WANDERING, Machine(harts=3, icount=True))
        done = test.run("/harts", "naps", machine=Machine(icount=True))
        test.check(done.status == 0, f"short sleeps let others run: {done.text.strip()}", done.why)
        done = test.run("/harts", "wakes", machine=Machine(harts=2, icount=True))
        test.check(done.status == 0, f"one IPI wakes an idle hart: {done.text.strip()}", done.why)
    if test.lacks("the end of the machine while all harts compute", harness.MMU):
        return
    done = test.run("/harts", "leaves", machine=Machine(harts=4))
    test.check(done.status == 7, "the machine ends while every hart computes", done.text + done.why)


def panics(test: harness.Test) -> None:
    for hart in (1, 3):
        done = test.run(
            "/bin/sleep", "1000", machine=Machine(harts=4), append=f"crash=read crash-hart={hart}"
        )
        test.check(
            re.search(rf"h{hart}\] kernel panic: (page|access) fault in the kernel", done.why)
            is not None
            and "awaits:" in done.why,
            f"a panic on hart {hart} prints that hart's await chain",
            done.why,
        )


def absent_harts(test: harness.Test) -> None:
    """Boots a machine of two harts with the device tree of four."""
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
        "the kernel does not use harts that do not start",
        done.text + done.why,
    )
    for hart in (2, 3):
        named = re.search(rf"hart {hart} (did not start|cannot be started)", done.text)
        test.check(named is not None, f"boot names hart {hart}, which does not start", done.text)


with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "harts", "harts")
    parts(test)
    if test.everyday:
        panics(test)
        absent_harts(test)
