"""A moment of a running machine, from its RAM: nothing of the guest is asked for it."""

from collections import defaultdict
from dataclasses import dataclass

from ..errors import ToolError
from ..trace import recording
from ..trace.names import Names
from ..trace.recording import Recording
from ..trace.story import UNKNOWN, Standing, Story, Track
from ..trace.teller import tell
from .clock import Clock

_EVENTS = 4096  # of every hart: what the last moments are
_STATES = {1: "ready", 2: "waiting"}  # async::Kind


@dataclass
class Shares:
    """Of the moments looked at. wakes: in them."""

    running: float = 0.0
    ready: float = 0.0
    wakes: int = 0


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
    running: str  # who, just now; empty: nobody
    busy: float


@dataclass
class Snapshot:
    """moments_ns: how long those looked at are; 0: nobody knows."""

    time_ns: float
    moments_ns: float
    harts: list[Hart]
    tasks: list[Task]


def take(ram: int, process: int | None, kernel, clock: Clock, since: float = 0.0) -> Snapshot:
    """process: the kernel itself on the hosted machine. The moments looked at begin at `since` at the
    earliest, the last one's time. Who ran at the last event has run ever since. Raises ToolError
    where there is no trace (yet), or it was changed too much while it was read."""
    told = recording.read(ram, _EVENTS, process)
    names = Names.of(kernel, told.anchor)
    story = tell(told, names, clock.counted, clock.now(told))
    begin = max(_begin(story), since)
    shares = {id(track): _shares(track, begin, story.end) for track in story.tracks}
    try:
        tasks = _tasks(told, names, story.standing, shares)
    except ValueError as error:
        raise ToolError(str(error)) from error
    running = {each.hart: each for each in tasks if each.state == "running"}
    by_name = {track.name: shares[id(track)] for track in story.tracks if track.group == "harts"}
    harts = []
    for number in range(len(told.harts)):
        its = running.get(number)
        busy = by_name.get(f"hart {number}", Shares()).running
        harts.append(Hart(its.name if its else "", busy))
    return Snapshot(story.end, story.end - begin, harts, tasks)


def _begin(story: Story) -> float:
    """Of what is known of the harts."""
    slices = (each for track in story.tracks if track.group == "harts" for each in track.slices)
    return min((each.begin for each in slices), default=story.end)


def _shares(track: Track, begin: float, end: float) -> Shares:
    """Of no time at all: who is running has all of it."""
    shares = Shares()
    for each in track.slices:
        if end > begin:
            part = max(0.0, min(each.end, end) - max(each.begin, begin)) / (end - begin)
        else:
            part = float(each.begin < end == each.end)
        shares.running += part * (each.kind == "running")
        shares.ready += part * (each.kind == "ready")
        shares.wakes += each.kind == "ready" and each.begin >= begin
    return shares


def _tasks(
    told: Recording, names: Names, standing: dict[int, Standing], shares: dict[int, Shares]
) -> list[Task]:
    """All that there are now. What the trace says of one is what its hart's row says, too."""
    layout, memory = told.jobs, told.memory
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
                joins = state == "waiting" and target not in (0, own) and _is_job(told, target)
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
                    _take_over(task, known, shares)
                tasks.append(task)
        page = word(data, 0)
    return tasks


def _take_over(task: Task, known: Standing, shares: dict[int, Shares]) -> None:
    if known.name != UNKNOWN:
        task.name = known.name
    task.shares = shares.get(id(known.track), task.shares)
    if known.hart is not None:
        task.state, task.hart, task.reason = "running", known.hart, ""
    elif known.state == "ready" or known.state == "waiting" and task.state != "waiting":
        task.state, task.reason = known.state, known.reason if known.state == "waiting" else ""


def _is_job(told: Recording, address: int) -> bool:
    """Whether what is waited for is another job: all of those begin alike."""
    try:
        return told.memory.read(address + told.jobs.kind, 1)[0] in (1, 2, 3)
    except ValueError:
        return False
