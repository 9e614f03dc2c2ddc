"""Coroutines of a program make calls by a ring and share priorities with the kernel, beside stackful jobs."""

import harness

PARTS = (
    ("operations", "awaited calls return the same results and errors as system calls"),
    ("many", "more coroutines may wait than the ring has entries"),
    ("cancels", "a cancelled call ends and consumes no data"),
    ("in-time", "a read that completes before its deadline keeps its data"),
    ("waits", "a program without ready coroutines uses no processor time"),
    ("busy", "a coroutine that never waits does not delay the calls of others"),
    ("deadlocks", "a deadlock of all coroutines is reported to the program"),
    ("priorities", "any bytes in the memory of a shared priority leave the kernel intact"),
)

STACKFUL = (
    ("waits", "a stackful job waits for all that a coroutine awaits, in any function that it calls"),
    ("registers", "… and keeps its registers"),
    ("orders", "stackful and stackless jobs run in the same order, whatever the policy"),
    ("thousand", "a thousand stackful jobs wait at once, and later ones use their stacks again"),
    ("cancels", "a cancelled stackful job returns by itself"),
    ("scarce", "a stack beyond the limit of the address space is an error"),
    ("full", "… and so is a stack for which the machine has no memory"),
    ("upcalls", "stackful jobs are preempted, preempt others, and fail attempts"),
    ("left-over", "run() ends while stackful jobs wait or are preempted"),
    ("dies", "a stack that overflows, and a wait in a wrong place, end the program with a report"),
)


def from_the_tutorial(test: harness.Test) -> None:
    """The demo of docs/tutorials/demo.md. The test types a line, then Ctrl-D, each after four more ticks."""
    ticks = r"(?s:.*?tick \d+){4}"
    typed = harness.Dialogue((ticks, "hello\n"), (f"hello\r?\n{ticks}", "\x04"))
    test.add(test.folder / "test-programs" / "ticker", "ticker")
    done = test.run("/ticker", typed=typed)
    held = done.status == 0 and "\n1 lines; " in done.text.replace("\r", "")
    test.check(held, "the demo of the tutorial: a timer ticks while a read waits", done.text + done.why)


with harness.Test(__doc__) as test:
    if test.everyday:
        from_the_tutorial(test)
    test.run_parts("coroutines", PARTS)
    test.run_parts("stackful", STACKFUL)
