"""The programs' own runtime does what its headers say."""

import harness

with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "runtime", "runtime")
    done = test.run("/runtime")
    for line in done.text.splitlines():
        print(f"ok: {line}")
    test.check(done.status == 0, "every part of it", done.text + done.why)
