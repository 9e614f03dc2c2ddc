"""What got slower, or larger, since another run."""

from dataclasses import dataclass

from .catalogue import BENCHMARKS
from .results import COUNTED_NS, TIME, Report, Result

TOLERANCE = 0.02
# Of what is no record: who happens to meet whom changes with any other change.
_LOOSE = 0.25
_TICK = 100  # ns: the clock's, of the machines that count


@dataclass(frozen=True)
class Change:
    before: Result
    after: Result

    @property
    def ratio(self) -> float | None:
        """None: there was nothing, and now there is something."""
        if self.before.value:
            return self.after.value / self.before.value
        return None if self.after.value else 1.0

    @property
    def is_worse(self) -> bool:
        return _exceeds(self.after, self.before)

    @property
    def is_better(self) -> bool:
        return _exceeds(self.before, self.after)

    @property
    def words(self) -> str:
        after = self.after
        change = "" if self.ratio is None else f" ({(self.ratio - 1) * 100:+.1f} %)"
        return (
            f"{after.name}: {number(self.before.value)} → {number(after.value)} {after.unit}{change}"
        )

    @property
    def ratio_text(self) -> str:
        """As a table has it."""
        return "" if self.ratio is None else f"{self.ratio:.2f}"


def _exceeds(more: Result, less: Result) -> bool:
    """Times: by more than runs of each differ among themselves. Of the clock that counts, by more
    than the tick that it may be read early or late."""
    benchmark = BENCHMARKS.get(less.name)
    share = TOLERANCE
    least = 0.0
    if more.unit == TIME:
        least = more.spread + less.spread
    elif more.unit == COUNTED_NS:
        least = _TICK
        share = share if benchmark is None or benchmark.recorded else _LOOSE
    return more.value > less.value + max(share * less.value, least)


def changes(before: Report, after: Report) -> list[Change]:
    """Of what both have, in the order of the later one."""
    found = ((before.find(each.name, each.unit), each) for each in after.results)
    return [Change(old, new) for old, new in found if old]


def times_as_much(theirs: Result, ours: Result) -> str:
    """As a table has it: empty where ours is nothing."""
    return f"{theirs.value / ours.value:.1f}" if ours.value else ""


def number(value: float) -> str:
    """Four digits at least, and no more than are there."""
    if value == int(value) or value >= 10_000:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if value < 1_000 else f"{value:,.1f}"
