"""The programs' own runtime: heap, threads, locks, files, processes, C++'s library."""

import harness

with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "runtime", "runtime")
    done = test.run("/runtime")
    test.check(done.status == 0, "every part holds", done.text + done.why)
    farewell = "main's thread-local object is dropped"
    test.check(farewell in done.text, "main's thread drops what is its own", done.text)
    print(done.text, end="")
