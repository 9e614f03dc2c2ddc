"""`./cotrap run WORKLOAD`: the kernel does what a workload says, beside what the simulator says of
the same arrivals and the same lengths."""

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
from ..paths import Build, check_output
from ..qemu import Guest, memory_file
from ..sources import Silence
from ..ui import Waiting, say
from . import costs, simulator
from .host_load import HostLoad
from .rows import unheeded
from .table import aligned, time

_PROGRAM = "workload"  # of user/programs
# Schedule::slice() of the kernel, for those of one priority; a policy has its own.
_SLICES_NS = {policies.DEFAULT: 10_000_000}
_COLUMNS = ("arrived", "finished", "missed", "mean", "p50", "p99", "longest")
_TIMES = _COLUMNS[3:]
_NONE = "–"  # of nothing
_SHARED_CLOCK = (
    "{} harts take turns on one clock of instructions with --icount, so their times are not the "
    "simulator's: to compare, --harts 1, or no --icount"
)


@dataclass(frozen=True)
class Workload:
    """told: what the simulator is told of the run, but for the policy. model: what it says of it,
    by class."""

    path: Path
    policy: str
    plan: str
    told: dict[str, int]
    model: dict[str, dict[str, int]]

    @classmethod
    def of(cls, arguments) -> "Workload":
        path = simulator.workload(str(arguments.program))
        program = simulator.program_beside(arguments)
        policy = bootargs.policy(arguments.append)
        told = {"seeds": 1, **costs.read(costs.RECORDED)}
        if arguments.harts:  # or as many as the workload says
            told["harts"] = arguments.harts
        if policy in _SLICES_NS:
            told["slice"] = _SLICES_NS[policy]
        command = [program, path, f"policy={policy}"]
        [answer] = simulator.outcomes([simulator.output([*command, *_words(told)])], 1)
        if warning := unheeded([answer]):
            say(warning)
        told["harts"] = json.loads(answer)["harts"]
        plan = simulator.output([*command, "plan=1", *_words(told)])
        return cls(path, policy, plan, told, _by_class(answer))

    @property
    def harts(self) -> int:
        return self.told["harts"]


def _words(told: dict[str, int]) -> list[str]:
    return [f"{key}={value}" for key, value in told.items()]


def _by_class(answer: str) -> dict[str, dict[str, int]]:
    return {
        each["name"]: {
            **{key: each[key] for key in _COLUMNS[:3]},
            **{key: round(each["response"].get(key, 0)) for key in _TIMES[:-1]},
            "longest": each["response"].get("max", 0),
        }
        for each in json.loads(answer)["classes"]
    }


def is_workload(program: Path | None) -> bool:
    """A file by its name, or one that comes along."""
    if program is None:
        return False
    # os.path: unlike Path's, it takes a name that is too long for one that is not there.
    return program.suffix == ".workload" or (
        len(program.parts) == 1 and os.path.isfile(simulator.WORKLOADS / f"{program}.workload")
    )


def run(arguments) -> int:
    if arguments.arguments:
        arguments = _with_all_options(arguments)
    outputs = [path for path in (arguments.trace, arguments.record) if path]
    for path in outputs:
        check_output(path)
    if len(set(outputs)) < len(outputs):
        raise UsageError(f"--trace and --record are both {outputs[0]}")
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
        for name, count in unbegun(text).items():
            say(f"{name}: {count} have arrived and had not begun at the end")
        if share_a_clock:
            say(_SHARED_CLOCK.format(arguments.harts))
        if (warning := load.warning()) and not arguments.icount:  # counted, its time is its own
            say(warning)
        if ram is not None:
            found = packages.module(".traced", __package__)
            found.report(ram, built, workload, text, arguments)
    return 0


@contextmanager
def _traced(arguments):
    """RAM to be looked at afterwards, where there is anything to be seen in it that is wanted: the
    timeline, the decisions, or, where runs repeat, their hash. None: there is not."""
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
    """What the program prints; None: it has taken too long."""
    from .. import run as runs  # which asks whether it is a workload

    with tempfile.TemporaryDirectory(prefix="cotrap-") as folder:
        file = Path(folder) / "workload.plan"
        file.write_text(workload.plan)
        arguments.add = [*arguments.add, file]
        own_turns = [] if workload.policy in _SLICES_NS else ["-f"]  # none but the policy's
        arguments.program = Path(_PROGRAM)
        arguments.arguments = [*own_turns, f"/{file.name}"]
        if ram is not None:
            arguments.append.append(f"trace={_events(arguments.harts)}")
        machine, boot = runs.machine(arguments, ram=ram), runs.prepare(arguments, False)
        sink = Capture()
        with Guest(machine, boot) as guest, Waiting("the kernel does it"):
            try:
                with HostLoad.of(guest.pid) as load:
                    relay(guest, Silence(), sink, arguments.timeout)
            except TimedOut:
                say(f"{workload.path.stem} was not over after {arguments.timeout:g} s")
                return None
    text = sink.data.decode(errors="replace")
    if guest.trouble() or guest.marks.exit_code != 0 or not rows(text):
        why = guest.trouble() or f"status {guest.marks.exit_code}"
        raise ToolError(f"{workload.path.stem}: {why}\n{text}")
    return text, boot.build, load


def _events(harts: int) -> int:
    """As many of each hart as there is room for in the usual memory, of 32 bytes each."""
    return (1 << 20) // harts


def _with_all_options(arguments):
    """A workload takes no arguments: what comes after it are the command's own options."""
    from .. import options

    words = sys.argv[1 : -len(arguments.arguments) - 1] + arguments.arguments
    whole = options.parser().parse_args([*words, str(arguments.program)])
    if whole.arguments or whole.program != arguments.program:
        raise UsageError(f"{arguments.program} is a workload, which takes no arguments")
    return whole


def rows(text: str) -> dict[str, dict[str, int]]:
    """By class, what the program prints; what the kernel says beside it is passed over."""
    found = {}
    for line in text.replace("\r", "").split("\n"):
        name, *numbers = line.split("\t")
        if len(numbers) == len(_COLUMNS) and all(number.isdigit() for number in numbers):
            found[name] = dict(zip(_COLUMNS, map(int, numbers), strict=True))
    return found


def unbegun(text: str) -> dict[str, int]:
    """By class, how many of those that have arrived no thread had begun with."""
    found = re.findall(r"^unbegun\t([^\t\n]+)\t(\d+)\r?$", text, re.MULTILINE)
    return {name: int(count) for name, count in found}


def table(measured: dict, simulated: dict, policy: str) -> str:
    """With nothing simulated, the kernel's figures alone."""
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
