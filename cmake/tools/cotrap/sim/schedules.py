"""Schedules of one workload: --record writes one, --replay repeats one, --explore tries many."""

from pathlib import Path

from .. import debugger
from ..errors import UsageError
from ..symbols import explain
from . import simulator
from .options import BOUND, MOST
from .simulator import options, output, recorded_name, recorded_workload, workload


def run(program: Path, arguments) -> int:
    """Runs --replay or --explore, and prints the simulator's output. Returns its exit status."""
    if arguments.replay:
        command = [program, "replay", arguments.replay]
        if found := recorded_workload(arguments.replay):
            command.append(f"workload={found}")
        if arguments.debug:
            return debugger.run_on_host(command, "set confirm off", "tbreak decided", "run")
    else:
        command = [program, *_first_run(arguments), f"explore={arguments.bound or BOUND}"]
        command += [f"most={arguments.most or MOST}", f"policy={_directed(arguments.policy)}"]
        if arguments.pct:
            command.append(f"random={arguments.pct}")
        if arguments.schedule is not None:
            command.append(f"schedule={arguments.schedule}")
        if arguments.record:
            command += _recording(arguments)
    done = simulator.run(command)
    print(explain(done.stdout.removesuffix("\n"), program))
    return done.returncode


def _directed(policy: str) -> str:
    """The simulator's name for the exploring variant of a policy."""
    known = {"priority": "directed-by-priority", "fifo": "directed"}
    if policy not in known:
        raise UsageError(f"--explore --policy {policy}: give one of {', '.join(known)}")
    return known[policy]


def record(program: Path, arguments) -> None:
    """Simulates the run again, and writes its recording. Raises UsageError if there are several runs."""
    if len(arguments.seeds) > 1 or "," in arguments.policy or arguments.policy == "all":
        raise UsageError("--record takes one run: give one --seed and one --policy")
    output([program, *_first_run(arguments), f"policy={arguments.policy}", *_recording(arguments)])


def _recording(arguments) -> list[str]:
    name = recorded_name(workload(arguments.workload), arguments.record)
    return [f"record={arguments.record}", f"as={name}"]


def _first_run(arguments) -> list:
    """The simulator's arguments for the run with the first seed. Raises UsageError without a workload."""
    if not arguments.workload:
        raise UsageError("give a WORKLOAD (`./cotrap sim --list` lists those of Cotrap)")
    settings = [f"{key}={value}" for key, value in options(arguments).items()]
    return [workload(arguments.workload), f"seeds={arguments.seeds[0]}", *settings]
