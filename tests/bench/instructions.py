#!/usr/bin/env python3
"""Instructions each operation of the executor takes in user mode, by callgrind: the difference between
a run of 20,000 and one of 60,000 operations, so that start-up cancels out.

    tests/bench/instructions.py BUILD/tests/bench/bench_executor [--check] [NAME…]

Prints them beside the goals of the project; with --check a missed goal is exit status 1.
"""

import argparse
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
    "mutex": None,
    "preempt": None,
    "sleep": None,
}
SHORT, LONG = 20_000, 60_000


def instructions(program: str, name: str, count: int) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               program, "--run", name, str(count)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", result.stderr)
    if result.returncode != 0 or found is None:
        sys.exit(f"{name}: callgrind gave no count:\n{result.stderr}")
    return int(found.group(1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("names", nargs="*", default=list(GOALS), metavar="NAME")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a goal is missed")
    arguments = parser.parse_args()

    missed = False
    print(f"{'':<20}{'instructions':>14}{'goal':>8}")
    for name in arguments.names:
        if name not in GOALS:
            parser.error(f"no measurement is called {name}; there are {', '.join(GOALS)}")
        low = instructions(arguments.program, name, SHORT)
        high = instructions(arguments.program, name, LONG)
        each = (high - low) / (LONG - SHORT)
        goal = GOALS[name]
        missed = missed or (goal is not None and each > goal)
        print(f"{name:<20}{each:>14.1f}{'' if goal is None else f'<= {goal}':>8}", flush=True)
    return 1 if arguments.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
