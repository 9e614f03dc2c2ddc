"""Runs the simulator, the C++ program cotrap_sim: its path, its options and its output."""

import hashlib
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterable
from itertools import takewhile
from pathlib import Path

from .. import build, policy_header
from ..errors import ToolError, UsageError
from ..paths import ROOT, preset_folder
from ..suggestions import did_you_mean
from . import costs, parallel

WORKLOADS = ROOT / "async" / "sim" / "workloads"
_SUFFIX = ".workload"
PRESET = "host-debug"
TARGET = "cotrap_sim"
_PROGRAM = Path("async") / "sim" / TARGET  # in a build folder


def workloads() -> list[str]:
    """The names of Cotrap's workloads."""
    return sorted(path.stem for path in WORKLOADS.glob(f"*{_SUFFIX}"))


def is_workload(program: Path | None) -> bool:
    """Whether FILE is a workload: a file `*.workload`, or the name of a workload of Cotrap."""
    if program is None:
        return False
    # os.path: this function returns False for a name that is too long; Path's would raise.
    return program.suffix == _SUFFIX or (
        len(program.parts) == 1 and os.path.isfile(WORKLOADS / f"{program}{_SUFFIX}")
    )


def list_workloads() -> None:
    names = workloads()
    width = max(map(len, names))
    for name in names:
        text = (WORKLOADS / f"{name}{_SUFFIX}").read_text()
        print(f"{name.ljust(width)}  {text.splitlines()[0].lstrip('# ')}")


def program_of(arguments) -> Path:
    """The path of the simulator, in the folder of --build, or in a build that is brought up to date."""
    if arguments.policy_header:
        folder = policy_header.build(arguments.policy_header, PRESET, TARGET)
    elif arguments.build:
        folder = Path(arguments.build)
    else:
        folder = build.make(PRESET, TARGET)
    program = folder / _PROGRAM
    if not program.exists():
        raise UsageError(f"{program} does not exist: is {folder} a build of the preset {PRESET}?")
    return program


def program_for_kernel(arguments) -> Path:
    """The path of the simulator, for a command that also runs the kernel, to which --build refers. If --build
    is a folder, nothing is built: an existing simulator is used unchanged. Otherwise the simulator is brought
    up to date."""
    if arguments.policy_header:
        return policy_header.build(arguments.policy_header, PRESET, TARGET) / _PROGRAM
    program = preset_folder(PRESET) / _PROGRAM
    is_folder = arguments.build is not None and arguments.build not in build.KERNEL_PRESETS
    return program if is_folder and program.exists() else build.make(PRESET, TARGET) / _PROGRAM


def run(command: list) -> subprocess.CompletedProcess:
    """Runs the simulator. Raises UsageError or ToolError if its status is neither 0 nor 1."""
    return parallel.run([command], 1, _check)[0]


def _check(command: list, done: subprocess.CompletedProcess) -> None:
    if done.returncode == 2:
        raise UsageError(done.stderr.strip())
    if done.returncode < 0:
        raise ToolError(_ended_by_signal(command, done))
    if done.returncode not in (0, 1):
        raise ToolError(f"the simulator failed (status {done.returncode}): {done.stderr.strip()}")


def output(command: list) -> str:
    return run(command).stdout


def outputs(commands: Iterable[list], jobs: int) -> list[str]:
    """The output of each command, in the commands' order. jobs: how many run in parallel."""
    return [done.stdout for done in parallel.run(commands, jobs, _check)]


def outcomes(outputs: Iterable[str], runs: int) -> list[str]:
    """The output lines of so many runs, one for each run. Raises ToolError if there are fewer."""
    found = [line for output in outputs for line in lines(output)]
    if len(found) < runs:
        raise ToolError(
            f"the simulator ended early, with status 0, after {len(found)} of {runs} runs: does a policy "
            "call exit()?"
        )
    return found


def lines(text: str) -> list[str]:
    """The complete lines. str.splitlines() would also split at other characters, which names may contain."""
    return text.split("\n")[:-1]


