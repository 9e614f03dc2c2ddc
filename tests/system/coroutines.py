"""Coroutines of a program wait for the kernel by a ring, and tell it how urgent they are."""

import harness

PARTS = (
    ("operations", "calls answer as they do, errors too"),
    ("many", "more may wait than the ring has places for"),
    ("cancels", "what is cancelled ends, and has taken nothing"),
    ("in-time", "what was read when a deadline came is not lost"),
    ("waits", "while nobody is ready, a program does nothing"),
    ("busy", "who always has something to do does not keep the others from their calls"),
    ("deadlocks", "a program whose coroutines all wait for one another is told so"),
    ("priorities", "whatever is in the memory of a shared priority, the kernel goes on"),
)

with harness.Test(__doc__) as test:
    test.run_parts("coroutines", PARTS)
