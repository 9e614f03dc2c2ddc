"""What `./cotrap sim` can be asked for."""

import argparse
import os
import re
from pathlib import Path

from .. import policy_header
from ..option_types import checked, duration, harts, path, positive
from .costs import NAMES, RECORDED

# That this process may run on: `taskset` and Slurm give it fewer than the host has.
PROCESSORS = len(os.sched_getaffinity(0))
# Of --explore, where nothing else is said.
BOUND, MOST = 4, 1_000_000
# Where they are left out; the parser says None, so that it is known (modes.py).
DEFAULTS = {"policy": "priority", "seeds": range(1, 2), "slice": 4.0, "jobs": PROCESSORS}
EXPLORING = ("bound", "pct", "jitter", "most", "schedule")


def add_sim(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "workload", nargs="?", metavar="WORKLOAD", help="a workload that comes along, or a file"
    )
    command.add_argument("--list", action="store_true", help="name the workloads, with a line each")
    command.add_argument(
        "--list-policies", action="store_true", help="name the policies, with a line each"
    )
    command.add_argument(
        "--policy",
        metavar="NAME[,NAME…]",
        help="the scheduling policies to compare; all: every one there is "
        f"({DEFAULTS['policy']})",
    )
    command.add_argument(
        "--policy-header",
        type=checked(policy_header.parse),
        metavar="FILE:CLASS",
        help="one more policy: the class of a header of yours",
    )
    command.add_argument(
        "--harts", type=harts, metavar="N", help="virtual harts, 1 to 8 (as the workload says)"
    )
    seeds = command.add_mutually_exclusive_group()
    seeds.add_argument(
        "--seed",
        dest="seeds",
        type=checked(_seeds),
        metavar="S",
        help="of all random numbers (1)",
    )
    seeds.add_argument(
        "--seeds",
        dest="seeds",
        type=checked(_seeds),
        metavar="A..B",
        help="one run for each; figures are means, with their confidence intervals",
    )
    command.add_argument(
        "--slice",
        type=duration("milliseconds"),
        metavar="MS",
        help=f"how long a turn is where the policy has turns ({DEFAULTS['slice']:g})",
    )
    command.add_argument(
        "--duration",
        type=duration("seconds"),
        metavar="S",
        help="virtual time, instead of what the workload says",
    )
    command.add_argument(
        "--costs",
        nargs="?",
        type=path,
        const=RECORDED,
        metavar="FILE",
        help="what scheduling costs in the kernel, from what `./cotrap bench --save` has written; "
        "without FILE, as the recorded instructions have it (nothing costs anything)",
    )
    command.add_argument(
        "--cost",
        type=checked(_cost),
        action="append",
        default=[],
        metavar="WHAT=NS",
        help="virtual time that it takes to run another job than before (change), any job "
        "(resume), one from another hart (migrate), and until an interrupt of another hart comes "
        "(ipi), instead of what --costs says (repeatable)",
    )
    command.add_argument(
        "--shard",
        type=checked(_shard),
        metavar="I/N",
        help="only the I-th of N pieces of the seeds: for a sweep over several machines",
    )
    command.add_argument(
        "-j",
        "--jobs",
        type=positive,
        metavar="N",
        help="simulate on N processors at once (as many as it may run on)",
    )
    command.add_argument(
        "--merge",
        nargs="+",
        type=path,
        metavar="CSV",
        help="simulate nothing, report what --csv has written",
    )
    command.add_argument(
        "--record",
        type=path,
        metavar="FILE",
        help="write every decision of one run to FILE, or of the schedule that --explore finds",
    )
    command.add_argument(
        "--replay",
        type=path,
        metavar="FILE",
        help="simulate what FILE records once more; status 1, and the first decision that "
        "differs, if it is not the same",
    )
    command.add_argument(
        "--debug",
        action="store_true",
        help="of --replay: in gdb, stopped at the first decision; `break decided if place == N`",
    )
    _add_exploring(command)
    for option, what in (
        ("--starving", "ready"),
        ("--stalled", "running while others are ready"),
    ):
        command.add_argument(
            option,
            type=duration("milliseconds"),
            metavar="MS",
            help=f"tell of the first task that is {what} for longer than that",
        )
    command.add_argument(
        "--csv", type=path, metavar="FILE", help="write every run's figures to FILE"
    )
    command.add_argument(
        "--html", type=path, metavar="FILE", help="write tables and distributions as a page to FILE"
    )
    command.add_argument(
        "--build", metavar="FOLDER", help="a build folder of the host's tests to take as it is"
    )


def _add_exploring(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--explore",
        action="store_true",
        help="try every schedule up to --bound until a detector finds something, tasks wait for "
        "ever or a deadline is missed: status 1, with the schedule; --policy priority keeps to "
        "priorities, fifo does not",
    )
    command.add_argument(
        "--bound",
        type=positive,
        metavar="N",
        help=f"of --explore: how many ready jobs and events may be passed over in all ({BOUND})",
    )
    command.add_argument(
        "--pct",
        type=positive,
        metavar="DEPTH",
        help="--explore at random instead, from --seed on: for bugs that need DEPTH things in one "
        "order; --seed with the seed that failed finds it at once",
    )
    command.add_argument(
        "--jitter",
        type=duration("milliseconds"),
        metavar="MS",
        help="of --explore: events no further apart than that may come in any order (0)",
    )
    command.add_argument(
        "--most",
        type=positive,
        metavar="N",
        help=f"of --explore: stop after so many schedules ({MOST})",
    )
    command.add_argument(
        "--schedule",
        metavar="SCHEDULE",
        help="--explore only that one, as it was printed, with the --seed that was",
    )


def _seeds(text: str) -> range:
    match = re.fullmatch(r"(\d{1,15})(?:\.\.(\d{1,15}))?", text)
    if not match:
        raise ValueError(f"'{text}' is neither a seed nor A..B")
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise ValueError(f"'{text}': the first is the lower one")
    return range(first, last + 1)


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"'{text}' is not I/N, from 1/N to N/N")
    return int(match[1]), int(match[2])


def _cost(text: str) -> tuple[str, int]:
    name, _, value = text.partition("=")
    if name not in NAMES:
        raise ValueError(f"'{text}' is not WHAT=NS, WHAT one of {', '.join(NAMES)}")
    if re.fullmatch(r"\d{1,12}", value):
        return name, int(value)
    return name, round(duration("nanoseconds")(value))
