"""What many seeds' rows say together: means, and how far they may be from the truth."""

import math
from collections import Counter
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

from .rows import Row

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Figure:
    """A mean over seeds. `half`: half its confidence interval's width; None of a single seed."""

    mean: float
    half: float | None

    @staticmethod
    def of(values: list[float]) -> "Figure | None":
        """None: of nothing."""
        if len(values) < 2:
            return Figure(values[0], None) if values else None
        spread = stdev(values) / math.sqrt(len(values))
        return Figure(fmean(values), _student(len(values) - 1) * spread)


def _student(freedom: int) -> float:
    """The quantile of Student's t that CONFIDENCE asks for, by Cornish and Fisher's expansion
    (within a percent from 3 degrees of freedom up; below that by the table)."""
    if freedom < 3:
        return {1: 12.706, 2: 4.303}[freedom]
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


@dataclass(frozen=True)
class Group:
    """All seeds' rows of one class under one policy."""

    policy: str
    name: str  # the class
    rows: list[Row]

    def figure(self, column: str) -> Figure | None:
        """Over the seeds that have any."""
        return Figure.of([float(row[column]) for row in self.rows if row[column] is not None])

    def unfinished(self) -> str:
        """A note, if more than a tenth of what had come was not done at the end: what is said of
        responses says nothing of it."""
        arrived, finished = (sum(row[key] for row in self.rows) for key in ("arrived", "finished"))
        if (arrived - finished) * 10 <= arrived:
            return ""
        return (
            f"{self.name}, {self.policy}: {arrived - finished:,} of {arrived:,} were not done at "
            "the end, and are in no response, slowdown or Jain's index"
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
    """In the order in which they came."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row["policy"], row["class"]), []).append(row)
    return [Group(policy, name, mine) for (policy, name), mine in found.items()]


def by_class(rows: list[Row]) -> dict[str, list[Group]]:
    """A class's groups, one a policy, by its name."""
    found: dict[str, list[Group]] = {}
    for group in groups(rows):
        found.setdefault(group.name, []).append(group)
    return found


def runs(rows: list[Row]) -> list[Group]:
    """One group a policy, of one row a run: for what is the whole run's."""
    first = rows[0]["class"]
    return [group for group in groups(rows) if group.name == first]
