"""Makes the story (story.py) from the events of a trace."""

import re
from collections import defaultdict

from ..paths import ROOT
from . import syscalls
from .clock import in_order
from .names import Names
from .recording import Event, Kind, Recording, text
from .story import UNKNOWN, Arrow, Slice, Standing, Story, Track

# kernel/trace/format.h: Line
_LINES = {0xFFFF: "timer", 0xFFFE: "IPI"}
# The names of the router's rows, in the table's order: those of traps, then those of simulated traps.
_HEADERS = ROOT / "trap" / "include" / "trap"
_TRAPS = re.findall(r'Action::\w+, "([\w-]+)"', (_HEADERS / "router.h").read_text())
_ENTRIES = re.findall(r'^    .*"(enter-[\w-]+)"\}', (_HEADERS / "cause.h").read_text(), re.MULTILINE)
_ROUTES = _TRAPS + _ENTRIES


class _Job:
    """The state of a job. Another job can have the same address after this one has ended."""

    def __init__(self, name: str, since: float):
        self.name = name
        self.track = Track("kernel", name)
        self.calls: Track | None = None
        self.state, self.since = "ready", since
        self.reason = ""
        self.chain: list[int] = []
        self.waker: tuple[float, Track] | None = None  # of the last wake: the time and the waker's track
        self.woken_by = ""
        self.call: Slice | None = None
        self.enters = ""  # the simulated trap by which the program continues after the call

    def calls_track(self, tracks: list[Track]) -> Track:
        if self.calls is None:
            self.calls = Track(self.track.group, f"{self.track.name} calls")
            tracks.insert(tracks.index(self.track) + 1, self.calls)
        return self.calls


class _Hart:
    def __init__(self, number: int):
        self.number = number
        self.running = Track("harts", f"hart {number}")
        self.interrupts = Track("harts", f"hart {number} interrupts")
        self.between: tuple[Slice, Track] | None = None  # the interrupt or executor slice that is open now
        self.entry: Slice | None = None  # the open slice of a simulated trap
        self.job: _Job | None = None  # the job whose step runs
        self.waits: _Job | None = None  # the next AWAIT events are this job's await chain
        self.began = 0.0  # the start of the step
        self.named: _Job | None = None  # the next TEXT event has this job's name

    def interrupt(self, track: Track, each: Slice) -> None:
        self.between = (each, track)
        track.slices.append(each)


def build_story(recording: Recording, names: Names, counted: bool, until: float = 0.0) -> Story:
    """Makes the story. counted: the machine counted instructions. until: the story ends at this time, in
    nanoseconds since boot, or at the last event if that is later. The last states last until the end."""
    return _Builder(recording, names, counted).build(until)


