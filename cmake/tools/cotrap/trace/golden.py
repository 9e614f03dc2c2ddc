"""The log of a run's scheduling decisions: which job each hart began to run, and when. Two logs are compared
hart by hart, by the names of the jobs and not by the times.

The text of a log: a line `cotrap-golden 1`, the hash of the decisions, and for each hart a line `hart N` and
its decisions, as `NS JOB` with nanoseconds since boot.
"""

import hashlib
from dataclasses import dataclass
from itertools import groupby, zip_longest

from .story import Story

_FIRST_LINE = "cotrap-golden 1"


@dataclass(frozen=True)
class Decision:
    """A hart begins to run a job after another one."""

    ns: int
    job: str


Log = dict[int, list[Decision]]  # by hart, in the order of time


def of_story(story: Story) -> Log:
    log: Log = {}
    for track in story.tracks:
        word, _, number = track.name.partition(" ")
        if track.group == "harts" and word == "hart" and number.isdigit():
            steps = [each for each in track.slices if each.kind == "running"]
            jobs = groupby(steps, key=lambda each: each.name)
            log[int(number)] = [Decision(round(next(of).begin), name) for name, of in jobs]
    return log


def hash_of(log: Log) -> str:
    """Equal orders of jobs on all harts have equal hashes, whatever the times."""
    text = "\n".join(f"{hart} {each.job}" for hart in sorted(log) for each in log[hart])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def to_text(log: Log) -> str:
    lines = [_FIRST_LINE, f"hash {hash_of(log)}"]
    for hart in sorted(log):
        lines += [f"hart {hart}", *(f"{each.ns} {each.job}" for each in log[hart])]
    return "\n".join([*lines, ""])


def from_text(text: str) -> Log:
    """Raises ValueError if the text has another form, or its hash is that of another log."""
    first, digest, *lines = text.splitlines()
    if first != _FIRST_LINE:
        raise ValueError(f"the first line is not {_FIRST_LINE}")
    log: Log = {}
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "hart":
            decisions = log[int(rest)] = []
        else:
            decisions.append(Decision(int(word), rest))
    if digest != f"hash {hash_of(log)}":
        raise ValueError(f"the log's hash is {hash_of(log)}, and not the {digest}")
    return log


def difference(recorded: Log, found: Log) -> str:
    """The first decision that differs; empty if there is none."""
    firsts = []
    for hart in sorted(recorded.keys() | found.keys()):
        pairs = zip_longest(recorded.get(hart, []), found.get(hart, []))
        for number, (old, new) in enumerate(pairs):
            if old is None or new is None or old.job != new.job:
                firsts.append((min(each.ns for each in (old, new) if each), hart, number, old, new))
                break
    if not firsts:
        return ""
    _, hart, number, old, new = min(firsts, key=lambda first: first[:2])
    expected = f"{old.job} was recorded at {old.ns:,} ns" if old else "none was recorded"
    came = f"{new.job} came at {new.ns:,} ns" if new else "none came"
    return f"hart {hart}, decision {number}: {expected}, and {came}"
