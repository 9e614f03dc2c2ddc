"""The options of `./cotrap sim`."""

import argparse
import os
import re

from .. import faults, policy_header
from ..option_types import checked, duration, path, positive, simulated_harts
from .costs import NAMES, RECORDED

# The processors that this process may use. `taskset` and Slurm can restrict it to a part of the host's.
PROCESSORS = len(os.sched_getaffinity(0))
# Defaults of --bound and --most.
BOUND, MOST = 4, 1_000_000
# Defaults of other options. The parser stores None instead, so that modes.py knows which ones were given.
DEFAULTS = {"policy": "priority", "seeds": range(1, 2), "slice": 4.0, "jobs": PROCESSORS}
EXPLORING = ("bound", "pct", "jitter", "most", "schedule")


def add_sim(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "workload", nargs="?", metavar="WORKLOAD", help="a workload of Cotrap (--list), or a file"
    )
    command.add_argument(
        "--list", action="store_true", help="list the workloads of Cotrap with their descriptions"
    )
    command.add_argument(
        "--list-policies", action="store_true", help="list the scheduling policies with their descriptions"
    )
    command.add_argument(
        "--policy",
        metavar="NAME[,NAME…]",
        help="the scheduling policies to compare, or `all`; --explore takes priority or fifo "
        f"({DEFAULTS['policy']})",
    )
    command.add_argument(
        "--policy-header",
        type=checked(policy_header.parse),
        metavar="FILE:CLASS",
        help="build the simulator with a scheduling policy of yours, a class in a C++ header; select it "
        "with --policy",
    )
    command.add_argument(
        "--harts",
        type=simulated_harts,
        metavar="N",
        help="the number of simulated harts, 1 to 1024 (the workload's number)",
    )
    seeds = command.add_mutually_exclusive_group()
    seeds.add_argument(
        "--seed",
        dest="seeds",
        type=checked(_seeds),
        metavar="S",
        help="the seed of all random numbers (1)",
    )
    seeds.add_argument(
        "--seeds",
        dest="seeds",
        type=checked(_seeds),
        metavar="A..B",
        help="one run for each seed from A to B; results are means with confidence intervals",
    )
    command.add_argument(
        "--slice",
        type=duration("milliseconds"),
        metavar="MS",
        help=f"the length of a time slice, for policies that have time slices ({DEFAULTS['slice']:g})",
    )
    command.add_argument(
        "--duration",
        type=duration("seconds"),
        metavar="S",
        help="the virtual time to simulate (the workload's duration)",
    )
    command.add_argument(
        "--costs",
        nargs="?",
        type=path,
        const=RECORDED,
        metavar="FILE",
        help="add the costs of scheduling in the kernel, from FILE, which `./cotrap bench --save` has "
        "written; without FILE, from the recorded instruction counts (no costs)",
    )
    command.add_argument(
        "--cost",
        type=checked(_cost),
        action="append",
        default=[],
        metavar="WHAT=NS",
        help="one cost in nanoseconds of virtual time, which overrides --costs (repeatable). WHAT is resume, "
        "change, migrate or ipi. resume: to run a job. change: added if it is another job than before. "
        "migrate: added if it comes from another hart. ipi: until an interrupt from another hart arrives",
    )
    command.add_argument(
        "--shard",
        type=checked(_shard),
        metavar="I/N",
        help="simulate only part I of N of the seeds, to divide a sweep among machines (1/1)",
    )
    command.add_argument(
        "-j",
        "--jobs",
        type=positive,
        metavar="N",
        help="run up to N simulations in parallel (the number of processors that the command may use)",
    )
    command.add_argument(
        "--merge",
        nargs="+",
        type=path,
        metavar="CSV",
        help="simulate nothing, but report the runs in these files, which --csv has written",
    )
    command.add_argument(
        "--record",
        type=path,
        metavar="FILE",
        help="write every scheduling decision to FILE, of one run with one seed and one policy, or of the "
        "schedule that --explore finds",
    )
    command.add_argument(
        "--replay",
        type=path,
        metavar="FILE",
        help="simulate the recorded run in FILE again; if a decision differs, print the first one and end "
        "with status 1",
    )
    command.add_argument(
        "--debug",
        action="store_true",
        help="with --replay: run it in gdb, which stops at the first decision; `break decided if place == N` "
        "stops at decision N",
    )
    _add_exploring(command)
    for option, what in (
        ("--starving", "was ready for more than MS milliseconds without running"),
        ("--stalled", "ran for more than MS milliseconds while others were ready"),
    ):
        command.add_argument(
            option,
            type=duration("milliseconds"),
            metavar="MS",
            help=f"report the first task that {what}, with status 1",
        )
    command.add_argument(
        "--faults",
        type=checked(faults.parse_simulated),
        metavar="SEED:RATE:KINDS",
        help=f"inject faults: {faults.description(faults.SIMULATED)}. Each run adds its seed to SEED",
    )
    command.add_argument(
        "--csv", type=path, metavar="FILE", help="write the results of every run to FILE, for --merge"
    )
    command.add_argument(
        "--html", type=path, metavar="FILE", help="write tables and distributions to FILE as a page"
    )
    command.add_argument(
        "--build",
        metavar="FOLDER",
        help="use the simulator in this build folder of the unit tests, unchanged (the preset host-debug, "
        "which is built first)",
    )


def _add_exploring(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--explore",
        action="store_true",
        help="try one schedule after another, up to --bound, until one fails. Then print it, and end with "
        "status 1. A schedule fails if a detector finds an error, or a task waits for ever or misses its "
        "deadline. --policy priority tries only schedules that respect priorities, fifo all",
    )
    command.add_argument(
        "--bound",
        type=positive,
        metavar="N",
        help="with --explore: try schedules that pass over at most N ready jobs and events in all; not "
        f"with --pct ({BOUND})",
    )
    command.add_argument(
        "--pct",
        type=positive,
        metavar="DEPTH",
        help="with --explore: try random schedules, with seeds from --seed on, instead of all up to "
        "--bound. This finds bugs that need DEPTH events in one order. To repeat a failure, give --seed "
        "the seed that failed",
    )
    command.add_argument(
        "--jitter",
        type=duration("milliseconds"),
        metavar="MS",
        help="with --explore: also try other orders of events that are at most MS milliseconds apart (0)",
    )
    command.add_argument(
        "--most",
        type=positive,
        metavar="N",
        help=f"with --explore: stop after N schedules ({MOST})",
    )
    command.add_argument(
        "--schedule",
        metavar="SCHEDULE",
        help="with --explore: try only this schedule, as an earlier --explore printed it, with the same "
        "--seed",
    )


def _seeds(text: str) -> range:
    match = re.fullmatch(r"(\d{1,15})(?:\.\.(\d{1,15}))?", text)
    if not match:
        raise ValueError(f"'{text}' is neither a seed nor A..B")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise ValueError(f"'{text}': put the lower seed first")
    return range(first, last + 1)


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"'{text}' is not I/N, from 1/N to N/N")
    return int(match[1]), int(match[2])


def _cost(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    if name not in NAMES:
        raise ValueError(f"'{text}' is not WHAT=NS, where WHAT is one of {', '.join(NAMES)}")
    if re.fullmatch(r"\d{1,12}", value):
        return name, int(value)
    return name, round(duration("nanoseconds")(value))
