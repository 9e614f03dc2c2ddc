"""200,000 random system calls neither stop the kernel nor cost it memory."""

import harness

CALLS, SEED = "200000", "1"

with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "fuzz", "fuzz")
    done = test.run("/fuzz", CALLS, SEED, timeout=200)
    test.check(done.status == 0, "the kernel goes on and has all its memory", done.text + done.why)
    print(done.text, end="")
