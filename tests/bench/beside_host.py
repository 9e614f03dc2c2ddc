#!/usr/bin/env python3
"""Compares system calls of the hosted machine and of the host: nanoseconds, medians of interleaved rounds.

It measures `getppid`, and a byte that goes through a pipe and back. On the hosted machine the pipe
connects two processes on Cotrap's runtime (/bin/bench), or two threads of an ordinary Linux program. On
the host it connects two threads of the same Linux program.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "cmake" / "tools"))

from cotrap.bench.results import parse  # noqa: E402
from cotrap.console import Capture, relay  # noqa: E402
from cotrap.paths import Build  # noqa: E402
from cotrap.qemu import Boot, Guest, Machine, archive_with  # noqa: E402
from cotrap.sources import Silence  # noqa: E402

# The goals: the hosted machine takes at most this part of the host's time.
GOALS = {"syscall.null": 1, "ipc.pipe": 1 / 10}
HOSTED, LINUX_PROGRAM, HOST = "hosted machine", "… a Linux program", "host"


def boot(build: Build, program: str, *arguments: str) -> str:
    archive = archive_with(build)
    archive.add_program(build.folder / "linux-programs" / "host_calls", "host_calls")
    capture = Capture()
    with Guest(Machine(), Boot(build, archive.pack(), program=program, arguments=list(arguments))) as guest:
        relay(guest, Silence(), capture, 60)
        if guest.marks.exit_code != 0:
            sys.exit(f"{program}: {guest.trouble() or guest.marks.exit_code}")
    return capture.data.decode()


def medians(text: str) -> dict[str, float]:
    """The medians of the benchmarks, by their names."""
    return {
        name: statistics.median(value for value, times in sample for _ in range(times))
        for (name, _), sample in parse(text).items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "hosted-release")
    parser.add_argument("--rounds", type=int, default=9, metavar="N")
    options = parser.parse_args()
    build = Build(options.build, self_tests=True)
    program = options.build / "linux-programs" / "host_calls"
    rounds = {where: [] for where in (HOSTED, LINUX_PROGRAM, HOST)}
    for _ in range(options.rounds):
        rounds[HOSTED].append(medians(boot(build, "/bin/bench", *GOALS)))
        rounds[LINUX_PROGRAM].append(medians(boot(build, "/host_calls")))
        rounds[HOST].append(medians(subprocess.check_output([program], text=True)))
    print(f"{'ns':18}" + "".join(f"{name:>14}" for name in GOALS))
    found = {}
    for where, all_medians in rounds.items():
        found[where] = {name: statistics.median(each[name] for each in all_medians) for name in GOALS}
        print(f"{where:18}" + "".join(f"{found[where][name]:14.1f}" for name in GOALS))
    for name, goal in GOALS.items():
        part = found[HOSTED][name] / found[HOST][name]
        missed = "" if part <= goal else "  goal missed"
        print(f"{name}: 1/{1 / part:.1f} of the host's (at most 1/{1 / goal:g}){missed}")


if __name__ == "__main__":
    main()
