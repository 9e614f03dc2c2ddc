"""`./cotrap run WORKLOAD`: runs a workload in the kernel, and compares the results with a simulation of the
same arrivals and the same task lengths."""

import json
import os
import re
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .. import bootargs, packages, policies
from ..console import Capture, TimedOut, relay
from ..errors import TIMED_OUT, ToolError, UsageError
from ..option_types import HARTS_LIMIT
from ..paths import Build, check_output
from ..preparation import machine, prepare
from ..qemu import Guest, memory_file
from ..sources import Silence
from ..ui import Waiting, say
from . import costs, simulator
from .host_load import HostLoad
from .rows import unheeded
from .table import aligned, time

_PROGRAM = "workload"  # of user/programs
# The time slice of the kernel's default policy (Schedule::slice()). Other policies have their own.
_SLICES_NS = {policies.DEFAULT: 10_000_000}
_COLUMNS = ("arrived", "finished", "missed", "mean", "p50", "p99", "longest")
_TIMES = _COLUMNS[3:]
_NONE = "–"  # no data
# The columns of the histogram of wakes.
_LIMITS = ("≤ 1 µs", "≤ 10 µs", "≤ 100 µs", "≤ 1 ms", "≤ 10 ms", "later")
_SHARED_CLOCK = (
    "with --icount the {} harts run one at a time on one clock of instructions, so their times differ from "
    "the simulator's: to compare, use --harts 1, or leave out --icount"
)


@dataclass(frozen=True)
class Workload:
    """A workload to run. plan: the text for the kernel's program. settings: the simulator's options, without
    the policy. model: the simulator's results by class."""

    path: Path
    policy: str
    plan: str
    settings: dict[str, int]
    model: dict[str, dict[str, int]]

    @classmethod
    def of(cls, arguments) -> "Workload":
        path = simulator.workload(str(arguments.program))
        program = simulator.program_for_kernel(arguments)
        policy = bootargs.policy(arguments.append)
        settings = {"seeds": 1, **costs.read(costs.RECORDED)}
        if arguments.harts:  # otherwise the workload's number
            settings["harts"] = arguments.harts
        if policy in _SLICES_NS:
            settings["slice"] = _SLICES_NS[policy]
        command = [program, path, f"policy={policy}"]
        [answer] = simulator.outcomes([simulator.output([*command, *_words(settings)])], 1)
        if warning := unheeded([answer]):
            say(warning)
        settings["harts"] = json.loads(answer)["harts"]
        if settings["harts"] > HARTS_LIMIT:
            raise UsageError(
                f"the workload has {settings['harts']} harts, and the kernel runs on at most {HARTS_LIMIT}: "
                "give --harts"
            )
        plan = simulator.output([*command, "plan=1", *_words(settings)])
        return cls(path, policy, plan, settings, _by_class(answer))

    @property
    def harts(self) -> int:
        return self.settings["harts"]


def _words(settings: dict[str, int]) -> list[str]:
    return [f"{key}={value}" for key, value in settings.items()]


def _by_class(answer: str) -> dict[str, dict[str, int]]:
    return {
        each["name"]: {
            **{key: each[key] for key in _COLUMNS[:3]},
            **{key: round(each["response"].get(key, 0)) for key in _TIMES[:-1]},
            "longest": each["response"].get("max", 0),
        }
        for each in json.loads(answer)["classes"]
    }


def run(arguments) -> int:
    if arguments.arguments:
        arguments = _with_all_options(arguments)
    outputs = [path for path in (arguments.trace, arguments.record) if path]
    for path in outputs:
        check_output(path)
    if len(set(outputs)) < len(outputs):
        raise UsageError(f"--trace and --record are both {outputs[0]}: give each its own file")
    workload = Workload.of(arguments)
    if arguments.trace and arguments.trace.suffix == ".html":
        packages.check_charts()
    arguments.harts = workload.harts
    share_a_clock = arguments.icount and arguments.harts > 1
    with _traced(arguments) as ram:
        done = _run_in_kernel(workload, arguments, ram)
        if done is None:
            return TIMED_OUT
        text, built, load = done
        model = {} if share_a_clock else workload.model
        print(table(rows(text), model, workload.policy), end="")
        print(wakes_table(text), end="")
        for name, count in unbegun(text).items():
            say(f"{name}: {count} tasks arrived but had not begun at the end")
        if share_a_clock:
            say(_SHARED_CLOCK.format(arguments.harts))
        if (warning := load.warning()) and not arguments.icount:  # counted time does not depend on the host
            say(warning)
        if ram is not None:
            found = packages.module(".traced", __package__)
            found.report(ram, built, workload, text, arguments)
    return 0


@contextmanager
def _traced(arguments):
    """A descriptor for the machine's RAM, if the options need the trace in it: for the timeline, for the
    decisions or, with --icount, for the schedule hash. Otherwise None."""
    wanted = (arguments.trace, arguments.record, arguments.starving, arguments.icount)
    if not any(wanted):
        yield None
        return
    ram = memory_file("ram", b"")
    try:
        yield ram
    finally:
        os.close(ram)


