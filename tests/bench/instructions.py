#!/usr/bin/env python3
"""Counts the instructions of each operation of the executor in user mode with callgrind. It takes the
difference between a run of 20,000 and one of 60,000 operations, so that the start of the program cancels out.

    tests/bench/instructions.py BUILD/tests/bench/bench_executor [--check] [NAME…]
    tests/bench/instructions.py BUILD/tests/bench/bench_policies --policies [--check] [NAME…]

It prints them beside the project's goals. With --check it exits with 1 if an operation exceeds its limit.
With --policies it counts a scheduling decision under each policy, for several numbers of ready jobs; with
--check only under policies with a limit.
"""

import argparse
import math
import re
import subprocess
import sys

GOALS = {
    "schedule": 45,
    "schedule-10000": 45,
    "spawn-join": 120,
    "spawn-join-64": 120,
    "await-elided": 30,
    "await-pooled": 50,
    "event": 110,
    "channel": 110,
}
LIMITS = {
    "schedule": 32,
    "schedule-10000": 44,
    "spawn-join": 120,
    "spawn-join-64": 103,
    "await-elided": 28,
    "await-pooled": 50,
    "event": 110,
    "channel": 268,
    "mutex": 27,
    "mutex-1000": 600,
    "mutex-held-1000": 410,
    "mutex-edf": 2_100,
    "preempt": 15,
    "sleep": 248,
}
SHORT, LONG = 20_000, 60_000
READY = (10, 1_000, 100_000)
POLICY_LIMITS = {"priority": 46, "fifo": 65, "steal-fifo": 65, "steal-lifo": 65}


def instructions(program: str, name: str, *numbers: int) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               program, "--run", name, *map(str, numbers)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", result.stderr)
    if result.returncode != 0 or found is None:
        sys.exit(f"{name}: callgrind gave no count:\n{result.stderr}")
    return int(found.group(1))


def policies(program: str, names: list[str]) -> bool:
    """Returns true if a policy exceeds its limit. Each job has run once before the count starts, because
    some policies sort all new jobs at once."""
    beyond = False
    print(f"{'instructions of':<16}" + "".join(f"{ready:>10,} ready" for ready in READY))
    for name in names:
        each = []
        for ready in READY:
            low, high = (instructions(program, name, ready, ready + count)
                         for count in (SHORT, LONG))
            each.append((high - low) / (LONG - SHORT))
        beyond = beyond or max(each) > POLICY_LIMITS.get(name, math.inf)
        print(f"{name:<16}" + "".join(f"{one:>16.0f}" for one in each), flush=True)
    return beyond


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a limit is exceeded")
    parser.add_argument("--policies", action="store_true", help="PROGRAM is bench_policies")
    arguments = parser.parse_intermixed_args()  # options between NAMEs, too
    if arguments.policies:
        listed = subprocess.run([arguments.program, "--list"], capture_output=True, text=True,
                                check=True)
        every = POLICY_LIMITS if arguments.check else listed.stdout.split()
        beyond = policies(arguments.program, arguments.names or list(every))
        return 1 if arguments.check and beyond else 0

    beyond = False
    print(f"{'':<20}{'instructions':>14}{'goal':>8}{'limit':>8}")
    for name in arguments.names or LIMITS:
        if name not in LIMITS:
            parser.error(f"unknown measurement {name}; known: {', '.join(LIMITS)}")
        low = instructions(arguments.program, name, SHORT)
        high = instructions(arguments.program, name, LONG)
        each = (high - low) / (LONG - SHORT)
        beyond = beyond or each > LIMITS[name]
        goal = f"{GOALS[name]}" if name in GOALS else ""
        print(f"{name:<20}{each:>14.1f}{goal:>8}{LIMITS[name]:>8}", flush=True)
    return 1 if arguments.check and beyond else 0


if __name__ == "__main__":
    sys.exit(main())
