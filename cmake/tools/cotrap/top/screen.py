"""Formats a snapshot as lines."""

from ..ui import faint
from .snapshot import Shares, Snapshot, Task


_NOTHING = "the trace has no new events"


def lines(taken: Snapshot, name: str, width: int, height: int) -> list[str]:
    """The lines for a terminal of this size. The busiest tasks come first; those that do not fit are left
    out."""
    waiting = sum(task.state == "waiting" for task in taken.tasks)
    shares = f"shares of the last {_length(taken.moments_ns)}" if taken.moments_ns else _NOTHING
    shown = [
        f"{name}, {taken.time_ns / 1e9:.3f} s since boot: {len(taken.tasks)} tasks, {waiting} waiting; "
        + shares
    ]
    for number, hart in enumerate(taken.harts):
        bar = "█" * round(20 * min(hart.busy, 1.0))
        shown.append(f"hart {number}  {bar:<20} {hart.busy:4.0%}  {hart.running}")
    shown.append("")
    shown.append(
        faint(
            "task                      state    hart  prio  running  ready  wakes  "
            "longest calls            waits for"
        )
    )
    for task in sorted(taken.tasks, key=_rank):
        if len(shown) >= height - 1:
            break
        shown.append(_line(task))
    return [line[: width + 16] for line in shown]  # 16: the escape sequences of colours take no columns


def _rank(task: Task) -> tuple:
    return -task.shares.running, -task.shares.ready, task.name


def _line(task: Task) -> str:
    shares = task.shares
    running = f"{shares.running:.1%}" if shares.running else ""
    ready = f"{shares.ready:.1%}" if shares.ready else ""
    return (
        f"{task.name[:24]:<24}  {task.state:<7}  {task.hart:>4}  {task.priority:>4}  {running:>7}  "
        f"{ready:>5}  {shares.wakes or '':>5}  {_calls(shares):<23}  {task.reason}"
    ).rstrip()


def _calls(shares: Shares) -> str:
    """The system call in which the task spent most time, with the number of these calls and the time."""
    if not shares.calls:
        return ""
    longest = shares.calls[0]
    begun = f" ×{longest.count}" if longest.count else ""  # none began: one from before still waits
    return f"{longest.name[:10]}{begun} {_length(longest.ns)}"


def _length(ns: float) -> str:
    return f"{ns / 1e6:.1f} ms" if ns >= 1e6 else f"{ns / 1e3:.0f} µs"
