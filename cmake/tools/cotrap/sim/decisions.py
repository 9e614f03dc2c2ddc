"""Scheduling decisions of a workload that the kernel has done (user/programs/workload.cpp), from
its trace: which task each hart goes on with, and of which that were ready.

A thread of the program does one task after another. It says which with the call hint_work(), before
the task comes, and 0 at its end. On its way to its sleep until then it may be preempted like any
other, but the task is ready from its arrival on, which the plan knows. Only changes of task are
told, not what the kernel's own coroutines do in between.
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
    """ns: from the workload's start. candidates: the tasks that were ready on that hart."""

    ns: int
    hart: int
    task: int
    of: str
    candidates: tuple[int, ...]

    def __str__(self) -> str:
        return " ".join(map(str, (self.ns, self.hart, self.task, self.of, *self.candidates)))


@dataclass(slots=True, eq=False)
class _Thread:
    task: int = 0  # 0: none
    is_ready: bool = False
    hart: int = 0


class Plan:
    """Of a plan's text (async/sim/plan.h): when it ends, and of each task, from 1, its class and
    when it arrives. Times from the workload's start."""

    def __init__(self, text: str):
        lines = [line.split(" ") for line in simulator.lines(text)]
        self.until_ns = next(int(words[1]) for words in lines if words[0] == "until")
        classes = [words[1] for words in lines if words[0] == "class"]
        tasks = [words for words in lines if words[0] == "task"]
        self._tasks = [(classes[int(of)], int(at)) for _, of, at, *_ in tasks]

    def class_of(self, task: int) -> str:
        """Of one that has_come()."""
        return self._tasks[task - 1][0]

    def has_come(self, task: int, ns: int) -> bool:
        return 1 <= task <= len(self._tasks) and self._tasks[task - 1][1] <= ns


def of_trace(recording: Recording, counted: bool, plan: Plan, start_ns: int) -> list[Decision]:
    return list(_Reader(recording, plan, start_ns).read(in_order(recording, counted)))


class _Reader:
    def __init__(self, recording: Recording, plan: Plan, start_ns: int):
        self.plan, self.start_ns = plan, start_ns
        self.hint = _number_of_hint()
        self.threads: dict[int, _Thread] = {}  # by their jobs
        self.last = [0] * len(recording.harts)  # task of each hart

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
        is_change = self.plan.has_come(thread.task, ns) and self.last[hart] != thread.task
        if is_change and ns < self.plan.until_ns:
            self.last[hart] = thread.task
            ready = (
                each.task
                for each in self.threads.values()
                if each.is_ready and each.hart == hart and self.plan.has_come(each.task, ns)
            )
            of = self.plan.class_of(thread.task)
            yield Decision(ns, hart, thread.task, of, tuple(sorted(ready)))
        thread.is_ready = False


def _number_of_hint() -> int:
    text = (ROOT / "trap" / "include" / "abi" / "numbers.h").read_text()
    first = re.search(r"first_private_call = (0x\w+);", text)
    own = re.search(r"Call hint_work\{first_private_call \+ (\d+)\}", text)
    return int(first[1], 16) + int(own[1])


def schedule_hash(decisions: list[Decision]) -> str:
    """The same for the same decisions at the same times."""
    text = "\n".join(map(str, decisions))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def to_file(decisions: list[Decision], arguments: dict) -> str:
    """As `./cotrap sim --replay` takes it."""
    told = [f"{key}={value}" for key, value in arguments.items()]
    lines = [_FIRST_LINE, *told, "decisions", *map(str, decisions), f"end {len(decisions)}"]
    return "\n".join([*lines, ""])
