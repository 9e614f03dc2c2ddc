"""More than anybody reads: input by the megabyte, output nobody takes, interrupts without end."""

import re
import time

import harness
from harness import Boot, Capture, Guest, TimedOut, archive_with, relay

LINE = "a line of a paste that is long enough to be one %06d\n"
MEGABYTE = b"".join(LINE.encode() % number for number in range(20_000))


class Paste:
    """Keys that come as fast as the guest takes them; then more, after a pause."""

    def __init__(self, keys: bytes, then: bytes = b"", after: float = 0.0):
        self.file = None
        self._parts = [(0.5, keys), (after, then)]
        self._next = None

    def take(self) -> bytes:
        _, keys = self._parts.pop(0)
        self._next = None
        return keys

    def due(self) -> float | None:
        if not self._parts or not self._parts[0][1]:
            return None
        if self._next is None:
            self._next = time.monotonic() + self._parts[0][0]
        return self._next


class SlowSink(Capture):
    """Reads nothing for a while, then everything."""

    def __init__(self, seconds: float):
        super().__init__()
        self._wait = seconds

    def put(self, data: bytes) -> None:
        if self._wait:
            time.sleep(self._wait)
            self._wait = 0.0
        super().put(data)


def typed_at(test, source, program, *arguments, sink=None, timeout=120.0):
    """Boots with the console a terminal, and `source` at its keyboard."""
    boot = Boot(
        test.build,
        archive_with(test.build).pack(),
        program=program,
        arguments=list(arguments),
        quiet=True,
        terminal=(80, 24),
        append="",
    )
    sink = sink or Capture()
    with Guest(test.machine(), boot) as guest:
        try:
            relay(guest, source, sink, timeout)
            status, why = guest.marks.exit_code, guest.trouble()
        except TimedOut:
            status, why = None, f"still {guest.marks.state.value} after {timeout:g} s"
    return harness.Done(status, sink.data, 0.0, why)


def raised_for_ever(test: harness.Test) -> None:
    """A line that nobody lowers."""
    if test.lacks("a line that is raised for ever", harness.QEMU):
        return
    icount = harness.Machine(icount=True)
    script = "exercise storm 500 & seq 20000 | wc; wait; cat /proc/interrupts"
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
    done = test.run("/bin/cat", stdin=MEGABYTE, timeout=120)
    test.check(done.output == MEGABYTE, "a megabyte goes in and out unchanged", done.why)

    paste = Paste(MEGABYTE + b"\x04")
    done = typed_at(test, paste, "/bin/sh", "-c", "cat > /tmp/pasted; wc /tmp/pasted")
    words = done.text.replace(",", "").split()
    test.check(
        str(len(MEGABYTE)) in words and "20000" in words,
        "a megabyte that is pasted at a terminal arrives whole",
        done.why + done.text[-300:],
    )

    paste = Paste(MEGABYTE + b"\x03")
    done = typed_at(test, paste, "/bin/sleep", "100")
    test.check(done.status == 130, "^C behind a paste that nobody reads is heard", done.why)

    paste = Paste(b"x" * 100, b"\x03", after=1.0)
    done = typed_at(test, paste, "/bin/yes", "flood", sink=SlowSink(1.0))
    test.check(done.status == 130, "^C ends a program whose output nobody takes", done.why)

    sink = SlowSink(2.0)
    done = typed_at(test, Paste(b""), "/bin/seq", "30000", sink=sink)
    lines = done.text.replace("\r", "").split()
    test.check(
        lines == [str(number) for number in range(1, 30_001)],
        "a reader that is late misses nothing",
        done.why,
    )

    raised_for_ever(test)
