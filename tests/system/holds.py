"""The command counts for how long harts hold the strand alone, and two runs find the same."""

import harness
from cotrap.bench import holds
from cotrap.bench.holds import Row
from cotrap.qemu import Boot, Machine, archive_with

HARTS = 2
PROGRAM = "scale/scale"
LONGEST = 20_000  # instructions of a hold: far more than the holds of all rows take


def measure(test: harness.Test, *names: str) -> dict[str, Row]:
    archive = archive_with(test.build)
    archive.add_program(test.folder / PROGRAM, "run/scale")
    boot = Boot(test.build, archive.pack(), program="/run/scale", arguments=list(names))
    found = holds.measure(test.build, test.folder, boot, Machine(HARTS), harness.TIMEOUT)
    return {row.name: row for row in found}


def main_path(test: harness.Test) -> None:
    rows = measure(test, "getppid", "open")
    test.check(list(rows) == ["getppid", "open"], "each row is measured", str(list(rows)))
    asks, opens = rows["getppid"], rows["open"]
    test.check(asks.operations > 10_000 and not asks.holds, "getppid never holds the strand", str(asks))
    # A hart that closes files for the last time destroys them together, in the strand.
    some = 0 < opens.count < opens.operations / 4
    test.check(some, f"{opens.count} of {opens.operations} open and close hold the strand", str(opens))
    test.check(measure(test, "getppid", "open") == rows, "two runs find the same holds")


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
