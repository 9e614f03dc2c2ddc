"""A moment of a running machine, from its RAM: nothing of the guest is asked for it."""

from collections import defaultdict
from dataclasses import dataclass, field

from ..errors import ToolError
from ..trace import recording
from ..trace.names import Names
from ..trace.recording import Kind, Recording
from ..trace.story import Story, tell

_EVENTS = 4096  # of every hart: what the last moments are
_STATES = {1: "ready", 2: "waiting"}  # async::Kind


@dataclass
class Task:
    """running, ready: shares of the moments looked at. wakes: in them."""

    name: str
    state: str
    hart: int
    priority: int
    reason: str
    running: float = 0.0
    ready: float = 0.0
    wakes: int = 0


@dataclass
class Hart:
    running: str  # who, just now; empty: nobody
    busy: float


@dataclass
class Snapshot:
    """moments_ns: how long those looked at are."""

    time_ns: float
    moments_ns: float
    harts: list[Hart]
    tasks: list[Task] = field(default_factory=list)


def take(ram: int, process: int | None, kernel, counted: bool, since: float = 0.0) -> Snapshot:
    """process: the kernel itself on the hosted machine. The moments looked at begin at `since` at the
    earliest, the last one's time: if nothing has happened from there on, nobody has run. Raises
    ToolError where there is none (yet), or it was changed too much while it was read."""
    told = recording.read(ram, _EVENTS, process)
    names = Names.of(kernel, told.anchor)
    story = tell(told, names, counted)
    begin, end = _moments(story)
    begin, end = max(begin, since), max(end, since)
    length = max(end - begin, 1)
    shares: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    try:
        tasks = _tasks(told, names, story.who)
    except ValueError as error:
        raise ToolError(str(error)) from error
    harts = []
    for track in story.tracks:
        for each in track.slices:
            part = max(0.0, min(each.end, end) - max(each.begin, begin)) / length
            shares[track.name][each.kind] += part
            shares[track.name]["wakes"] += each.kind == "ready" and each.begin >= begin
    for number in range(len(told.harts)):
        busy = shares[f"hart {number}"]["running"]
        last = next((e for e in reversed(told.harts[number]) if e.kind in _TURNS), None)
        running = tasks.get(last.job) if last is not None and last.kind is Kind.RUN else None
        if running:
            running.state = "running"
        harts.append(Hart(running.name if running else "", busy))
    shown = [_with_shares(task, shares) for task in tasks.values()]
    return Snapshot(end, end - begin, harts, shown)


_TURNS = (Kind.RUN, Kind.WAIT, Kind.YIELD, Kind.DONE, Kind.PREEMPT)


def _moments(story: Story) -> tuple[float, float]:
    ends = [each for track in story.tracks for each in track.slices if track.group == "harts"]
    if not ends:
        return 0.0, 0.0
    return min(each.begin for each in ends), max(each.end for each in ends)


def _with_shares(task: Task, shares) -> Task:
    own = shares.get(task.name, {})
    task.running, task.ready = own.get("running", 0.0), own.get("ready", 0.0)
    task.wakes = int(own.get("wakes", 0))
    return task


def _tasks(told: Recording, names: Names, who: dict[int, str]) -> dict[int, Task]:
    """By their addresses."""
    layout, memory = told.jobs, told.memory
    tasks = {}

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
                joins = state == "waiting" and target not in (0, own) and _is_job(told, target)
                reason = "join" if joins else names.text(word(job, layout.reason))
                tasks[own] = Task(
                    who.get(own) or names.text(word(job, layout.name)),
                    state,
                    job[layout.hart],
                    job[layout.priority],
                    reason if state == "waiting" else "",
                )
        page = word(data, 0)
    return tasks


def _is_job(told: Recording, address: int) -> bool:
    """Whether what is waited for is another job: all of those begin alike."""
    try:
        return told.memory.read(address + told.jobs.kind, 1)[0] in (1, 2, 3)
    except ValueError:
        return False
