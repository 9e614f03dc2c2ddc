"""Programs that take all there is are refused or ended; the first process goes on, nothing is lost."""

import harness

with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "exhaust", "exhaust")
    done = test.run("/exhaust", timeout=150)
    for line in done.text.splitlines():
        print(f"    {line}")
    test.check(done.status == 0, "everything was given back", done.text + done.why)
