"""Goals of what is counted, and whether a result reaches its own."""

from .catalogue import BENCHMARKS
from .results import TIME, Result


def goal(result: Result) -> float | None:
    """In the result's unit: the most that it may be. None: it has none."""
    benchmark = BENCHMARKS.get(result.name)
    return benchmark.goal if benchmark and result.unit != TIME else None


def is_missed(result: Result) -> bool:
    most = goal(result)
    return most is not None and result.value > most


def excess(result: Result) -> str:
    """Of a missed goal, how far above it the result is."""
    return f"{(result.value / goal(result) - 1) * 100:.1f} % above its goal"
