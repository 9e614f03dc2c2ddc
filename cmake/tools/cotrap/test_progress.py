"""Runs CTest and tells how far it is: a line for each test that has ended, all that a failed one
printed, what runs now and how long the rest will take. At the end each failure, with the command that
repeats it."""

import re
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from .errors import ToolError
from .ui import Waiting, bad, faint, good, say

_UNKNOWN = 2.0  # seconds that a test costs of which nothing is known

_STARTED = re.compile(r" +Start +\d+: (\S+)$")
_ENDED = re.compile(r" *\d+/\d+ Test +#\d+: (\S+) \.*(.*?) +([\d.]+) sec$")
_SUMMARY = re.compile(r"\d+% tests passed, ")


class Progress:
    """What has ended and what runs. Costs are in seconds; CTest keeps those of earlier runs."""

    def __init__(self, costs: dict[str, float], jobs: int):
        self._costs = costs
        self._jobs = jobs
        self._waiting = set(costs)
        self._running: dict[str, float] = {}  # since when
        self.failed: list[str] = []
        self.skipped: list[str] = []

    def start(self, name: str) -> None:
        self._waiting.discard(name)
        self._running[name] = time.monotonic()

    def end(self, name: str) -> None:
        self._waiting.discard(name)
        self._running.pop(name, None)

    @property
    def ended(self) -> int:
        return len(self._costs) - len(self._waiting) - len(self._running)

    def __str__(self) -> str:
        ended = f"{self.ended} of {len(self._costs)} tests"
        failed = f", {len(self.failed)} failed" if self.failed else ""
        running = ", ".join(sorted(self._running)) or "nothing"
        return f"{ended}{failed}; about {_span(self.left())} to go; running: {running}"

    def left(self) -> float:
        """Seconds, as far as costs tell."""
        now = time.monotonic()
        running = [max(self._costs[name] - (now - since), 0) for name, since in self._running.items()]
        waiting = [self._costs[name] for name in self._waiting]
        return max([sum(running + waiting) / self._jobs, *running, *waiting], default=0)


def run(command: list[str], folder: Path, entries: Iterable, jobs: int) -> int:
    """`entries` (tests.Entry) are what CTest in `folder` is going to run. Returns 1 if one failed."""
    recorded = _recorded(folder / "Testing" / "Temporary" / "CTestCostData.txt")
    costs = {entry.name: recorded.get(entry.name) or entry.cost or _UNKNOWN for entry in entries}
    progress = Progress(costs, jobs)
    say(f"{len(costs)} tests, about {_span(progress.left())}")
    begun = time.monotonic()
    with (
        Waiting(lambda: str(progress), patience=0.3, lines=lambda: str(progress)) as waiting,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as ctest,
    ):
        _relay(ctest.stdout, progress, waiting)
    if progress.ended < len(costs) or (ctest.returncode and not progress.failed):
        raise ToolError(f"CTest ended early, with status {ctest.returncode}")
    _conclude(progress, len(costs), time.monotonic() - begun)
    return 1 if progress.failed else 0


def _relay(lines: Iterable[str], progress: Progress, waiting: Waiting) -> None:
    """A test's output follows its end, and goes on until the next test starts or ends."""
    is_output = False
    for line in lines:
        line = line.rstrip("\n")
        if started := _STARTED.match(line):
            is_output = False
            progress.start(started[1])
        elif ended := _ENDED.match(line):
            name, verdict, seconds = ended.groups()
            progress.end(name)
            is_output = _tell_end(progress, waiting, name, verdict.strip(" *"), float(seconds))
        elif _SUMMARY.match(line):
            is_output = False
        elif is_output:
            waiting.hide()
            print(f"    {line}" if line else "", flush=True)


def _tell_end(progress: Progress, waiting: Waiting, name: str, verdict: str, seconds: float) -> bool:
    """Returns whether it failed."""
    failed = False
    if verdict == "Passed":
        said = good("ok")
    elif verdict == "Skipped":
        progress.skipped.append(name)
        said = faint("skipped")
    else:
        failed = True
        progress.failed.append(name)
        said = bad(verdict.upper())
    waiting.hide()
    print(f"{said} {name} ({seconds:.1f} s)", flush=True)
    return failed


def _conclude(progress: Progress, total: int, seconds: float) -> None:
    passed = total - len(progress.failed) - len(progress.skipped)
    skipped = f", {len(progress.skipped)} skipped" if progress.skipped else ""
    print(f"{passed} of {total} tests pass{skipped}, in {_span(seconds)}")
    for name in progress.failed:
        print(f"{bad('failed')}: {name}, again: ./cotrap test '^{re.escape(name)}$'")
    sys.stdout.flush()


def _recorded(file: Path) -> dict[str, float]:
    """Of CTest's own record: a line of name, runs and seconds for each test, then `---`."""
    costs = {}
    if file.exists():
        for line in file.read_text(errors="replace").partition("---")[0].splitlines():
            name, _, seconds = line.split()
            costs[name] = float(seconds)
    return costs


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
