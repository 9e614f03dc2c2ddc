"""Rings give the results of system calls, in batches, and wrong contents do not harm the kernel."""

import re

import harness
from cotrap.qemu import Machine

PARTS = (
    ("operations", "a submission that need not wait completes with the call's result or error"),
    ("batches", "batches complete in order, and a submission without room for its completion stays"),
    ("joined", "a merged transfer has the effects of its submissions one by one"),
    ("waits", "requests complete when their event comes, and enter waits for the requested number"),
    ("links", "a linked submission starts after the success of the one before it, or not at all"),
    ("timeouts", "a timeout completes in time, and a linked timeout ends its request"),
    ("cancels", "a cancelled request ends, whether it has started or not"),
    ("multishot", "a multishot read completes for each piece, and reports its last one"),
    ("picked-up", "submission polling needs no call, and the flag ring_needs_wakeup reports its sleep"),
    ("queue", "each byte of a pipe reaches one of many waiting reads, even if others fail"),
    ("broken", "indices out of range and wrong arguments are errors"),
    ("unmapped", "the use of an unmapped ring is an error"),
    ("lost", "a wait for completions ends if the ring loses its memory"),
    ("overflow", "completions without room are counted and overwrite nothing"),
    ("ends", "exit, execve and kill leave no in-flight request behind"),
)


def one_is_woken(test: harness.Test) -> None:
    what = "a byte for one of 512 waiting reads costs no more than one wake"
    if test.lacks(what, harness.COUNTED):
        return
    done = test.run("/rings", "queue", machine=Machine(icount=True))
    cost = re.search(r"(\d+) instructions a byte", done.text)
    test.check(
        cost is not None and int(cost[1]) < 6_000, f"{what}: {done.text.strip()}", done.why
    )


with harness.Test(__doc__) as test:
    test.run_parts("rings", PARTS)
    if test.everyday:
        one_is_woken(test)
