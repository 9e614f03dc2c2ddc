"""More than anybody reads: input by the megabyte, output nobody takes, interrupts without end."""

import re
import time

import harness

EVERYDAY_LINES, REST_LINES = 2_000, 20_000  # the latter are a megabyte


def lines(count: int) -> str:
    return "".join(f"a line of a paste that is long enough to be one {n:06}\n" for n in range(count))


class LateReader(harness.Dialogue):
    """Reads nothing for a while after the first bytes, then everything."""

    def __init__(self, *steps: tuple[str, str]):
        super().__init__(*steps)
        self._waits = True

    def put(self, data: bytes) -> None:
        if self._waits:
            time.sleep(1.0)  # the guest fills the pipe meanwhile, and has to wait
            self._waits = False
        super().put(data)


def much_input(test: harness.Test, harts: int, count: int) -> None:
    machine, text = test.machine(harts=harts), lines(count)
    amount = f"{len(text)} bytes ({harts} harts)"
    done = test.run("/bin/cat", stdin=text.encode(), machine=machine)
    test.check(done.text == text, f"files go in and out unchanged: {amount}", done.why)

    paste = harness.Dialogue(("", text + "\x04"))
    script = "cat > /tmp/pasted; wc /tmp/pasted"
    done = test.run("/bin/sh", "-c", script, typed=paste, machine=machine)
    words = done.text.replace(",", "").split()
    what = f"what is pasted at a terminal arrives whole: {amount}"
    whole = str(len(text)) in words and str(count) in words
    test.check(whole, what, done.why + done.text[-300:])

    # The shell dies of ^C, too, so it need not wait for the sleep to begin.
    paste = harness.Dialogue(("begin", text + "\x03"))
    done = test.run("/bin/sh", "-c", "echo begin; sleep 100000", typed=paste, machine=machine)
    test.check(done.status == 130, f"^C is heard behind a paste that nobody reads: {amount}", done.why)


def much_output(test: harness.Test, harts: int) -> None:
    machine = test.machine(harts=harts)
    reader = LateReader(("flood", "x" * 100 + "\x03"))
    done = test.run("/bin/yes", "flood", typed=reader, machine=machine)
    what = f"^C ends a program whose output nobody takes ({harts} harts)"
    test.check(done.status == 130, what, done.why)

    done = test.run("/bin/seq", "30000", typed=LateReader(), machine=machine)
    numbers = done.text.replace("\r", "").split()
    what = f"a reader that is late misses nothing ({harts} harts)"
    test.check(numbers == [str(number) for number in range(1, 30_001)], what, done.why)


def raised_for_ever(test: harness.Test) -> None:
    """A line that nobody lowers."""
    if test.lacks("a line that is raised for ever", harness.QEMU):
        return
    icount = harness.Machine(icount=True)
    script = "self-test storm 500 & seq 20000 | wc; wait; cat /proc/interrupts"
    done = test.run("/bin/sh", "-c", script, machine=icount)
    test.check("20000" in done.text, "programs work while a line is raised for ever", done.text)
    seen = dict(re.findall(r"^(interrupts|useless|pauses)\t(\d+)$", done.text, re.MULTILINE))
    # 8 and then, for 500 ms, each twice as long after the one before as that, up to 10 ms.
    test.check(
        0 < int(seen.get("interrupts", 0)) <= 70,
        f"it interrupts them {seen.get('interrupts')} times in half a second",
        done.text,
    )
    test.check(
        re.search(r"PLIC console, \d+ useless, \d+ pauses", done.text) is not None,
        "/proc/interrupts names a line's driver and counts what was useless",
        done.text,
    )


with harness.Test(__doc__) as test:
    for harts in test.same_harts:
        if test.everyday:
            much_input(test, harts, EVERYDAY_LINES)
            much_output(test, harts)
        if test.rest:
            much_input(test, harts, REST_LINES)
    if test.everyday:
        raised_for_ever(test)
