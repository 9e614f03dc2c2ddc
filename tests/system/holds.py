"""The command counts for how long harts hold the strand alone, and two runs find the same."""

import harness
from cotrap.bench import holds, rounds
from cotrap.bench.holds import Row
from cotrap.bench.scale import packed_archive
from cotrap.qemu import Boot, Machine

HARTS = 2
PATHS = ("getppid", "open", "fork")
LONGEST = 20_000  # instructions of a hold: far more than the holds of all rows take
# A hart may hold the strand in a window for other work than the operations. So few holds prove nothing.
OF_OTHERS = 2


def measure(test: harness.Test, *names: str) -> dict[str, Row]:
    boot = Boot(test.build, packed_archive(test.build), program="/run/scale", arguments=list(names))
    found = rounds.measure(test.build, test.folder, boot, Machine(HARTS), 4 * harness.TIMEOUT, [HARTS])
    return {each.name: holds.row_of(each) for each in found}


def main_path(test: harness.Test) -> None:
    rows = measure(test, *PATHS)
    test.check(tuple(rows) == PATHS, "each row is measured", str(list(rows)))
    for name, least in ("getppid", 10_000), ("open", 1000):
        row = rows[name]
        few = row.operations > least and row.count <= OF_OTHERS
        test.check(few, f"{row.operations} {name} hold the strand {row.count} times", str(row))
    # A hart enters the strand to take identifiers of address spaces in advance, for 16 forks.
    forks = rows["fork"]
    some = 0 < forks.count < forks.operations
    test.check(some, f"{forks.count} of {forks.operations} fork and wait4 hold the strand", str(forks))
    test.check(measure(test, *PATHS) == rows, "two runs find the same holds")


def all_rows(test: harness.Test) -> None:
    rows = measure(test)
    for name, row in rows.items():
        test.check(row.operations > 0, f"both harts make operations of {name}: {row.operations}", str(row))
        longest = max((length for length, _ in row.holds), default=0)
        test.check(longest <= LONGEST, f"… and hold the strand for at most {longest} instructions")


with harness.Test(__doc__, harness.QEMU) as test:
    if test.everyday:
        main_path(test)
    if test.rest:
        all_rows(test)
