"""Floods of input, output and interrupts lose no data and stop no program."""

import re
import time

import harness

LINES = 2_000  # 110,000 bytes, more than a pipe and a terminal hold


def lines(count: int) -> str:
    return "".join(f"a line of a paste that is long enough to be one {n:06}\n" for n in range(count))


class LateReader(harness.Dialogue):
    """Pauses after the first bytes, then reads everything."""

    def __init__(self, *steps: tuple[str, str]):
        super().__init__(*steps)
        self._waits = True

    def put(self, data: bytes) -> None:
        if self._waits:
            time.sleep(1.0)  # the guest fills the pipe meanwhile and has to wait
            self._waits = False
        super().put(data)


def much_input(test: harness.Test, harts: int) -> None:
    machine, text = test.machine(harts=harts), lines(LINES)
    amount = f"{len(text)} bytes ({harts} harts)"
    done = test.run("/bin/cat", stdin=text.encode(), machine=machine)
    test.check(done.text == text, f"a file passes through unchanged: {amount}", done.why)

    paste = harness.Dialogue(("", text + "\x04"))
    script = "cat > /tmp/pasted; wc /tmp/pasted"
    done = test.run("/bin/sh", "-c", script, typed=paste, machine=machine)
    words = done.text.replace(",", "").split()
    what = f"a paste at a terminal arrives whole: {amount}"
    whole = str(len(text)) in words and str(LINES) in words
    test.check(whole, what, done.why + done.text[-300:])

    # ^C ends the shell, too. So the test types it without waiting for the start of sleep.
    paste = harness.Dialogue(("begin", text + "\x03"))
    done = test.run("/bin/sh", "-c", "echo begin; sleep 100000", typed=paste, machine=machine)
    test.check(done.status == 130, f"^C works behind a paste without a reader: {amount}", done.why)


def much_output(test: harness.Test, harts: int) -> None:
    machine = test.machine(harts=harts)
    reader = LateReader(("flood", "x" * 100 + "\x03"))
    done = test.run("/bin/yes", "flood", typed=reader, machine=machine)
    what = f"^C ends a program while the host does not read its output ({harts} harts)"
    test.check(done.status == 130, what, done.why)

    done = test.run("/bin/seq", "30000", typed=LateReader(), machine=machine)
    numbers = done.text.replace("\r", "").split()
    what = f"a slow reader misses nothing ({harts} harts)"
    test.check(numbers == [str(number) for number in range(1, 30_001)], what, done.why)


def raised_for_ever(test: harness.Test) -> None:
    """Programs keep running while an interrupt line stays raised."""
    if test.lacks("an interrupt line that stays raised", harness.QEMU):
        return
    icount = harness.Machine(icount=True)
    script = "self-test storm 500 & seq 20000 | wc; wait; cat /proc/interrupts"
    done = test.run("/bin/sh", "-c", script, machine=icount)
    test.check("20000" in done.text, "programs work while an interrupt line stays raised", done.text)
    controller = "I/O APIC" if test.build.machine == "pc" else "PLIC"
    seen = dict(re.findall(r"^(interrupts|useless|pauses)\t(\d+)$", done.text, re.MULTILINE))
    # In the 500 ms the kernel takes 8 interrupts without a pause. Then it pauses after each: 0.1 ms at
    # first, doubled each time up to 10 ms.
    test.check(
        0 < int(seen.get("interrupts", 0)) <= 70,
        f"the line causes {seen.get('interrupts')} interrupts in half a second",
        done.text,
    )
    test.check(
        re.search(rf"{controller} console, \d+ useless, \d+ pauses", done.text) is not None,
        "/proc/interrupts names a line's driver and counts useless interrupts",
        done.text,
    )


with harness.Test(__doc__, all_everyday=True) as test:
    for harts in test.same_harts:
        much_input(test, harts)
        much_output(test, harts)
    raised_for_ever(test)
