"""`./cotrap bench`: checks the options, measures, reports, and returns the exit status."""

import os
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from .. import bootargs, build, packages
from ..bench import boots, other_kernels, pool, profile, scale, shapes, stackful, table
from ..bench.catalogue import BENCHMARKS, Benchmark
from ..bench.compare import changes
from ..bench.conflicts import run as conflicts
from ..bench.others import OTHERS, Other
from ..bench.results import Report, from_json, to_json
from ..defaults import BENCH_TIMEOUT, OTHER_KERNEL_TIMEOUT
from ..errors import UsageError
from ..machines import given_cpu
from ..paths import MACHINES, check_output, write_output
from ..provenance import provenance
from ..qemu import Machine
from ..suggestions import did_you_mean
from ..ui import bad, good, say


def run(arguments) -> int:
    if arguments.list:
        width = max(map(len, BENCHMARKS))
        for each in BENCHMARKS.values():
            print(f"{each.name:<{width}}  {each.about}")
        for other in _TABLES:
            print(f"{other.NAME:<{width}}  {other.ABOUT}")
        return 0
    for other in _TABLES:
        if arguments.names[:1] == [other.NAME]:
            return other.run(arguments)
    if arguments.lines:
        raise UsageError(f"--lines works only with {scale.NAME}: `./cotrap bench {scale.NAME} --lines`")
    chosen = _chosen(arguments.names)
    before = _read(arguments.compare) if arguments.compare else None
    for path in filter(None, (arguments.json, arguments.save, arguments.html, arguments.svg)):
        check_output(path)
    _check_machine(arguments)
    if arguments.frames:
        return _frames(arguments)
    if arguments.profile:
        return _profile(arguments, chosen)
    asked = _others(arguments)
    bench = _bench(arguments)
    pages = _pages(arguments)
    if before and before.setting != _report(arguments, {}).setting:
        raise UsageError(
            f"--compare {arguments.compare}: that was {before.setting}: measure with the same options"
        )
    others = [(other, image or other.image(arguments.machine)) for other, image in asked]
    report = _measure(arguments, bench, chosen)
    found = changes(before, report) if before else None
    against = [_measure_other(other, image, arguments, bench, chosen) for other, image in others]
    table.show(report, found, against)
    if before and not found:
        raise UsageError(f"--compare {arguments.compare}: it has no result of these benchmarks")
    _warn(report, arguments, chosen)
    if arguments.json:
        write_output(arguments.json, to_json(report, whole=True, against=against))
    if arguments.save:
        write_output(arguments.save, to_json(report, whole=False))
    if arguments.html:
        write_output(arguments.html, pages.page(report, before, against))
    if arguments.svg:
        write_output(arguments.svg, pages.picture(report))
    return _verdict(found) if found is not None else 0


# Commands with a table of their own.
_TABLES = (conflicts, scale, pool, shapes, stackful)

def _check_machine(arguments) -> None:
    if arguments.machine == "hosted" and arguments.profile:
        raise UsageError("--profile needs QEMU, which logs the executed code: leave out `--machine hosted`")
    if arguments.machine != "riscv64" and arguments.frames:
        raise UsageError("--frames works only with the kernel for riscv64: leave out --machine")
    if arguments.machine not in ("riscv64", "pc") and arguments.against:
        raise UsageError(
            f"--against boots Linux on the same QEMU machine: leave out `--machine {arguments.machine}`"
        )
    if arguments.accel and arguments.against:
        raise UsageError("--against does not work with --accel: leave out one of them")


def _bench(arguments) -> boots.Bench:
    built = build.chosen(arguments)
    _check_machine(arguments)  # again: --build may have selected the hosted machine
    if built.is_hosted and arguments.harts > (processors := len(os.sched_getaffinity(0))):
        say(
            f"{arguments.harts} harts on a host with {processors} processors: harts also wait for each "
            "other's processor, so their times are too long"
        )
    kvm = arguments.accel == "kvm"
    machine = Machine(
        arguments.harts, arguments.memory, fs=arguments.fs, kvm=kvm, **given_cpu(arguments)
    )
    timeout = arguments.timeout or BENCH_TIMEOUT
    return boots.Bench(built, machine, " ".join(arguments.append), timeout)


def _others(arguments) -> list[tuple[Other, Path | None]]:
    """The kernels of --against, each with the file that the option names, if any."""
    found = []
    for asked in arguments.against:
        name, named, image = asked.partition("=")
        if name not in OTHERS:
            raise UsageError(f"--against {name}: give one of {', '.join(OTHERS)}")
        if named and not os.path.isfile(image):
            raise UsageError(f"--against {asked}: no such file")
        found.append((OTHERS[name], Path(image) if named else None))
    return found


def _measure_other(
    other: Other, image: Path, arguments, bench: boots.Bench, chosen: list[Benchmark]
) -> Report:
    slow_bench = replace(bench, timeout=arguments.timeout or OTHER_KERNEL_TIMEOUT)
    return other_kernels.measure(other, image, slow_bench, chosen, _kinds(arguments, bench))


