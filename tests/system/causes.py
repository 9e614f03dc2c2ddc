"""The kernel enters a program of its own accord by a simulated trap, whose cause decides the registers."""

from dataclasses import replace

import harness
from cotrap.demos import numbered_disk

PARTS = (
    ("first", "a new thread enters its program with the cause first_instruction"),
    ("execve", "another program begins with the registers of its start"),
    ("call", "a return from a system call is no simulated trap"),
    ("page", "an upcall for a page enters the scheduler, and the coroutine resumes"),
    ("restart", "without a scheduler the instruction restarts after its page-in"),
    ("exception", "an upcall for an exception enters the scheduler"),
    ("notification", "a notification enters the scheduler, and the coroutine resumes"),
    ("own-cause", "inside a call the thread's cause is the call, also in the fast path"),
)

with harness.Test(__doc__) as test, numbered_disk(test.build) as disk:
    test.run_parts("causes", PARTS, lambda machine: replace(machine, disk=disk))
    # On one hart: on several, a busy host may let the other thread wait only while this one does not look.
    done = test.run("/causes", "waiting", machine=test.machine(harts=1, disk=disk))
    what = "the cause of a thread that waits for a page is its fault"
    test.check(done.status == 0, what, done.text + done.why)
