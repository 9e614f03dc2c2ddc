"""Summarises the rows of many seeds: means and confidence intervals."""

import math
from collections import Counter
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

from .rows import Row

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Figure:
    """A mean over seeds. half: half the width of its confidence interval; None for a single seed."""

    mean: float
    half: float | None

    @staticmethod
    def of(values: list[float]) -> "Figure | None":
        """The mean of the values; None if there are none."""
        if len(values) < 2:
            return Figure(values[0], None) if values else None
        spread = stdev(values) / math.sqrt(len(values))
        return Figure(fmean(values), _student(len(values) - 1) * spread)


def _student(freedom: int) -> float:
    """The quantile of Student's t distribution for CONFIDENCE. From 3 degrees of freedom up it uses the
    expansion of Cornish and Fisher, whose error is below 1 %; below that, a table."""
    if freedom < 3:
        return {1: 12.706, 2: 4.303}[freedom]
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


@dataclass(frozen=True)
class Group:
    """The rows of all seeds, for one class under one policy."""

    policy: str
    name: str  # the class
    rows: list[Row]

    def figure(self, column: str) -> Figure | None:
        """The mean of a column over the seeds that have a value; None if no seed has one."""
        return Figure.of([float(row[column]) for row in self.rows if row[column] is not None])

    def unfinished(self) -> str:
        """A note if more than a tenth of the arrived tasks had not finished at the end, because the response
        times do not include those tasks. Otherwise empty."""
        arrived, finished = (sum(row[key] for row in self.rows) for key in ("arrived", "finished"))
        if (arrived - finished) * 10 <= arrived:
            return ""
        return (
            f"{self.name}, {self.policy}: {arrived - finished:,} of {arrived:,} tasks had not finished at "
            "the end; response, slowdown and Jain's index do not include them"
        )

    def missed_share(self) -> Figure | None:
        return Figure.of([row["missed"] / max(row["arrived"], 1) for row in self.rows])

    def per_second(self, column: str) -> Figure | None:
        return Figure.of([row[column] / (row["duration"] * 1e-9) for row in self.rows])

    def buckets(self, sample: str) -> Counter:
        counts: Counter = Counter()
        for row in self.rows:
            counts.update(row[f"{sample} buckets"])
        return counts


def groups(rows: list[Row]) -> list[Group]:
    """The rows, grouped by policy and class, in the order of their first rows."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["policy"], row["class"]), []).append(row)
    return [Group(policy, name, mine) for (policy, name), mine in found.items()]


def by_class(rows: list[Row]) -> dict[str, list[Group]]:
    """By class: its groups, one for each policy."""
    found: dict[str, list[Group]] = {}
    for group in groups(rows):
        found.setdefault(group.name, []).append(group)
    return found


def runs(rows: list[Row]) -> list[Group]:
    """One group for each policy, with one row for each run. All rows of a run have the results of the whole
    run, so one of them is enough."""
    first = rows[0]["class"]
    return [group for group in groups(rows) if group.name == first]