def _ended_by_signal(command: list, done: subprocess.CompletedProcess) -> str:
    """A message for a simulator that a signal killed, with the command that repeats it. The simulator writes
    a line for each finished seed, so the number of lines gives the seed that failed."""
    name = signal.Signals(-done.returncode).name
    words = list(map(str, command))
    seed = ""
    for place, word in enumerate(words):
        if word.startswith("seeds="):
            first = word.removeprefix("seeds=").partition("..")[0]
            seed = str(int(first) + done.stdout.count("\n"))
            words[place] = f"seeds={seed}"
    header = _header_of(Path(words[0]))
    culprit = f"the policy of {header}, or the simulator," if header else "the simulator"
    lines = [f"{culprit} was killed by {name}"]
    lines[0] += f", with seed {seed}" if seed else ""
    if name == "SIGKILL":
        lines.append("the host may be out of memory: try a shorter --duration, or fewer tasks")
    if name == "SIGXCPU":
        lines.append("it computed for ten seconds between two events: is there an endless loop?")
    lines += filter(None, [done.stderr.strip()])
    return "\n".join([*lines, f"to debug it: gdb --args {shlex.join(words)}"])


def _header_of(program: Path) -> str:
    """The --policy-header with which the simulator was built; empty if there was none."""
    cache = program.parents[2] / "CMakeCache.txt"
    text = cache.read_text(errors="replace") if cache.is_file() else ""
    found = re.search(r"^COTRAP_POLICY_HEADER:\w+=(.+)$", text, re.MULTILINE)
    return found[1] if found else ""


def workload(name: str) -> Path:
    """The file of a workload. name: a file, or a workload of Cotrap. Raises UsageError."""
    if Path(name).is_file():
        return Path(name)
    if Path(name).is_dir():
        raise UsageError(f"{name} is a folder: give the file of a workload, or the name of one of Cotrap")
    path = WORKLOADS / f"{name}{_SUFFIX}"
    if not path.is_file():
        hint = did_you_mean(name, workloads())
        raise UsageError(f"{name}: no such file or workload{hint} (`./cotrap sim --list` lists workloads)")
    return path


def fingerprint(path: Path) -> str:
    """A hash of the workload's file and of the files of arrivals that it names."""
    whole = hashlib.sha256(text := path.read_bytes())
    for name in re.findall(rb"^[ \t]*arrive[ \t]+trace[ \t]+([^\s#]+)", text, re.MULTILINE):
        whole.update((path.parent / os.fsdecode(name)).read_bytes())
    return whole.hexdigest()[:16]


def recorded_name(path: Path, recording: Path) -> str:
    """The name of a workload in a recording. Cotrap's workloads have their plain name, others their path
    relative to the recording's folder."""
    path = path.resolve()
    if path == WORKLOADS / f"{path.stem}{_SUFFIX}":
        return path.stem
    way = os.path.relpath(path, recording.parent.resolve())
    return way if os.sep in way else os.path.join(os.curdir, way)


def recorded_workload(recording: Path) -> Path | None:
    """The file of the workload that a recording names. None: the file is no regular file, is not readable,
    or is no recording; the simulator then reports why. Raises UsageError if the recording names no workload."""
    if not recording.is_file():
        return None  # a pipe or a device might have no end
    try:
        with open(recording, errors="replace", newline="\n") as file:
            if not file.readline().startswith("cotrap-schedule "):
                return None
            head = takewhile(lambda line: line != "decisions\n", file)
            names = [line[:-1].partition("=")[2] for line in head if line.startswith("workload=")]
    except OSError:
        return None
    if not names or not names[0]:
        raise UsageError(f"{recording}: it names no workload: the line workload=NAME is missing")
    name = names[0]
    return recording.parent / name if os.sep in name else WORKLOADS / f"{name}{_SUFFIX}"


def options(arguments) -> dict[str, int | str]:
    """The options for cotrap_sim. Times are in nanoseconds."""
    options: dict[str, int | str] = {"buckets": 1}
    if arguments.harts:
        options["harts"] = arguments.harts
    for name in ("slice", "jitter", "starving", "stalled"):
        if milliseconds := getattr(arguments, name):
            options[name] = round(milliseconds * 1e6)
    if arguments.faults:
        options["faults"] = arguments.faults
    if arguments.duration:
        options["duration"] = round(arguments.duration * 1e9)
    if arguments.costs:
        options |= costs.read(arguments.costs)
    return options | dict(arguments.cost)
