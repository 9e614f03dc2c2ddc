"""Coroutines of a program wait for the kernel by a ring, and tell it how urgent they are."""

import re

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


def from_the_page(test: harness.Test) -> None:
    """The example of docs/user-coroutines.md, with the keys that the page has typed into it."""
    page = (harness.ROOT / "docs" / "user-coroutines.md").read_text()
    keys = re.search(r'INPUT "(.*?)"', page)[1]
    for escape, key in ((r"\\d", ""), (r"\\n", "\n"), (r"\\x04", "\x04")):
        keys = keys.replace(escape, key)
    test.add(test.folder / "test-programs" / "page-copy", "page-copy")
    done = test.run("/page-copy", typed=harness.Dialogue(("", keys)))
    copied = done.status == 0 and done.text.split() == ["hello", "hello"]
    test.check(copied, "the example of the page copies what is typed", done.text + done.why)


with harness.Test(__doc__) as test:
    if test.everyday:
        from_the_page(test)
    test.run_parts("coroutines", PARTS)
