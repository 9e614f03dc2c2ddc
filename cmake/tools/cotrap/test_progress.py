"""Runs CTest and shows its progress: a line for each test that has ended, the output of failed tests without
the checks that hold, the tests that run now, and the time left. The end lists each failed test with its
failed checks and the command that repeats it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from .errors import ToolError
from .signals import with_parent
from .ui import Waiting, bad, faint, good, number_of, say

# CTest's record of test times, relative to the folder in which it runs.
COSTS = Path("Testing/Temporary/CTestCostData.txt")
_UNKNOWN = 2.0  # seconds: the assumed cost of a test that has no record and declares none

_STARTED = re.compile(r" +Start +\d+: (\S+)$")
_ENDED = re.compile(r" *\d+/\d+ Test +#\d+: (\S+) \.*(.*?) +([\d.]+) sec$")
# What the checks of tests/system/harness.py print.
_HOLDS, _FAILS = "ok: ", "FAILED: "
_SUMMARY = re.compile(r"\d+% tests passed, \d+ tests? failed out of \d+$")


class Progress:
    """Which tests wait, run and have ended. costs: the expected seconds of each test, by name. jobs: how many
    tests run in parallel. processors: the number of jobs that a test counts as, by name, if not 1."""

    def __init__(self, costs: dict[str, float], jobs: int, processors: dict[str, int] | None = None):
        self._costs = costs
        self._jobs = jobs
        self._processors = processors or {}
        self._waiting = set(costs)
        self._running: dict[str, float] = {}  # by test: its start (time.monotonic())
        self.failed: dict[str, list[str]] = {}  # by test: its failed checks
        self.skipped: list[str] = []

    def waits(self, name: str) -> bool:
        return name in self._waiting

    def runs(self, name: str) -> bool:
        return name in self._running

    def start(self, name: str) -> None:
        self._waiting.discard(name)
        self._running[name] = time.monotonic()

    def end(self, name: str) -> None:
        self._waiting.discard(name)
        self._running.pop(name, None)

    @property
    def total(self) -> int:
        return len(self._costs)

    @property
    def ended(self) -> int:
        return self.total - len(self._waiting) - len(self._running)

    def __str__(self) -> str:
        ended = f"{self.ended} of {len(self._costs)} tests"
        failed = f", {len(self.failed)} failed" if self.failed else ""
        running = ", ".join(sorted(self._running)) or "nothing"
        return f"{ended}{failed}; about {_span(self.seconds_left())} to go; running: {running}"

    def seconds_left(self) -> float:
        """An estimate of the seconds until the last test ends."""
        now = time.monotonic()
        left = {name: self._costs[name] for name in self._waiting}
        for name, since in self._running.items():
            left[name] = max(self._costs[name] - (now - since), 0)
        work = sum(seconds * min(self._processors.get(name, 1), self._jobs) for name, seconds in left.items())
        return max([work / self._jobs, *left.values()])


def run(command: list[str], folder: Path, entries: Iterable, jobs: int) -> int:
    """Runs `command`, which is CTest. folder: its test folder. entries: the tests that it runs
    (commands.test.Entry), at least one. Returns 1 if a test failed, otherwise 0."""
    recorded = _recorded(folder / COSTS)
    costs = {entry.name: recorded.get(entry.name) or entry.cost or _UNKNOWN for entry in entries}
    progress = Progress(costs, jobs, {entry.name: entry.processors for entry in entries})
    say(f"{number_of(len(costs), 'test')}, about {_span(progress.seconds_left())}")
    begun = time.monotonic()
    with (
        Waiting(lambda: str(progress), show_after=0.3, lines=lambda: str(progress)) as waiting,
        subprocess.Popen(
            with_parent(command),  # CTest ends even if SIGKILL ends this command
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
        ) as ctest,
    ):
        try:
            _relay(ctest.stdout, progress, waiting)
        except BaseException:  # for example a signal to this command
            os.killpg(ctest.pid, signal.SIGTERM)  # CTest and its tests
            raise
    if progress.ended < len(costs) or (ctest.returncode and not progress.failed):
        raise ToolError(f"CTest ended early with status {ctest.returncode}: run it again")
    _conclude(progress, len(costs), time.monotonic() - begun)
    return 1 if progress.failed else 0


def _relay(lines: Iterable[str], progress: Progress, waiting: Waiting) -> None:
    """Reads CTest's output. A failed test's output follows the line of its end, up to the next line that
    reports a start or an end. A test may print such lines, too: those of CTest name a test that waits or
    runs."""
    is_output = False
    for line in lines:
        line = line.rstrip("\n")
        if (started := _STARTED.match(line)) and progress.waits(started[1]):
            is_output = False
            progress.start(started[1])
        elif (ended := _ENDED.match(line)) and progress.runs(ended[1]):
            name, verdict, seconds = ended.groups()
            progress.end(name)
            is_output = _print_end(progress, waiting, name, verdict.strip(" *"), float(seconds))
        elif _SUMMARY.match(line) and progress.ended == progress.total:
            is_output = False
        elif is_output and not line.startswith(_HOLDS):
            if line.startswith(_FAILS):
                progress.failed[name].append(line.removeprefix(_FAILS))
            waiting.hide()
            print(f"    {line}" if line else "", flush=True)


def _print_end(progress: Progress, waiting: Waiting, name: str, verdict: str, seconds: float) -> bool:
    """Prints the line of a test that has ended. Returns whether the test failed."""
    failed = False
    if verdict == "Passed":
        word = good("ok")
    elif verdict == "Skipped":
        progress.skipped.append(name)
        word = faint("skipped")
    else:
        failed = True
        progress.failed[name] = []
        word = bad(verdict.upper())
    waiting.hide()
    print(f"{word} {name} ({seconds:.1f} s)", flush=True)
    return failed


def _conclude(progress: Progress, total: int, seconds: float) -> None:
    passed = total - len(progress.failed) - len(progress.skipped)
    skipped = f", {len(progress.skipped)} skipped" if progress.skipped else ""
    print(f"{passed} of {total} tests pass{skipped}, in {_span(seconds)}")
    for name, checks in progress.failed.items():
        print(f"{bad('failed')}: {name}; repeat it with ./cotrap test '^{re.escape(name)}$'")
        for check in checks:
            print(f"    {check}")
    sys.stdout.flush()


def _recorded(file: Path) -> dict[str, float]:
    """Seconds by test, from CTest's record of earlier runs. The file has a line with name, number of runs
    and seconds for each test, then `---`."""
    costs = {}
    if file.exists():
        for line in file.read_text(errors="replace").partition("---")[0].splitlines():
            if found := re.fullmatch(r"(\S+) \d+ (\d+(?:\.\d+)?)", line):  # others are damaged
                costs[found[1]] = float(found[2])
    return costs


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
