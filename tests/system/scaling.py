"""No operation is worse on several harts than on one, in counted instructions."""

import harness
from cotrap.bench import rounds, scaling
from cotrap.bench.goals import THROUGHPUTS
from cotrap.bench.scale import packed_archive
from cotrap.qemu import Boot, Machine

HARTS = (2, 8)  # the figures of 4 harts lie between
# How many times the operations of one hart several harts make at least. The limits are 2 to 15 % below the
# figures of docs/benchmarks.md: where the harts meet depends on when each starts, and with another size of
# the boot archive a figure differs by up to 7 %. Workers that have nothing in common wait for no other hart.
LEAST = {2: 1.95, 8: 7.6}
LEAST_OF = {
    # Each madvise is made in the strand, and waits until all other harts have flushed their translations.
    "fault.threads": {2: 1.7, 8: 4},
    # A hart enters the strand to take identifiers of address spaces. It waits for harts that share the
    # strand, and others wait for it.
    "fork": {2: 1.85, 8: 5},
    # At the end of a tree there are fewer jobs than loops, so some loops have no work.
    "jobs": {2: 1.85, 8: 7.2},
}
# Cache lines that move in an operation. With one worker, another hart may serve the console's interrupt.
MOST_LINES_OF_ONE = 0.01
MOST_LINES = 0.1
MOST_LINES_OF = {
    "futex.pairs": 6,  # futexes of two workers may have the same list of waiters
    "fault.threads": 3,
    "fork": 30,
    "jobs": 1,
}


def measure(test: harness.Test) -> list[scaling.Row]:
    boot = Boot(test.build, packed_archive(test.build), program="/run/scale")
    found = rounds.measure(test.build, test.folder, boot, Machine(HARTS[-1]), 4 * harness.TIMEOUT, [1, *HARTS])
    return scaling.rows(found)


with harness.Test(__doc__, harness.QEMU) as test:
    if test.rest:
        rows = measure(test)
        for harts in HARTS:
            names = {row.name for row in rows if row.harts == harts}
            test.check(names == set(THROUGHPUTS), f"each row is measured on {harts} harts", str(names))
        for row in rows:
            if row.harts == 1:
                what = f"{row.name}: with one worker at most {MOST_LINES_OF_ONE} cache lines move in an operation"
                test.check(row.lines <= MOST_LINES_OF_ONE, f"{what}: {row.lines:.3f}", str(row))
                continue
            least = LEAST_OF.get(row.name, LEAST)[row.harts]
            what = f"{row.name}: {row.harts} harts make at least {least} times the operations of one"
            test.check(row.throughput >= least, f"{what}: {row.throughput:.2f}", str(row))
            most = MOST_LINES_OF.get(row.name, MOST_LINES)
            what = f"… and at most {most} cache lines move in one: {row.lines:.2f}"
            test.check(row.lines <= most, what, str(row))
