"""A program's coroutines make system calls through a ring and share their priority with the kernel."""

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
