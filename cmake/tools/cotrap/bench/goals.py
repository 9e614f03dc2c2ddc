"""All goals of benchmarks, and whether a result reaches its goal. The catalogue has the goals of its
benchmarks; those of `scale` and `pool` are here."""

from .catalogue import BENCHMARKS
from .results import TIME, Report, Result

# The goals in instructions, counted time and bytes that the catalogue has are those of this machine.
_MACHINE = "riscv64"
# Those of a PC with one hart: instructions, and for the boot counted nanoseconds. Other machines have none.
PC = {
    "boot.kernel": 60e6,
    "trap.roundtrip.handler": 90,
    "syscall.null": 75,
    "yield.process": 700,
    "ipc.pipe": 1_900,
    "ipc.futex": 1_400,
    "fault.zero": 600,
}

# The rows of `scale`: the least throughput of two harts, as a multiple of that of one.
THROUGHPUTS = {
    "compute": 1.95,
    "getppid": 1.95,
    "yield": 1.95,
    "pipe.self": 1.95,
    "uring.self": 1.8,
    "pread": 1.95,
    "pipe.pairs": 1.9,
    "socket.pairs": 1.9,
    "tcp.pairs": 1.9,
    "epoll.pairs": 1.8,
    "futex.pairs": 1.9,
    "fault": 1.9,
    "fault.threads": 1.8,
    "open": 1.5,
    "map": 1.5,
    "fork": 1.5,
    "jobs": 1.8,
}
# The rows of `pool`: the least throughput of two threads, as a multiple of that of one. In the other rows the
# threads wait for each other.
POOL = {"fib": 1.8, "skynet": 1.8, "nqueens": 1.8, "matmul": 1.8, "channel": 1.8, "mutex": 1.8}
# Some rows of `scale` make the operation of a benchmark. On two harts or more they have that benchmark's
# goal for several harts. Rows whose operations wait for another thread have no goal in instructions.
_SAME_OPERATION = {
    "getppid": "syscall.null",
    "pread": "pread.call",
    "pipe.self": "pipe.self",
    "fault": "fault.zero",
}


def goal(result: Result, report: Report) -> float | None:
    """The largest value of this result of the report that reaches its goal. None: the result has no goal on the
    report's machine."""
    benchmark = BENCHMARKS.get(result.name)
    if not benchmark or result.unit == TIME:
        return None
    if report.machine != _MACHINE:
        return PC.get(result.name) if report.machine == "pc" and report.harts == 1 else None
    return benchmark.goal if report.harts == 1 else benchmark.goal_on_several


def is_missed(result: Result, report: Report) -> bool:
    most = goal(result, report)
    return most is not None and result.value > most


def excess(result: Result, report: Report) -> str:
    """For a missed goal: by how many percent the result exceeds it."""
    return f"{(result.value / goal(result, report) - 1) * 100:.1f} % above its goal"


def has_goals(results: list[Result], report: Report) -> bool:
    """Whether some of these results of the report have a goal."""
    return any(goal(each, report) is not None for each in results)


def throughput_goal(row: str, harts: int) -> float | None:
    """The least throughput of this row of `scale` that reaches its goal on so many harts."""
    return THROUGHPUTS[row] if harts == 2 else None


def operation_goal(row: str, machine: str, harts: int) -> float | None:
    """The most instructions of an operation in this row of `scale` that reach its goal on this machine with so
    many harts."""
    same = _SAME_OPERATION.get(row) if machine == _MACHINE else None
    return BENCHMARKS[same].goal_on_several if same and harts > 1 else None