class _Builder:
    def __init__(self, recording: Recording, names: Names, counted: bool):
        self.recording, self.names, self.counted = recording, names, counted
        self.harts = [_Hart(number) for number in range(len(recording.harts))]
        self.jobs: dict[int, _Job] = {}
        self.tracks: list[Track] = []
        self.arrows: list[Arrow] = []
        self.latencies: dict[str, list[float]] = defaultdict(list)
        self.routes: dict[str, int] = defaultdict(int)
        self.end = 0.0
        self.known_from = max(  # before this tick events are lost, so the states of jobs are unknown
            (events[0].ticks for events, lost in zip(recording.harts, recording.lost) if lost),
            default=0,
        )

    def build(self, until: float) -> Story:
        chains = {e.argument for hart in self.recording.harts for e in hart if e.kind is Kind.AWAIT}
        self.names.learn_functions(chains)
        for self.end, number, event in in_order(self.recording, self.counted):
            self._take(self.end, self.harts[number], number, event)
        self.end = max(self.end, until)
        standing = self._standing()
        for hart in self.harts:
            if hart.job:
                self._end_run(hart, self.end)
        for job in self.jobs.values():
            self._end_state(job, self.end)
        own = [track for hart in self.harts for track in (hart.running, hart.interrupts)]
        tracks = [track for track in own + self.tracks if track.slices]
        shown = set(map(id, tracks))
        arrows = [a for a in self.arrows if {id(a.waker), id(a.woken)} <= shown]
        return Story(
            tracks,
            arrows,
            self.latencies,
            self.routes,
            self.recording.lost,
            standing,
            self.end,
        )

    def _standing(self) -> dict[int, Standing]:
        on = {id(hart.job): hart.number for hart in self.harts if hart.job}
        return {
            at: Standing(job.name, job.state, job.reason, job.track, on.get(id(job)))
            for at, job in self.jobs.items()
        }

    def _take(self, now: float, hart: _Hart, number: int, event: Event) -> None:
        kind = event.kind
        if kind not in (Kind.WAKE, Kind.AWAIT) and hart.between:  # this event ends the open slice
            hart.between[0].end = now
            hart.between = None
        if kind not in (Kind.WAKE, Kind.AWAIT) and hart.entry:
            hart.entry.end = now
            hart.entry = None
        if kind is Kind.ROUTE:
            row = _ROUTES[event.detail] if event.detail < len(_ROUTES) else "?"
            self.routes[row] += 1
            if row in _ENTRIES and (job := self.jobs.get(event.job)):
                if job.call:
                    job.enters = row
                else:
                    self._enter(job, now, hart, row)
        elif kind is Kind.IRQ:
            hart.interrupt(hart.interrupts, Slice(now, now, self._line(event.detail), "irq"))
        elif kind is Kind.AWAIT:
            if hart.waits:
                hart.waits.chain.append(event.argument)
        elif kind is Kind.TEXT:
            self._name(hart, event)
        elif kind is Kind.SPAWN:
            job = self._begin(event.job, self.names.text(event.argument), now)
            if event.ticks < self.known_from:
                job.state = "unknown"
            elif hart.job:
                job.waker, job.woken_by = (now, hart.job.track), f"{hart.job.name}, by a spawn"
        else:
            job = self.jobs.get(event.job) or self._begin(event.job, UNKNOWN, now)
            getattr(self, f"_{kind.name.lower()}")(job, now, hart, number, event)

    def _line(self, number: int) -> str:
        if number in _LINES:
            return _LINES[number]
        driver = self.recording.lines.get(number)
        return f"{driver} (line {number})" if driver else f"line {number}"

    def _begin(self, address: int, name: str, now: float) -> _Job:
        if old := self.jobs.pop(address, None):  # the event of its end is lost
            self._end_state(old, now)
        job = self.jobs[address] = _Job(name, now)
        self.tracks.append(job.track)
        return job

    def _wake(self, job: _Job, now: float, hart: _Hart, number: int, event: Event) -> None:
        waker = self.jobs.get(event.argument)
        if not hart.between and not waker and not hart.job:
            # Between two steps the executor takes jobs from its inbox, where other harts have put them.
            hart.interrupt(hart.running, Slice(now, now, "executor", "executor"))
        if hart.between:
            cause, track = hart.between
            job.woken_by = f"{cause.name} on hart {number}"
        else:
            by = waker or hart.job
            track, job.woken_by = by.track, by.name
            if by.state == "unknown":
                track = None  # an unknown state has no slice in which an arrow could begin
        job.waker = (now, track) if track else None
        if job.state == "waiting":
            self._end_state(job, now)
            job.state = "ready"

    def _run(self, job: _Job, now: float, hart: _Hart, number: int, event: Event) -> None:
        self._end_state(job, now)
        for other in self.harts:
            if other.job is job:  # the event of its end on that hart was written after the trace was read
                self._end_run(other, now)
        job.state, job.reason = "running", f"hart {number}"
        hart.job, hart.began = job, now
        if job.waker:
            begin, track = job.waker
            self.arrows.append(Arrow(begin, track, now, job.track))
            self.latencies[job.name.split(" ")[0]].append(now - begin)
            job.waker = None

    def _stop(self, job: _Job, now: float, hart: _Hart, state: str) -> None:
        self._end_state(job, now)
        if hart.job is job:
            self._end_run(hart, now)
        job.state, job.woken_by = state, ""

    def _end_run(self, hart: _Hart, now: float) -> None:
        hart.running.slices.append(Slice(hart.began, now, hart.job.name, "running"))
        hart.job = None

    def _wait(self, job: _Job, now: float, hart: _Hart, number: int, event: Event) -> None:
        self._stop(job, now, hart, "waiting")
        job.reason, job.chain, hart.waits = self.names.text(event.argument), [], job

    def _yield(self, job: _Job, now: float, hart: _Hart, number: int, event: Event) -> None:
        self._stop(job, now, hart, "ready")
        job.woken_by = "itself, by a yield"

    def _preempt(self, job: _Job, now: float, hart: _Hart, number: int, event: Event) -> None:
        self._stop(job, now, hart, "ready")
        job.woken_by = "no job: it was preempted"

    def _done(self, job: _Job, now: float, hart: _Hart, number: int, event: Event) -> None:
        self._stop(job, now, hart, "done")
        if job.call:
            job.call.end = now
        del self.jobs[event.job]

    def _migrate(self, job: _Job, now: float, hart: _Hart, number: int, event: Event) -> None:
        job.woken_by = f"{job.woken_by or '?'}; hart {number} sent it to hart {event.detail}"

    def _call(self, job: _Job, now: float, hart: _Hart, number: int, event: Event) -> None:
        name = syscalls.name(event.detail)
        job.call = Slice(now, now, name, "call", {"first argument": f"{event.argument:#x}"})
        job.calls_track(self.tracks).slices.append(job.call)

    def _result(self, job: _Job, now: float, hart: _Hart, number: int, event: Event) -> None:
        if job.call:
            job.call.end = now
            job.call.about["result"] = syscalls.result(event.argument)
            job.call = None
        if job.enters:
            self._enter(job, now, hart, job.enters)
            job.enters = ""

    def _enter(self, job: _Job, now: float, hart: _Hart, row: str) -> None:
        """The program runs now, until the next event of the hart."""
        hart.entry = Slice(now, now, row, "entry")
        job.calls_track(self.tracks).slices.append(hart.entry)

    def _thread(self, job: _Job, now: float, hart: _Hart, number: int, event: Event) -> None:
        process, thread = event.argument >> 32, event.argument & 0xFFFF_FFFF
        job.track.group, job.track.name = f"process {process}", f"thread {thread}"
        hart.named = job

    def _name(self, hart: _Hart, event: Event) -> None:
        if hart.named:
            raw = event.job.to_bytes(8, "little") + event.argument.to_bytes(8, "little")
            name = text(raw)
            hart.named.name = f"{name} {hart.named.track.name.removeprefix('thread ')}"
            hart.named.track.name = hart.named.name
            if hart.named.calls:
                hart.named.calls.name = f"{hart.named.name} calls"
        hart.named = None

    def _end_state(self, job: _Job, now: float) -> None:
        """Adds a slice for the job's state, which ends now."""
        if now > job.since and job.state not in ("done", "unknown"):
            about = {"woken by": job.woken_by} if job.state == "ready" and job.woken_by else {}
            if job.state == "waiting":
                chain = [self.names.function(at) for at in job.chain]
                about["await chain"] = " < ".join(name for name in chain if name != "finish")
            name = job.state if job.state == "ready" else job.reason
            job.track.slices.append(Slice(job.since, now, name, job.state, about))
        job.since = now
