"""Boots the machines that the benchmarks need, several times each, and collects the results."""

import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from .. import build, libraries
from ..defaults import BENCH_TIMEOUT
from ..disk import Disk
from ..errors import ToolError
from ..initrd import Archive
from ..machines import given_cpu
from ..paths import MACHINES, Build
from ..qemu import Boot, Guest, Machine, archive_with
from ..share import Share
from ..ui import Waiting
from .catalogue import GLIBC, Benchmark
from .guest import output_of
from .results import BYTES, COUNTED_NS, INSTRUCTIONS, TIME, Result, Sample, combine, parse

_COUNTED_RUNS = 2  # their counts must be equal
_TIMED_RUNS = 3  # the difference of their medians is the spread
_DISK_BYTES = 1 << 20
_SHARED_BYTES = 1 << 16  # of user/bench/disks.cpp
# A request takes longer than the longest time slice, and the hart is idle before its end even on a busy
# host. After a shorter wait a thread resumes by another path, so the counts of two runs would differ.
_SLOW_DISK = Disk(
    source={"driver": "null-co", "size": _DISK_BYTES, "read-zeroes": True, "latency-ns": 50_000_000}
)


@dataclass(frozen=True)
class Bench:
    """The build and the machine of all benchmarks. append: more words for the kernel. timeout: seconds for
    each machine. trampoline: a build with the other trap path; None: there is none."""

    build: Build
    machine: Machine
    append: str = ""
    timeout: float = BENCH_TIMEOUT
    trampoline: Build | None = None


def of_options(arguments, built: Build, harts: int, target: str) -> tuple[Bench, Path]:
    """The machine of a benchmark with a program and a plugin of its own, and the build folder that has both.
    target: builds them, unless the user has named a folder."""
    folder = built.folder
    if arguments.build is None or arguments.build in build.KERNEL_PRESETS:
        folder = build.ready(MACHINES[built.machine], target).folder
    timeout = arguments.timeout or BENCH_TIMEOUT
    machine = Machine(harts, arguments.memory, **given_cpu(arguments))
    return Bench(built, machine, " ".join(arguments.append), timeout), folder


@dataclass(frozen=True)
class _Setting:
    """A machine, and the benchmarks of a program that run on it in one boot."""

    program: str
    build: Build
    machine: Machine
    disk: bool
    share: bool
    benchmarks: tuple[Benchmark, ...]


def file_of(built: Build, program: str) -> Path:
    """The host's file of a benchmark program. It may not exist: only the distribution's cross compiler can build
    the programs of GLIBC, which are not in the boot archive either."""
    return (built.folder / "glibc" if program.startswith(GLIBC) else built.initrd_root / "bin") / program


def archive_for(built: Build, program: str) -> Archive:
    """The boot archive, with this program."""
    archive = archive_with(built)
    if program == GLIBC:
        add_program(archive, built, program)
    return archive


def add_program(archive: Archive, built: Build, program: str) -> None:
    """Adds a benchmark program and those that it executes."""
    for name in (program, "bench-glibc-dynamic") if program == GLIBC else (program, "bench-minimal"):
        file = file_of(built, name)
        archive.add_program(file, f"bin/{name}")
        libraries.add(archive, file, built.processor)


def measure(bench: Bench, benchmarks: Iterable[Benchmark], counted: bool) -> list[Result]:
    """Runs the benchmarks. counted: count instructions, instead of measuring times. Returns the results in
    the benchmarks' order; a benchmark that the machine cannot run has none."""
    counting = replace(bench, machine=replace(bench.machine, icount=counted))
    settings = list(_settings(counting, benchmarks))
    runs = _COUNTED_RUNS if counted else _TIMED_RUNS
    what = "counting instructions" if counted else "measuring times"
    parallel = 2 if counted else 1  # another machine would change the times, but no counts
    with ThreadPoolExecutor(parallel) as pool, Waiting(what):
        jobs = [(each, pool.submit(_run, bench, each)) for each in settings for _ in range(runs)]
        try:
            done = [(setting, job.result()) for setting, job in jobs]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            Guest.kill_all()
            raise
    units = (INSTRUCTIONS, COUNTED_NS, BYTES) if counted else (TIME, BYTES)
    results = []
    for benchmark in benchmarks:
        samples = [sample for setting, sample in done if benchmark in setting.benchmarks]
        for unit in units:
            found = [sample.get((benchmark.name_in_program, unit)) for sample in samples]
            if found and all(found):
                results.append(_of_runs(benchmark, unit, found, counted))
    return results


def _of_runs(benchmark: Benchmark, unit: str, found: list, counted: bool) -> Result:
    """Combines the samples of all runs. If the host stops a machine for longer than its disk takes, some
    samples differ, so only the medians of disk benchmarks are compared."""
    depends_on_host = benchmark.disk or benchmark.share
    return combine(benchmark.name, unit, found, exact=counted and not benchmark.share, tail=not depends_on_host)


def _settings(bench: Bench, benchmarks: Iterable[Benchmark]) -> Iterable[_Setting]:
    kinds: dict[tuple, list[Benchmark]] = {}
    for each in benchmarks:
        harts = max(each.harts, bench.machine.harts)
        # The counter of a PC also counts idle time, which a disk ends at a time of the host.
        is_pc = bench.build.machine == "pc" and bench.machine.icount
        depends_on_host = (each.disk and is_pc) or (each.share and (is_pc or bench.build.is_hosted))
        is_built = each.program != GLIBC or file_of(bench.build, GLIBC).is_file()
        if (not each.trampoline or bench.trampoline) and not depends_on_host and is_built:
            kind = (each.program, each.trampoline, each.disk, each.share, harts)
            kinds.setdefault(kind, []).append(each)
    for (program, trampoline, disk, share, harts), chosen in kinds.items():
        built = bench.trampoline if trampoline else bench.build
        yield _Setting(program, built, replace(bench.machine, harts=harts), disk, share, tuple(chosen))


@contextmanager
def shared_blocks() -> Iterator[Share]:
    """A folder with the file that the benchmarks of shares read."""
    with tempfile.TemporaryDirectory(prefix="cotrap-") as folder:
        Path(folder, "blocks").write_bytes(bytes(_SHARED_BYTES))
        yield Share(folder)


def _run(bench: Bench, setting: _Setting) -> Sample:
    boot = Boot(
        setting.build,
        archive_for(setting.build, setting.program).pack(),
        program=f"/bin/{setting.program}",
        arguments=sorted({each.name_in_program for each in setting.benchmarks}),
        append=bench.append,
    )
    machine = setting.machine
    with ExitStack() as stack:
        if setting.disk and machine.icount:
            machine = replace(machine, disk=_SLOW_DISK)
        elif setting.disk:
            image = stack.enter_context(tempfile.NamedTemporaryFile(prefix="cotrap-"))
            image.truncate(_DISK_BYTES)
            machine = replace(machine, disk=Disk(image.name))
        if setting.share:
            machine = replace(machine, share=stack.enter_context(shared_blocks()))
        text = output_of(machine, boot, bench.timeout, "the benchmarks")
    counts = text.startswith("# instructions")
    if counts != machine.icount:
        raise ToolError(
            f"the machine was started {'with' if machine.icount else 'without'} instruction counting, but "
            f"its program reports that instructions are {'' if counts else 'not '}counted exactly"
        )
    return parse(text)


def other_trap_path(preset: str) -> Build | None:
    """The build with the other trap path, brought up to date. None for any preset but
    riscv64-release."""
    if preset != "riscv64-release":
        return None
    other = build.ready("riscv64-trampoline", build.KERNELS)
    return replace(other, self_tests=True)
