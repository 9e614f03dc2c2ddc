"""What every hart and every job did: slices on tracks, and arrows from waker to woken.

A job is always running, ready or waiting, so the slices on its track have no gaps. A hart has two
tracks: one shows the steps that it ran, and the other its interrupts.
"""

from dataclasses import dataclass, field

KINDS = ("running", "ready", "waiting", "call", "irq", "executor", "entry")
UNKNOWN = "?"  # the name of a job whose beginning has been lost


@dataclass(slots=True)
class Slice:
    """kind: one of KINDS. about: further attributes, by name."""

    begin: float
    end: float
    name: str
    kind: str
    about: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Track:
    """group: its owner: the harts, the kernel's coroutines, or a process."""

    group: str
    name: str
    slices: list[Slice] = field(default_factory=list)


@dataclass(slots=True)
class Arrow:
    """A wake: from the waker's track at the time of the wake to the woken job's track when that job ran."""

    begin: float
    waker: Track
    end: float
    woken: Track


@dataclass(slots=True)
class Standing:
    """A job that has not ended, as it is at the end. name: UNKNOWN if the trace has lost the
    job's beginning. state: one of the first three KINDS, or unknown. hart: the one that runs the job."""

    name: str
    state: str
    reason: str
    track: Track
    hart: int | None = None


@dataclass
class Story:
    """end: the time at which the story ends, in nanoseconds since boot."""

    tracks: list[Track]
    arrows: list[Arrow]
    latencies: dict[str, list[float]]  # ns from wake to run, by the name of the woken job
    routes: dict[str, int]
    lost: list[int]  # events, by hart
    standing: dict[int, Standing]  # by the jobs' addresses
    end: float
