"""No operation is worse on eight harts than on one, in counted instructions."""

import harness
from cotrap.bench import rounds, scaling
from cotrap.bench.scale import GOALS, PROGRAM
from cotrap.qemu import Boot, Machine, archive_with

HARTS = 8
# How many times the operations of one hart eight harts make at least. Workers that have nothing in common wait
# for no other hart.
LEAST = 7.8
LEAST_OF = {
    # The second thread of a worker waits in each operation or in every second one. The end of a time slice
    # decides which.
    "pipe.pairs": 6.5,
    "futex.pairs": 6.5,
    # Each madvise is made in the strand, and waits until all other harts have flushed their translations.
    "fault.threads": 4,
    # A hart destroys ended processes in the strand. It waits for harts that share the strand, and others wait
    # for it.
    "fork": 2.7,
}
MOST_LINES = 0.1  # that move in an operation
MOST_LINES_OF = {
    "futex.pairs": 6,  # futexes of two workers may have the same list of waiters
    "fault.threads": 3,
    "fork": 30,
}


def measure(test: harness.Test) -> list[scaling.Row]:
    archive = archive_with(test.build)
    archive.add_program(test.folder / PROGRAM, "run/scale")
    boot = Boot(test.build, archive.pack(), program="/run/scale")
    found = rounds.measure(test.build, test.folder, boot, Machine(HARTS), harness.TIMEOUT, [1, HARTS])
    return scaling.rows(found)


with harness.Test(__doc__, harness.QEMU) as test:
    if test.rest:
        rows = measure(test)
        names = {row.name for row in rows if row.harts == HARTS}
        test.check(names == set(GOALS), "each row is measured", str(names))
        for row in rows:
            if row.harts != HARTS:
                test.check(row.lines == 0, f"{row.name}: on one hart no line moves", str(row))
                continue
            least = LEAST_OF.get(row.name, LEAST)
            what = f"{row.name}: {HARTS} harts make at least {least} times the operations of one"
            test.check(row.throughput >= least, f"{what}: {row.throughput:.2f}", str(row))
            most = MOST_LINES_OF.get(row.name, MOST_LINES)
            what = f"… and at most {most} cache lines move in one: {row.lines:.2f}"
            test.check(row.lines <= most, what, str(row))
