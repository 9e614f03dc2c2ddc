"""`./cotrap sim`: simulates a workload under policies and seeds, or puts together what was."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .. import build
from ..errors import ToolError, UsageError
from ..paths import ROOT, check_output, preset_folder, write_output
from ..ui import Waiting
from . import rows
from .page import page
from .table import tables

WORKLOADS = ROOT / "async" / "sim" / "workloads"
_SUFFIX = ".workload"
_ALL = "all"
_PRESET = "host-debug"
_TARGET = "cotrap_sim"


def run(arguments) -> int:
    if arguments.list:
        _list_workloads()
        return 0
    outputs = [path for path in (arguments.csv, arguments.html) if path]
    for path in outputs:
        check_output(path)
    if len(set(outputs)) < len(outputs):
        raise UsageError(f"--csv and --html are both {outputs[0]}")
    if arguments.merge:
        if arguments.workload:
            raise UsageError("--merge takes what was simulated: no WORKLOAD")
        found = [row for path in arguments.merge for row in rows.read(path)]
    else:
        simulator = _simulator(arguments)
        known = _policies(simulator)
        if arguments.list_policies:
            width = max(map(len, known))
            print("\n".join(f"{name.ljust(width)}  {summary}" for name, summary in known.items()))
            return 0
        found = _simulate(simulator, known, arguments)
    if not found:
        raise UsageError("there is nothing to report")
    _report(found, arguments)
    return 0


def _list_workloads() -> None:
    paths = sorted(WORKLOADS.glob(f"*{_SUFFIX}"))
    width = max(len(path.stem) for path in paths)
    for path in paths:
        print(f"{path.stem.ljust(width)}  {path.read_text().splitlines()[0].lstrip('# ')}")


def _simulator(arguments) -> Path:
    """The program, of the build that is asked for or brought up to date."""
    if arguments.policy_header:
        folder = _with_header(*arguments.policy_header)
    elif arguments.build:
        folder = Path(arguments.build)
    else:
        folder = build.make(_PRESET, _TARGET)
    program = folder / "async" / "sim" / "cotrap_sim"
    if not program.exists():
        raise UsageError(f"{program} is not there: is {folder} a build of the host's tests?")
    return program


def _with_header(header: Path, name: str) -> Path:
    """A build of its own, of the simulator alone."""
    folder = preset_folder("policy")
    configure = ["cmake", "--preset", _PRESET, "-B", folder]
    options = [f"-DCOTRAP_POLICY_HEADER={header}", f"-DCOTRAP_POLICY_CLASS={name}"]
    with Waiting(f"building the simulator with {header.name}"):
        for command in ([*configure, *options], ["ninja", "-C", folder, _TARGET]):
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, errors="replace"
            )
            if done.returncode != 0:
                raise ToolError(f"{header} does not build:\n{done.stdout}{done.stderr}")
    return folder


def _policies(simulator: Path) -> dict[str, str]:
    lines = _output([simulator, "policies"]).splitlines()
    return dict(line.split("\t") for line in lines)


def _output(command: list) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode == 2:
        raise UsageError(done.stderr.strip())
    if done.returncode != 0:
        raise ToolError(f"the simulator failed ({done.returncode}): {done.stderr.strip()}")
    return done.stdout


def _simulate(simulator: Path, known: dict[str, str], arguments) -> list[rows.Row]:
    if not arguments.workload:
        raise UsageError("sim WORKLOAD: which one? (--list names those that come along)")
    path = _workload(arguments.workload)
    names = list(known) if arguments.policy == _ALL else arguments.policy.split(",")
    for name in names:
        if name not in known:
            raise UsageError(f"--policy {name}: one of {', '.join(known)}, or {_ALL}")
    seeds = _shard(arguments.seeds, arguments.shard)
    common = [f"{key}={value}" for key, value in _options(arguments).items()]
    pieces = [
        [simulator, path, f"policy={name}", f"seeds={piece[0]}..{piece[-1]}", *common]
        for name in names
        for piece in _pieces(seeds)
    ]
    with Waiting("simulating"), ThreadPoolExecutor(os.cpu_count()) as pool:
        outputs = pool.map(_output, pieces)
        return [
            row
            for output in outputs
            for line in output.splitlines()
            for row in rows.of_run(path.stem, line)
        ]


def _workload(name: str) -> Path:
    if Path(name).is_file():
        return Path(name)
    path = WORKLOADS / f"{name}{_SUFFIX}"
    if not path.is_file():
        raise UsageError(f"{name}: neither a file nor a workload that comes along (--list)")
    return path


def _options(arguments) -> dict[str, int]:
    """For cotrap_sim: times in nanoseconds."""
    options = {"buckets": 1}
    if arguments.harts:
        options["harts"] = arguments.harts
    if arguments.slice:
        options["slice"] = round(arguments.slice * 1e6)
    if arguments.duration:
        options["duration"] = round(arguments.duration * 1e9)
    for cost in arguments.cost:
        name, value = cost
        options[name] = value
    return options


def _shard(seeds: range, shard: tuple[int, int] | None) -> range:
    """The I-th of N nearly equal pieces, from 1."""
    if shard is None:
        return seeds
    index, count = shard
    begin, end = (len(seeds) * place // count for place in (index - 1, index))
    if begin == end:
        raise UsageError(f"--shard {index}/{count}: there are only {len(seeds)} seeds")
    return seeds[begin:end]


def _pieces(seeds: range) -> list[range]:
    """One for every processor, if there are as many."""
    count = min(os.cpu_count() or 1, len(seeds))
    return [_shard(seeds, (index + 1, count)) for index in range(count)]


def _report(found: list[rows.Row], arguments) -> None:
    workloads = list(dict.fromkeys(row["workload"] for row in found))
    if len(workloads) > 1:
        raise UsageError(f"these are different workloads: {', '.join(workloads)}")
    print(tables(found), end="")
    if arguments.csv:
        rows.write(arguments.csv, found)
    if arguments.html:
        write_output(arguments.html, page(found, workloads[0]))
