"""The same benchmark program on another kernel, on the same machine of QEMU's."""

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ..errors import ToolError
from ..initrd import Archive
from ..qemu import memory_file, qemu_on
from ..ui import Waiting, say
from .boots import Bench
from .catalogue import Benchmark
from .others import Other
from .results import Report, combine, parse

TIMEOUT = 600.0  # seconds: much larger kernels, an instruction at a time


def measure(
    other: Other, image: Path, bench: Bench, benchmarks: Iterable[Benchmark], kinds: list[bool]
) -> Report:
    """What it has of them; kinds: whether to count, for each run."""
    results = {}
    uncounted = False
    chosen = [each for each in benchmarks if not each.trampoline and not each.disk]
    for counted in kinds:
        with Waiting(f"{'counting' if counted else 'taking the time'} on {other.name}"):
            said = _run(other, image, bench, chosen, counted)
        found = parse(said)
        if counted and found and not re.search(r"^# instructions", said, re.MULTILINE):
            harts = bench.machine.harts
            say(
                f"{other.name}: no instructions with --harts {harts}: where others run in between, its "
                "program cannot see that they are counted exactly"
            )
            uncounted = True
            continue
        for benchmark in chosen:
            for (name, unit), sample in found.items():
                if name == benchmark.asked_as and sample:
                    each = combine(benchmark.name, unit, [sample], exact=False)
                    results.setdefault((benchmark.name, unit), each)
    if not results and not uncounted:
        raise ToolError(f"{other.name} ({image}) has not run the benchmarks")
    return Report(other.name, bench.machine.harts, image.name, tuple(results.values()))


def _run(
    other: Other, image: Path, bench: Bench, benchmarks: list[Benchmark], counted: bool
) -> str:
    machine = replace(bench.machine, icount=counted, entropy=False)
    programs = bench.build.initrd_root / "bin"
    archive = Archive()
    for program, name in (
        ("bench", "init"),
        ("bench", "bin/bench"),
        ("bench-minimal", "bin/bench-minimal"),
    ):
        archive.add_program(programs / program, name)
    initrd = memory_file("initrd", archive.pack())
    words = other.words(sorted({each.asked_as for each in benchmarks}))
    try:
        done = subprocess.run(
            qemu_on(machine, str(image), initrd, words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(initrd,),
            timeout=bench.timeout,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{other.name} was not done after {error.timeout:g} s") from error
    finally:
        os.close(initrd)
    if done.returncode:
        raise ToolError(
            f"{other.name}: QEMU ended with status {done.returncode}\n{done.stderr.decode()}"
        )
    return done.stdout.decode(errors="replace")