def _kinds(arguments, bench: boots.Bench) -> list[bool]:
    """For each kind of run that the options select: True to count instructions, False to measure times."""
    counts = not arguments.time and not bench.build.is_hosted and not bench.machine.kvm
    return [True] * counts + [False] * (not arguments.icount)


def _frames(arguments) -> int:
    from ..bench import frames  # imported late, because it needs a library that may be missing

    if arguments.names or arguments.save and arguments.save.absolute() != frames.BUDGET:
        raise UsageError(f"--frames takes no NAME, and of files only --save {frames.BUDGET}, the budget")
    _refuse("--frames", arguments, _ONLY_OF_FIGURES)
    return frames.run(_bench(arguments).build, bool(arguments.save))


def _profile(arguments, chosen: list[Benchmark]) -> int:
    if not arguments.names:
        raise UsageError("--profile needs a NAME: `./cotrap bench --list` lists the benchmarks")
    _refuse("--profile", arguments, (*_ONLY_OF_FIGURES, "save"))
    for each in chosen:
        profile.check(each)
    bench = _bench(arguments)
    for each in chosen:
        profile.show(bench, each)
    return 0


# Options that need results of benchmarks.
_ONLY_OF_FIGURES = ("json", "html", "svg", "compare", "against")


def _refuse(option: str, arguments, others: tuple[str, ...]) -> None:
    for other in others:
        if getattr(arguments, other):
            raise UsageError(f"{option} has no results of benchmarks: leave out --{other}")


def _chosen(names: list[str]) -> list[Benchmark]:
    """The benchmarks of these names; without names, all. A name can be the first part of several, up to
    a dot or an @: `fault` selects all of `fault.*`."""
    chosen = []
    for name in names:
        found = [each for each in BENCHMARKS.values() if name in _first_parts(each.name)]
        if not found:
            hint = did_you_mean(name, _known())
            raise UsageError(f"there is no benchmark '{name}'{hint} (`./cotrap bench --list` lists them)")
        chosen += found
    return [each for each in BENCHMARKS.values() if each in chosen or not names]


def _known() -> set[str]:
    """All names that _chosen() accepts."""
    return {part for name in BENCHMARKS for part in _first_parts(name)}


def _first_parts(name: str) -> set[str]:
    """The name and its first parts: of `syscall.ring@8` also `syscall.ring` and `syscall`."""
    return {name, *(name[: end.start()] for end in re.finditer("[.@]", name))}


def _read(path) -> Report:
    try:
        return from_json(path.read_text(), str(path))
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"--compare {path}: {getattr(error, 'strerror', None) or error}"
        ) from error


def _measure(arguments, bench: boots.Bench, chosen: list[Benchmark]) -> Report:
    preset = arguments.build or MACHINES[arguments.machine]
    if any(each.trampoline for each in chosen):
        bench = replace(bench, trampoline=boots.other_trap_path(preset))
    results = {}  # both kinds of run measure memory, with the same result: the first one is kept
    for counted in _kinds(arguments, bench):
        wanted = [each for each in chosen if not counted or each.counts_on(arguments.harts)]
        for each in boots.measure(bench, wanted, counted):
            results.setdefault((each.name, each.unit), each)
    if not results:
        raise UsageError(f"none of these benchmarks can be measured {_where(arguments)}")
    return _report(arguments, results)


def _pages(arguments) -> ModuleType | None:
    """Returns the module that writes the page and the picture; None if the user wants neither. Only the page
    needs the charting library, so for the picture alone this does not check that the library is installed."""
    if arguments.html:
        return packages.page_module("..bench.page", __package__)
    return packages.module("..bench.page", __package__) if arguments.svg else None


def _report(arguments, results: dict) -> Report:
    return Report(
        arguments.machine,
        arguments.harts,
        os.path.basename(arguments.build or MACHINES[arguments.machine]),
        tuple(results.values()),
        provenance(),
        bootargs.policy(arguments.append),
    )


def _where(arguments) -> str:
    """The options that decide which benchmarks can be measured, for a message."""
    kind = " --icount" * arguments.icount + " --time" * arguments.time
    return f"with --machine {arguments.machine} --harts {arguments.harts}{kind}"


def _warn(report: Report, arguments, chosen: list[Benchmark]) -> None:
    """Names benchmarks that have no result, and counted ones whose two runs differ."""
    have = {each.name for each in report.results}
    if missing := [each.name for each in chosen if arguments.names and each.name not in have]:
        say(f"{', '.join(missing)}: cannot be measured {_where(arguments)}")
    for each in report.results:
        if each.same is False:
            low, high = each.medians
            odd = f"medians {low:g} and {high:g} {each.unit}" if low != high else "only the medians are equal"
            say(f"{each.name}: two runs differ: {odd}")


def _verdict(found) -> int:
    worse = [each for each in found if each.is_worse]
    for each in worse:
        print(bad(each.words))
    if not worse:
        print(good(f"none of {len(found)} results got worse"))
    return int(bool(worse))
