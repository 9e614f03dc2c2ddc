"""The goals of counted results, and whether a result reaches its goal."""

from .catalogue import BENCHMARKS
from .results import TIME, Result


def goal(result: Result) -> float | None:
    """The largest value that reaches the goal, in the result's unit. None: the result has no goal."""
    benchmark = BENCHMARKS.get(result.name)
    return benchmark.goal if benchmark and result.unit != TIME else None


def is_missed(result: Result) -> bool:
    most = goal(result)
    return most is not None and result.value > most


def excess(result: Result) -> str:
    """For a missed goal: by how many percent the result exceeds it."""
    return f"{(result.value / goal(result) - 1) * 100:.1f} % above its goal"
