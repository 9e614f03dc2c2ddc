"""The programs' own runtime: heap, threads, locks, files, processes, C++'s library."""

import harness

with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "runtime", "runtime")
    done = test.run("/runtime")
    test.check(done.status == 0, "every part holds", done.text + done.why)
    print(done.text, end="")
