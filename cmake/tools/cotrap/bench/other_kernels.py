"""Runs the benchmark program on another kernel, on the same QEMU machine."""

import os
import re
import subprocess
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from ..errors import ToolError
from ..initrd import Archive
from ..qemu import Machine, machine_of, memory_file, qemu_on
from ..ui import Waiting, say
from .boots import Bench, add_program, file_of, shared_blocks
from .catalogue import Benchmark
from .others import Other
from .results import Report, combine, parse


def measure(
    other: Other, image: Path, bench: Bench, benchmarks: Iterable[Benchmark], kinds: list[bool]
) -> Report:
    """Measures those of the benchmarks that the other kernel can run. image: the kernel's file. kinds: for
    each run, whether to count instructions or to measure times."""
    results = {}
    uncounted = False
    has_shares = other.modules_for_shares and bench.build.machine == "riscv64"
    chosen = [
        each
        for each in benchmarks
        if not each.trampoline
        and not each.disk
        and (has_shares or not each.share)
        and file_of(bench.build, each.program).is_file()
    ]
    for counted in kinds:
        with Waiting(f"{'counting instructions' if counted else 'measuring times'} on {other.name}"):
            output = "".join(
                _run(other, image, bench, program, list(of_program), counted)
                for (program, _), of_program in groupby(chosen, lambda each: (each.program, each.share))
            )
        found = parse(output)
        if counted and found and not re.search(r"^# instructions", output, re.MULTILINE):
            harts = bench.machine.harts
            say(
                f"{other.name}: instructions cannot be counted with --harts {harts}, because the other harts "
                "execute instructions in between: use --harts 1"
            )
            uncounted = True
            continue
        for benchmark in chosen:
            for (name, unit), sample in found.items():
                if name == benchmark.name_in_program and sample:
                    each = combine(benchmark.name, unit, [sample], exact=False)
                    results.setdefault((benchmark.name, unit), each)
    if not results and not uncounted:
        machine = bench.build.machine
        raise ToolError(f"{other.name} ({image}) did not run the benchmarks: is it a kernel for {machine}?")
    return Report(other.name, bench.machine.harts, image.name, tuple(results.values()))


def _run(
    other: Other, image: Path, bench: Bench, program: str, benchmarks: list[Benchmark], counted: bool
) -> str:
    machine = machine_of(bench.build, replace(bench.machine, icount=counted, entropy=False))
    archive = Archive()
    archive.add_program(file_of(bench.build, program), "init")
    add_program(archive, bench.build, program)
    with ExitStack() as stack:
        if benchmarks[0].share:
            machine = replace(machine, share=stack.enter_context(shared_blocks()))
            for number, (_, data) in enumerate(other.modules_for_shares(image)):
                archive.add_bytes(data, f"modules/{number}")
        return _output_of(other, image, bench, machine, archive, benchmarks)


def _output_of(
    other: Other, image: Path, bench: Bench, machine: Machine, archive: Archive, benchmarks: list[Benchmark]
) -> str:
    initrd = memory_file("initrd", archive.pack())
    words = other.words(sorted({each.name_in_program for each in benchmarks}))
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
        raise ToolError(
            f"{other.name} had not measured everything after {error.timeout:g} s: give a longer --timeout"
        ) from error
    finally:
        os.close(initrd)
    if done.returncode:
        raise ToolError(
            f"{other.name}: QEMU ended with status {done.returncode}\n{done.stderr.decode()}"
        )
    return done.stdout.decode(errors="replace")
