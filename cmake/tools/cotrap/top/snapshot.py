"""A snapshot of a running machine. The command reads it from the machine's RAM; the guest does nothing."""

from dataclasses import dataclass
from itertools import pairwise

from ..errors import ToolError
from ..trace import recording
from ..trace.names import Names
from ..trace.recording import Recording
from ..trace.story import UNKNOWN, Standing, Story, Track
from ..trace.story_builder import build_story
from .clock import Clock

_EVENTS = 4096  # of every hart: the shares are computed from so many last events
_STATES = {1: "ready", 2: "waiting"}  # async::Kind


@dataclass
class Call:
    """The calls of one name that a task made, and the time from their beginnings to their results."""

    name: str
    count: int = 0
    ns: float = 0.0


@dataclass
class Shares:
    """The shares of the time that a task ran and was ready, and the number of its wakes in that time. calls:
    its system calls in that time, those that took longest first."""

    running: float = 0.0
    ready: float = 0.0
    wakes: int = 0
    calls: tuple[Call, ...] = ()


@dataclass
class Task:
    name: str
    state: str
    hart: int
    priority: int
    reason: str
    shares: Shares


@dataclass
class Hart:
    running: str  # the name of the task that runs; empty if the hart is idle
    busy: float  # the share of the time in which it ran tasks


@dataclass
class Snapshot:
    """moments_ns: the length of the time that the shares refer to; 0: the trace has no events in it."""

    time_ns: float
    moments_ns: float
    harts: list[Hart]
    tasks: list[Task]


def take(ram: int, process: int | None, kernel, clock: Clock, since: float = 0.0) -> Snapshot:
    """Takes a snapshot. process: on the hosted machine, the kernel's process. since: the shares refer to the
    time from here on, or to less if the trace is shorter. The state at the last event is assumed to last
    until now. Raises ToolError if there is no trace yet, or if it changed too much during the read."""
    trace = recording.read(ram, _EVENTS, process)
    names = Names.of(kernel, trace.anchor)
    story = build_story(trace, names, clock.counted, clock.now(trace))
    begin = max(_begin(story), since)
    shares = {id(track): _shares(track, begin, story.end) for track in story.tracks}
    for track, calls in pairwise(story.tracks):
        if calls.name == f"{track.name} calls":
            shares[id(track)].calls = count_calls(calls, begin, story.end)
    try:
        tasks = _tasks(trace, names, story.standing, shares)
    except ValueError as error:
        raise ToolError(str(error)) from error
    running = {each.hart: each for each in tasks if each.state == "running"}
    if begin == story.end:
        return at_one_moment(story.end, len(trace.harts), tasks, running)
    by_name = {track.name: shares[id(track)] for track in story.tracks if track.group == "harts"}
    harts = []
    for number in range(len(trace.harts)):
        its = running.get(number)
        busy = by_name.get(f"hart {number}", Shares()).running
        harts.append(Hart(its.name if its else "", busy))
    return Snapshot(story.end, story.end - begin, harts, tasks)


def at_one_moment(time_ns: float, harts: int, tasks: list[Task], running: dict[int, Task]) -> Snapshot:
    """No time has passed since the last snapshot: the present state of each task and hart has a share of 1."""
    for task in tasks:
        task.shares = Shares(float(task.state == "running"), float(task.state == "ready"))
    busy = [
        Hart(running[number].name, 1.0) if number in running else Hart("", 0.0)
        for number in range(harts)
    ]
    return Snapshot(time_ns, 0.0, busy, tasks)


def _begin(story: Story) -> float:
    """The first time at which the trace shows the state of at least one hart; the story's end if
    there is none."""
    slices = (each for track in story.tracks if track.group == "harts" for each in track.slices)
    return min((each.begin for each in slices), default=story.end)


def _shares(track: Track, begin: float, end: float) -> Shares:
    """The shares of a track from `begin` to `end`; none if the two times are equal."""
    shares = Shares()
    if begin == end:
        return shares
    for each in track.slices:
        part = max(0.0, min(each.end, end) - max(each.begin, begin)) / (end - begin)
        shares.running += part * (each.kind == "running")
        shares.ready += part * (each.kind == "ready")
        shares.wakes += each.kind == "ready" and each.begin >= begin
    return shares


def count_calls(track: Track, begin: float, end: float) -> tuple[Call, ...]:
    """The calls of a track of calls from `begin` to `end`, by name. Those that took longest come first. A last
    call without a result still waits."""
    calls: dict[str, Call] = {}
    for each in track.slices:
        waits = each is track.slices[-1] and "result" not in each.about
        stop = end if waits else each.end
        if stop < begin or each.begin > end:
            continue
        call = calls.setdefault(each.name, Call(each.name))
        call.count += each.begin >= begin
        call.ns += max(0.0, min(stop, end) - max(each.begin, begin))
    return tuple(sorted(calls.values(), key=lambda call: (-call.ns, call.name)))


def _tasks(
    trace: Recording, names: Names, standing: dict[int, Standing], shares: dict[int, Shares]
) -> list[Task]:
    """All jobs in the kernel's memory. If the trace knows a job's state, it overrides the memory, so that
    tasks and harts agree."""
    layout, memory = trace.jobs, trace.memory
    tasks = []

    def word(data: bytes, offset: int) -> int:
        return int.from_bytes(data[offset : offset + 8], "little")

    page = word(memory.read(layout.pages, 8), 0)
    for _ in range(10_000):
        if not page:
            break
        data = memory.read(page, layout.first + layout.bytes * layout.count)
        for slot in range(layout.count):
            place = layout.first + slot * layout.bytes
            job = data[place : place + layout.bytes]
            state = _STATES.get(job[layout.kind])
            if state:
                target = word(job, layout.waits_for)
                own = page + place
                joins = state == "waiting" and target not in (0, own) and _is_job(trace, target)
                reason = "join" if joins else names.text(word(job, layout.reason))
                task = Task(
                    names.text(word(job, layout.name)),
                    state,
                    job[layout.hart],
                    job[layout.priority],
                    reason if state == "waiting" else "",
                    Shares(),
                )
                if known := standing.get(own):
                    _update(task, known, shares)
                tasks.append(task)
        page = word(data, 0)
    return tasks


def _update(task: Task, known: Standing, shares: dict[int, Shares]) -> None:
    """Replaces the task's state by the one that the trace has."""
    if known.name != UNKNOWN:
        task.name = known.name
    task.shares = shares.get(id(known.track), task.shares)
    if known.hart is not None:
        task.state, task.hart, task.reason = "running", known.hart, ""
    elif known.state == "ready" or known.state == "waiting" and task.state != "waiting":
        task.state, task.reason = known.state, known.reason if known.state == "waiting" else ""


def _is_job(trace: Recording, address: int) -> bool:
    """Whether the object at this address, which a job waits for, is a job. A byte in it gives its kind."""
    try:
        return trace.memory.read(address + trace.jobs.kind, 1)[0] in (1, 2, 3)
    except ValueError:
        return False