def _run_in_kernel(
    workload: Workload, arguments, ram: int | None
) -> tuple[str, Build, HostLoad] | None:
    """Returns the program's output, the build and the host's load. None: the run exceeded --timeout."""
    with tempfile.TemporaryDirectory(prefix="cotrap-") as folder:
        file = Path(folder) / "workload.plan"
        file.write_text(workload.plan)
        arguments.add = [*arguments.add, file]
        fifo = [] if workload.policy in _SLICES_NS else ["-f"]  # no time slices but those of the policy
        arguments.program = Path(_PROGRAM)
        arguments.arguments = [*fifo, f"/{file.name}"]
        if ram is not None:
            arguments.append.append(f"trace={_events(arguments.harts)}")
        hardware, boot = machine(arguments, ram=ram), prepare(arguments, on_terminal=False)
        sink = Capture()
        with Guest(hardware, boot) as guest, Waiting("the workload is running"):
            try:
                with HostLoad.of(guest.pid) as load:
                    relay(guest, Silence(), sink, arguments.timeout)
            except TimedOut:
                say(f"{workload.path.stem} was still running after {arguments.timeout:g} s (--timeout)")
                return None
    text = sink.data.decode(errors="replace")
    if guest.trouble() or guest.marks.exit_code != 0 or not rows(text):
        why = guest.trouble() or f"status {guest.marks.exit_code}"
        raise ToolError(f"{workload.path.stem}: {why}\n{text}")
    return text, boot.build, load


def _events(harts: int) -> int:
    """The number of events to keep for each hart: 32 MiB in all, which fits into the default memory."""
    return (1 << 20) // harts


def _with_all_options(arguments):
    """Parses the command line again, with the words after the workload as options of the command. A workload
    takes no arguments of its own."""
    words = sys.argv[1 : -len(arguments.arguments) - 1] + arguments.arguments
    whole = arguments.parse([*words, str(arguments.program)])
    if whole.arguments or whole.program != arguments.program:
        raise UsageError(f"{arguments.program} is a workload, which takes no arguments: leave them out")
    return whole


def rows(text: str) -> dict[str, dict[str, int]]:
    """The results that the program printed, by class. Lines of the kernel's log are ignored."""
    found = {}
    for line in text.replace("\r", "").split("\n"):
        name, *numbers = line.split("\t")
        if len(numbers) == len(_COLUMNS) and all(number.isdigit() for number in numbers):
            found[name] = dict(zip(_COLUMNS, map(int, numbers), strict=True))
    return found


def unbegun(text: str) -> dict[str, int]:
    """By class, the number of tasks that had arrived but not begun at the end."""
    found = re.findall(r"^unbegun\t([^\t\n]+)\t(\d+)\r?$", text, re.MULTILINE)
    return {name: int(count) for name, count in found}


def wakes_table(text: str) -> str:
    """By class: the kernel's counts of work with a deadline, and a histogram of the times from the end of a
    sleep until the thread runs. Empty if the program printed neither."""
    counts = dict(_numbers("deadlines", text))
    wakes = dict(_numbers("wakes", text))
    heads = ["class", "deadlines", "missed", "wakes", "to run p50", "p99", "longest", *_LIMITS]
    lines = [heads]
    for name in dict.fromkeys([*rows(text), *counts, *wakes]):
        if name not in counts and name not in wakes:
            continue
        number, p50, p99, longest, *places = wakes.get(name, [0] * 10)
        times = [time(each) if number else _NONE for each in (p50, p99, longest)]
        shown = [str(each) if each else _NONE for each in places]
        lines.append([name, *map(str, counts.get(name, (_NONE, _NONE))), str(number), *times, *shown])
    return "\n" + aligned(lines, 1) if len(lines) > 1 else ""


def _numbers(kind: str, text: str) -> list[tuple[str, list[int]]]:
    """By class, the numbers of the program's lines of this kind."""
    found = re.findall(rf"^{kind}\t([^\t\n]+)((?:\t\d+)+)\r?$", text, re.MULTILINE)
    return [(name, list(map(int, numbers.split()))) for name, numbers in found]


def table(measured: dict, simulated: dict, policy: str) -> str:
    """A table of the kernel's and the simulator's results and their difference. If `simulated` is empty, only
    the kernel's results."""
    lines = [["class", f"under {policy}", *_COLUMNS[:3], "response mean", *_TIMES[1:]]]
    for name, kernel in measured.items():
        lines.append([name, "kernel", *_written(kernel)])
        if name not in simulated:
            continue
        model = simulated[name]
        lines.append([name, "simulator", *_written(model)])
        both = kernel["finished"] and model["finished"]
        differences = (
            _difference(kernel[key], model[key]) if both or key not in _TIMES else _NONE
            for key in _COLUMNS
        )
        lines.append([name, "they differ by", *differences])
    return aligned(lines, 2)


def _written(row: dict[str, int]) -> list[str]:
    times = [time(row[key]) if row["finished"] else _NONE for key in _TIMES]
    return [*(str(row[key]) for key in _COLUMNS[:3]), *times]


def _difference(kernel: int, model: int) -> str:
    return f"{(model - kernel) / kernel:+.1%}" if kernel else str(model)
