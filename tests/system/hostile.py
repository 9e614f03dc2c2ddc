"""Storms of signals, bad stacks for handlers, forged frames, closed terminals, locks, counters, watchers of files
and sockets in sockets neither stop the kernel nor leak its memory.

The program hostile runs one case after the other, each decided by its number. The everyday tier has a few
hundred cases, the rest 25,000 on one hart and as many on four. `--seed N` chooses other cases.
"""

import harness

EVERYDAY, REST = 300, 25_000
_PER_CASE = 0.2  # seconds, on a busy host


def check(test: harness.Test, harts: int, cases: int) -> None:
    seed = str(int(test.options.seed))
    done = test.run("/hostile", seed, str(cases), machine=test.machine(harts=harts), timeout=300 + cases * _PER_CASE)
    what = f"{cases} hostile cases of seed {seed} end, and the memory is back ({harts} harts)"
    test.check(done.status == 0, what, done.text + done.why)


with harness.Test(__doc__, harness.MMU, own={"seed": 1.0}) as test:
    test.add(test.folder / "test-programs" / "hostile", "hostile")
    for harts in test.same_harts:
        for cases in test.everyday * (EVERYDAY,) + test.rest * (REST,):
            check(test, harts, cases)
