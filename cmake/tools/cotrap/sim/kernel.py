"""`./cotrap run WORKLOAD`: the kernel does what a workload says, beside what the simulator says of
the same arrivals and the same lengths."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from .. import bootargs, build
from ..console import Capture, TimedOut, relay
from ..errors import TIMED_OUT, ToolError, UsageError
from ..qemu import Guest
from ..sources import Silence
from ..ui import Waiting, say
from . import costs, simulator
from .table import aligned, time

_PROGRAM = "workload"  # of user/programs
_SLICE_NS = 10_000_000  # Schedule::slice() of the kernel, for those of one priority
_COLUMNS = ("arrived", "finished", "missed", "mean", "p50", "p99", "longest")
_TIMES = _COLUMNS[3:]
_TOLD_MORE = ("edf", "eevdf", "stride", "lottery")  # in the simulator


def is_workload(program: Path | None) -> bool:
    """A file by its name, or one that comes along."""
    if program is None:
        return False
    # os.path: unlike Path's, it takes a name that is too long for one that is not there.
    return program.suffix == ".workload" or (
        len(program.parts) == 1 and os.path.isfile(simulator.WORKLOADS / f"{program}.workload")
    )


def run(arguments) -> int:
    from .. import run as runs  # which asks whether it is a workload

    path = simulator.workload(str(arguments.program))
    if arguments.arguments:
        raise UsageError(f"{arguments.program} is a workload, which takes no arguments")
    program = build.make(simulator.PRESET, simulator.TARGET) / "async" / "sim" / "cotrap_sim"
    plan = simulator.output([program, path, "plan=1", "seeds=1"])
    with tempfile.TemporaryDirectory(prefix="cotrap-") as folder:
        file = Path(folder) / "workload.plan"
        file.write_text(plan)
        arguments.add = [*arguments.add, file]
        arguments.program, arguments.arguments = Path(_PROGRAM), [f"/{file.name}"]
        machine, boot = runs.machine(arguments), runs.prepare(arguments, False)
        sink = Capture()
        with Guest(machine, boot) as guest, Waiting("the kernel does it"):
            try:
                relay(guest, Silence(), sink, arguments.timeout)
            except TimedOut:
                say(f"{path.stem} was not over after {arguments.timeout:g} s")
                return TIMED_OUT
    measured = rows(sink.data.decode(errors="replace"))
    if guest.trouble() or guest.marks.exit_code != 0 or not measured:
        why = guest.trouble() or f"status {guest.marks.exit_code}"
        raise ToolError(f"{path.stem}: {why}\n{sink.data.decode(errors='replace')}")
    policy = bootargs.policy(arguments.append)
    print(table(measured, _simulated(program, path, policy, arguments.harts), policy), end="")
    if policy in _TOLD_MORE:
        say(f"{policy}: the kernel is told priorities, not deadlines, reservations or weights")
    return 0


def rows(text: str) -> dict[str, dict[str, int]]:
    """By class, what the program prints; what the kernel says beside it is passed over."""
    found = {}
    for line in text.replace("\r", "").splitlines():
        name, *numbers = line.split("\t")
        if len(numbers) == len(_COLUMNS) and all(number.isdigit() for number in numbers):
            found[name] = dict(zip(_COLUMNS, map(int, numbers), strict=True))
    return found


def _simulated(program: Path, path: Path, policy: str, harts: int) -> dict[str, dict[str, int]]:
    told = [f"{key}={value}" for key, value in costs.read(costs.RECORDED).items()]
    words = [f"policy={policy}", f"harts={harts}", "seeds=1", f"slice={_SLICE_NS}", *told]
    done = subprocess.run([program, path, *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise UsageError(done.stderr.strip())
    return {
        each["name"]: {
            **{key: each[key] for key in _COLUMNS[:3]},
            **{key: round(each["response"][key]) for key in _TIMES[:-1]},
            "longest": each["response"]["max"],
        }
        for each in json.loads(done.stdout)["classes"]
    }


def table(measured: dict, simulated: dict, policy: str) -> str:
    lines = [["class", f"under {policy}", *_COLUMNS[:3], "response mean", *_TIMES[1:]]]
    for name, kernel in measured.items():
        model = simulated[name]
        for who, row in (("kernel", kernel), ("simulator", model)):
            written = [time(row[key]) if key in _TIMES else str(row[key]) for key in _COLUMNS]
            lines.append([name, who, *written])
        differences = (_difference(kernel[key], model[key]) for key in _COLUMNS)
        lines.append([name, "they differ by", *differences])
    return aligned(lines, 2)


def _difference(kernel: int, model: int) -> str:
    return f"{(model - kernel) / kernel:+.1%}" if kernel else str(model)
