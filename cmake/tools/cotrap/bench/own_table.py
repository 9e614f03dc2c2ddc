"""What the benchmarks with a table of their own, `scale`, `pool`, `shapes` and `stackful`, have in common."""

from collections.abc import Iterable

from ..errors import UsageError
from ..paths import check_output

_REFUSED = ("icount", "time", "profile", "lines", "frames", "against", "html", "svg", "save", "compare")


def chosen_rows(arguments, name: str, rows: Iterable[str], takes: tuple[str, ...] = ()) -> list[str]:
    """The rows that the user has named; none: all. name: the benchmark's. Refuses rows that it does not have,
    and options that its table has no use for. takes: options that this benchmark accepts and others refuse.
    Checks the file of --json before the measurement."""
    chosen = arguments.names[1:]
    for row in chosen:
        if row not in rows:
            raise UsageError(f"{name} has no row '{row}': give some of {', '.join(rows)}")
    for option in _REFUSED:
        if option not in takes and getattr(arguments, option):
            raise UsageError(f"{name} prints a table of its own: leave out --{option}")
    if arguments.json:
        check_output(arguments.json)
    return chosen
