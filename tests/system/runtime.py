"""The runtime of programs works: heap, threads, locks, files, processes and the C++ library."""

import harness

with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "runtime", "runtime")
    for harts in test.harts_of_tier:
        done = test.run("/runtime", machine=test.machine(harts=harts))
        test.check(done.status == 0, f"every part passes ({harts} harts)", done.text + done.why)
        destroyed = "main's thread-local object is destroyed"
        what = "  … and main's thread destroys its thread-local objects"
        test.check(destroyed in done.text, what, done.text)
        seven = "system calls: seven arguments, at once and after a wait"
        test.check(seven in done.text, "  … and private calls take seven arguments", done.text)
        print(done.text, end="")
