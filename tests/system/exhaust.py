"""Whoever takes all there is of something is refused, and everything comes back afterwards."""

import harness

with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "exhaust", "exhaust")
    for memory in ("64M", "256M"):
        done = test.run("/exhaust", machine=test.machine(memory=memory), timeout=150)
        test.check(done.status == 0, f"with {memory} of memory", done.text + done.why)
        print(done.text, end="")
