"""Programs run on the hosted machine under valgrind, and the profile names functions of the kernel.

The test tries the cases in which valgrind differs from a processor (trap/emulated.h): code that
crosses pages, a stack that grows by calls, registers and vectors across page faults and timers,
threads and processes on several harts.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import harness

_TIMEOUT = 150


def run(test: harness.Test, profile: Path, *words, harts: int = 1, **more):
    command = [harness.ROOT / "cotrap", "run", "--machine", "hosted", "--build", test.folder]
    command += ["--quiet", "--timeout", str(_TIMEOUT), "--harts", str(harts)]
    return subprocess.run(
        [*command, "--callgrind", profile, *words], capture_output=True, text=True, **more
    )


def instructions(profile: Path) -> dict[str, int]:
    """The number of instructions of each function, by its name. callgrind's manual describes the format."""
    if not profile.exists():
        return {}
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    function = ""
    calls = False
    for line in profile.read_text().splitlines():
        if found := re.match(r"c?fn=(\(\d+\)) ?(.*)", line):
            number, name = found.groups()
            names.setdefault(number, name)
            if not line.startswith("c"):
                function = names[number]
        elif line.startswith("calls="):
            calls = True  # the next line has the cost of the called function
        elif found := re.match(r"[+\-*\d]\S* (\d+)$", line):
            if not calls:
                counts[function] = counts.get(function, 0) + int(found[1])
            calls = False
    return counts


def names(test: harness.Test, profile: Path) -> None:
    done = run(test, profile, test.folder / "user" / "bin" / "hello", "there")
    test.check("argument 1: there" in done.stdout and done.returncode == 0, "hello runs", str(done))
    counts = instructions(profile)
    for name in ("kernel_main", "kernel::run_thread", "kernel::sys::uname", "hal::fill_translation"):
        there = [at for at in counts if name in at and counts[at] > 0]
        test.check(bool(there), f"  … the profile has {name}", "\n".join(sorted(counts)))


def programs(test: harness.Test, profile: Path) -> None:
    sh = test.folder / "user" / "bin" / "sh"
    runtime = test.folder / "test-programs" / "runtime"
    for harts in (1, 4):
        done = run(test, profile, sh, "-c", "seq 1 100 | grep 7 | wc", harts=harts)
        counted = done.stdout.split() == ["19", "19", "56"]
        test.check(counted, f"a pipeline runs, {harts} harts", str(done))
        done = run(test, profile, runtime, harts=harts)
        test.check(done.returncode == 0, f"every part of the runtime passes, {harts} harts", str(done))
    done = run(test, profile, test.folder / "user" / "bin" / "storm")
    test.check(done.returncode == 0, "a program with many threads runs", str(done))


def ends(test: harness.Test, profile: Path) -> None:
    done = run(test, profile, test.folder / "user" / "bin" / "sh", "-c", "exit 7")
    test.check(done.returncode == 7, "the command exits with the program's status", str(done))
    test.check(bool(instructions(profile)), "  … and writes a profile", str(done))


with harness.Test(__doc__, all_everyday=True) as test:
    if not test.build.is_hosted or shutil.which("valgrind") is None:
        print("skipped: needs the hosted machine and valgrind")
        sys.exit(harness.SKIPPED)
    with tempfile.TemporaryDirectory() as place:
        names(test, Path(place) / "100 % profile")
        programs(test, Path(place) / "profile")
        ends(test, Path(place) / "profile")
