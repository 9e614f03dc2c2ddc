"""The scheduling decisions of a workload that ran in the kernel (user/programs/workload.cpp), from its
trace: which task each hart selects, and which tasks were ready.

A thread of the program does one task after another. With the call hint_work() it names a task before the
task arrives, and 0 at the task's end. Then it sleeps until the arrival; the thread may be preempted before
it sleeps, but the task is ready only from its arrival on, whose time the plan has. A decision is a change
of the task on a hart. Steps of the kernel's own coroutines are no decisions.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..paths import ROOT
from ..trace.clock import in_order
from ..trace.recording import Kind, Recording
from . import simulator

_FIRST_LINE = "cotrap-schedule 2"  # async/sim/record.h


@dataclass(frozen=True)
class Decision:
    """A hart selects a task. ns: since the workload's start. class_name: the task's class. candidates: the
    tasks that were ready on that hart."""

    ns: int
    hart: int
    task: int
    class_name: str
    candidates: tuple[int, ...]

    def __str__(self) -> str:
        return " ".join(map(str, (self.ns, self.hart, self.task, self.class_name, *self.candidates)))


@dataclass(slots=True, eq=False)
class _Thread:
    task: int = 0  # the task that it does, or 0
    is_ready: bool = False
    hart: int = 0


class Plan:
    """Reads a plan's text (async/sim/plan.h): the end, and the class and the arrival of each task. Tasks are
    numbered from 1; times are in nanoseconds since the workload's start."""

    def __init__(self, text: str):
        lines = [line.split(" ") for line in simulator.lines(text)]
        self.until_ns = next(int(words[1]) for words in lines if words[0] == "until")
        classes = [words[1] for words in lines if words[0] == "class"]
        tasks = [words for words in lines if words[0] == "task"]
        self._tasks = [(classes[int(of)], int(at)) for _, of, at, *_ in tasks]

    def class_of(self, task: int) -> str:
        """The class of a task for which has_arrived() is true."""
        return self._tasks[task - 1][0]

    def has_arrived(self, task: int, ns: int) -> bool:
        return 1 <= task <= len(self._tasks) and self._tasks[task - 1][1] <= ns


def of_trace(recording: Recording, counted: bool, plan: Plan, start_ns: int) -> list[Decision]:
    """The decisions in a trace. counted: the machine counted instructions. start_ns: the workload's start,
    since boot."""
    return list(_Reader(recording, plan, start_ns).read(in_order(recording, counted)))


class _Reader:
    def __init__(self, recording: Recording, plan: Plan, start_ns: int):
        self.plan, self.start_ns = plan, start_ns
        self.hint = _hint_number()
        self.threads: dict[int, _Thread] = {}  # by job
        self.last = [0] * len(recording.harts)  # by hart: the task of its last decision

    def read(self, events: Iterable) -> Iterator[Decision]:
        for at, hart, event in events:
            if event.kind is Kind.CALL and event.detail == self.hint:
                self.threads.setdefault(event.job, _Thread()).task = event.argument
            elif thread := self.threads.get(event.job):
                if event.kind is Kind.RUN:
                    yield from self._run(thread, round(at) - self.start_ns, hart)
                else:
                    self._note(thread, event.kind, hart)

    def _note(self, thread: _Thread, kind: Kind, hart: int) -> None:
        if kind in (Kind.WAKE, Kind.YIELD, Kind.PREEMPT, Kind.MIGRATE):
            thread.is_ready, thread.hart = True, hart
        elif kind in (Kind.WAIT, Kind.DONE):
            thread.is_ready = False

    def _run(self, thread: _Thread, ns: int, hart: int) -> Iterator[Decision]:
        thread.is_ready, thread.hart = True, hart
        is_change = self.plan.has_arrived(thread.task, ns) and self.last[hart] != thread.task
        if is_change and ns < self.plan.until_ns:
            self.last[hart] = thread.task
            ready = (
                each.task
                for each in self.threads.values()
                if each.is_ready and each.hart == hart and self.plan.has_arrived(each.task, ns)
            )
            class_name = self.plan.class_of(thread.task)
            yield Decision(ns, hart, thread.task, class_name, tuple(sorted(ready)))
        thread.is_ready = False


def _hint_number() -> int:
    """The number of the system call hint_work()."""
    text = (ROOT / "trap" / "include" / "abi" / "numbers.h").read_text()
    first = re.search(r"first_private_call = (0x\w+);", text)
    own = re.search(r"Call hint_work\{first_private_call \+ (\d+)\}", text)
    return int(first[1], 16) + int(own[1])


def schedule_hash(decisions: list[Decision]) -> str:
    """One number for all decisions and their times: equal schedules have equal hashes."""
    text = "\n".join(map(str, decisions))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def to_file(decisions: list[Decision], arguments: dict) -> str:
    """The text of a recording, for `./cotrap sim --replay`. arguments: the settings of the run."""
    head = [f"{key}={value}" for key, value in arguments.items()]
    lines = [_FIRST_LINE, *head, "decisions", *map(str, decisions), f"end {len(decisions)}"]
    return "\n".join([*lines, ""])
