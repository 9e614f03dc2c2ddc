"""Coroutines of a program make calls by a ring and share priorities with the kernel, beside stackful jobs."""

import harness
from parts import COROUTINES, STACKFUL


def from_the_tutorial(test: harness.Test) -> None:
    """The demo of docs/tutorials/demo.md. The test types a line, then Ctrl-D, each after four more ticks."""
    ticks = r"(?s:.*?tick \d+){4}"
    typed = harness.Dialogue((ticks, "hello\n"), (f"hello\r?\n{ticks}", "\x04"))
    test.add(test.folder / "test-programs" / "ticker", "ticker")
    done = test.run("/ticker", typed=typed)
    held = done.status == 0 and "\n1 lines; " in done.text.replace("\r", "")
    test.check(held, "the demo of the tutorial: a timer ticks while a read waits", done.text + done.why)


def server_of_the_tutorial(test: harness.Test) -> None:
    """The demo of docs/tutorials/async-server.md."""
    test.add(test.folder / "test-programs" / "shout", "shout")
    done = test.run("/shout")
    held = done.status == 0 and done.text.replace("\r", "") == "100 clients have their answers\n"
    test.check(held, "the server of the tutorial: one thread serves 100 connections", done.text + done.why)


with harness.Test(__doc__) as test:
    if test.everyday:
        from_the_tutorial(test)
        server_of_the_tutorial(test)
    test.run_parts("coroutines", COROUTINES)
    test.run_parts("stackful", STACKFUL)
