"""Random system calls and rings with random contents neither stop the kernel nor cost it memory."""

import harness

SEED = "1"

with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "fuzz", "fuzz")
    for what, count in (("calls", "200000"), ("rings", "100000")):
        done = test.run("/fuzz", what, count, SEED, timeout=200)
        held = f"the kernel goes on and has all its memory ({what})"
        test.check(done.status == 0, held, done.text + done.why)
        print(done.text, end="")
