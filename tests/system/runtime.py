"""The programs' own runtime: heap, threads, locks, files, processes, C++'s library."""

import harness

with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "runtime", "runtime")
    for harts in test.harts_of_tier:
        done = test.run("/runtime", machine=test.machine(harts=harts))
        test.check(done.status == 0, f"every part holds ({harts} harts)", done.text + done.why)
        farewell = "main's thread-local object is dropped"
        test.check(farewell in done.text, "  … and main's thread drops what is its own", done.text)
        print(done.text, end="")
