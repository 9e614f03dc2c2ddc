"""Whoever takes all there is of something is refused, and everything comes back afterwards."""

import re
import tempfile
from pathlib import Path

import harness

with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "exhaust", "exhaust")
    for memory in ("64M", "256M"):
        if test.lacks(f"everything of {memory} taken by children", harness.MMU):
            continue
        done = test.run("/exhaust", machine=test.machine(memory=memory), timeout=150)
        test.check(done.status == 0, f"with {memory} of memory", done.text + done.why)
        print(done.text, end="")

    # Who fills /tmp is told so, and then everything still runs.
    script = """yes > /tmp/full; echo status $?
yes >> /tmp/full; echo status $?
ls /tmp; free; ps
seq 1 20000 | wc
rm /tmp/full; echo status $?
seq 1 20000 > /tmp/again; wc /tmp/again
"""
    done = test.run("/bin/sh", stdin=script.encode(), machine=test.machine(memory="64M"))
    test.check(
        re.findall(r"status (\d+)", done.text) == ["1", "1", "0"],
        "who fills /tmp is told so",
        done.text,
    )
    test.check("out of memory" not in done.text, "  … which ends nobody", done.text)
    free = re.findall(r"(\d+) KiB", done.text)
    total, _, left = (int(kib) for kib in free) if len(free) == 3 else (0, 0, -1)
    test.check(left > total * 0.4, f"  … and leaves {left} of {total} KiB to programs", done.text)
    words = re.findall(r"20000 +20000 +108894", done.text)
    test.check(len(words) == 2, "  … which go on, also in /tmp when there is room again", done.text)

    what = "who has mapped much of the boot archive does not go for somebody else's need"
    if not test.lacks(what, harness.MMU):
        with tempfile.NamedTemporaryFile() as big:
            big.truncate(12 << 20)
            test.add(Path(big.name), "big")
            done = test.run(
                "/exhaust", "beside", "/big", machine=test.machine(memory="64M"), timeout=60
            )
        test.check(done.status == 0, what, done.text + done.why)
