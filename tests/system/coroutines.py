"""A program's coroutines make system calls through a ring and share their priority with the kernel."""

import re

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


def from_the_page(test: harness.Test) -> None:
    """Runs the example of docs/user-coroutines.md and types the keys of its INPUT."""
    page = (harness.ROOT / "docs" / "user-coroutines.md").read_text()
    keys = re.search(r'INPUT "(.*?)"', page)[1]
    for escape, key in ((r"\\d", ""), (r"\\n", "\n"), (r"\\x04", "\x04")):
        keys = keys.replace(escape, key)
    test.add(test.folder / "test-programs" / "page-copy", "page-copy")
    done = test.run("/page-copy", typed=harness.Dialogue(("", keys)))
    copied = done.status == 0 and done.text.split() == ["hello", "hello"]
    test.check(copied, "the example of the page copies the typed text", done.text + done.why)


with harness.Test(__doc__) as test:
    if test.everyday:
        from_the_page(test)
    test.run_parts("coroutines", PARTS)
