"""Storms of signals, bad stacks for handlers, forged frames, closed terminals, locks, counters, watchers of files,
sockets in sockets and rings of io_uring neither stop the kernel nor leak its memory.

The program hostile runs one case after the other, each decided by its number. The everyday tier has a few
hundred cases, the rest 25,000 on one hart and as many on four. `--seed N` chooses other cases, `--cases N` another
number, and `--kind NAME` runs only cases of one kind, such as urings, passing or watchers.
"""

import sys

import harness

EVERYDAY, REST = 300, 25_000
_PER_CASE = 0.2  # seconds, on a busy host


def check(test: harness.Test, harts: int, cases: int) -> None:
    seed = str(int(test.options.seed))
    kind = [test.options.kind] if test.options.kind else []
    arguments = [seed, str(cases), "0", *kind]
    done = test.run("/hostile", *arguments, machine=test.machine(harts=harts), timeout=300 + cases * _PER_CASE)
    what = f"{cases} hostile cases of seed {seed} end, and the memory is back ({harts} harts)"
    test.check(done.status == 0, what, done.text + done.why)
    sys.stdout.writelines(f"{line}\n" for line in done.text.splitlines() if "of kind" in line)


with harness.Test(__doc__, harness.MMU, own={"seed": 1.0, "cases": 0.0, "kind": ""}) as test:
    test.add(test.folder / "test-programs" / "hostile", "hostile")
    for harts in test.same_harts:
        chosen = (int(test.options.cases),) if test.options.cases else ()
        for cases in chosen or test.everyday * (EVERYDAY,) + test.rest * (REST,):
            check(test, harts, cases)
