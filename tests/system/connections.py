"""TCP connections of one machine keep their bytes in order, and bear threads that use both ends at random."""

import harness

SEEDS, SEEDS_OF_REST = 20, 200


with harness.Test(__doc__) as test:
    test.add(test.folder / "test-programs" / "connections", "connections")
    for harts in test.harts_of_tier:
        seeds = SEEDS_OF_REST if test.rest else SEEDS
        done = test.run("/connections", str(seeds), machine=test.machine(harts=harts))
        what = f"{seeds} connections on {harts} harts lose no byte, hang in no call, and leave no memory taken"
        test.check(done.status == 0 and done.text.endswith("ok\n"), what, done.text + done.why)
