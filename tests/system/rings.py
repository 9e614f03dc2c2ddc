"""Rings do what the calls do, in batches, and nothing that is put into one harms the kernel."""

import re

import harness
from cotrap.qemu import Machine

PARTS = (
    ("operations", "what needs no waiting is answered, or refused as the call would be"),
    ("batches", "batches are answered in order; what has no room for its completion stays"),
    ("joined", "what is made in one transfer does what its parts do one by one"),
    ("waits", "what waits completes when it can; enter waits for as many as it is asked to"),
    ("links", "a linked submission begins after the one before it, or not at all"),
    ("timeouts", "time passes; a limit ends the wait it is linked to"),
    ("cancels", "what is cancelled ends, whether it has begun or not"),
    ("multishot", "a read that goes on tells each piece, and its end"),
    ("picked-up", "submissions are picked up without a call, and a sleeper says that it sleeps"),
    ("queue", "of many who read from a pipe one has each byte, whatever becomes of the others"),
    ("broken", "indices out of range and wrong arguments are errors"),
    ("unmapped", "a ring that is unmapped while in use is an error"),
    ("lost", "who waits for completions that can have no place any more does not wait on"),
    ("overflow", "completions without room are counted, and overwrite nothing"),
    ("ends", "nothing is left of what was in flight at exit, exec and kill"),
)


def one_is_woken(test: harness.Test) -> None:
    what = "a byte for one of 512 readers costs no more than waking one of them"
    if test.lacks(what, harness.COUNTED):
        return
    done = test.run("/rings", "queue", machine=Machine(icount=True))
    cost = re.search(r"(\d+) instructions a byte", done.text)
    test.check(
        cost is not None and int(cost[1]) < 6_000, f"{what}: {done.text.strip()}", done.why
    )


with harness.Test(__doc__) as test:
    test.run_parts("rings", PARTS)
    one_is_woken(test)
