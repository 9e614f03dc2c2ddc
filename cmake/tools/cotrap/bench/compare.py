"""Compares two reports: which results got slower or larger."""

from dataclasses import dataclass

from .catalogue import BENCHMARKS
from .results import COUNTED_NS, INSTRUCTIONS, TIME, Report, Result

TOLERANCE = 0.02  # a result that grew by a smaller share did not get worse
# The tolerance for counted times that depend on the order in which harts run: any change of the code
# changes this order.
_LOOSE = 0.25
_TICK = 100  # ns: the tick of the clock that counts instructions
# A sample reads the counter once for many operations, which adds at most this share of an instruction to each.
_READING = 0.03


@dataclass(frozen=True)
class Change:
    before: Result
    after: Result

    @property
    def ratio(self) -> float | None:
        """None: the earlier value is 0, and the later one is not."""
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
        """The ratio for a table; empty if there is none."""
        return "" if self.ratio is None else f"{self.ratio:.2f}"


def _exceeds(more: Result, less: Result) -> bool:
    """Whether `more` is larger than `less` beyond the tolerance. For a time, the difference must also exceed
    the sum of both spreads; for a counted time, one tick, because it may be read a tick early or late. A whole
    number of instructions has no tolerance if nine of ten samples, rounded, are that number."""
    benchmark = BENCHMARKS.get(less.name)
    is_exact = benchmark is not None and benchmark.exact and benchmark.recorded
    is_whole = less.value % 1 <= _READING and round(less.percentiles["p90"]) == round(less.value)
    if is_exact and less.unit == INSTRUCTIONS and is_whole:
        return more.value > less.value + _READING
    share = TOLERANCE
    least = 0.0
    if more.unit == TIME:
        least = more.spread + less.spread
    elif more.unit == COUNTED_NS:
        least = _TICK
        share = share if benchmark is None or benchmark.recorded else _LOOSE
    return more.value > less.value + max(share * less.value, least)


def changes(before: Report, after: Report) -> list[Change]:
    """The changes of all results that both reports have, in the order of the later report."""
    found = ((before.find(each.name, each.unit), each) for each in after.results)
    return [Change(old, new) for old, new in found if old]


def times_as_much(theirs: Result, ours: Result) -> str:
    """The ratio of two results for a table; empty if ours is 0."""
    return f"{theirs.value / ours.value:.1f}" if ours.value else ""


def number(value: float) -> str:
    """The value for a table: two decimals below 1,000, one below 10,000, none if it is a whole number."""
    if value == int(value) or value >= 10_000:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if value < 1_000 else f"{value:,.1f}"
