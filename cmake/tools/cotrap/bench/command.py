"""`./cotrap bench`, from the command line to the exit status."""

import os
import subprocess
import sys
import time
from pathlib import Path

from .. import build
from ..errors import ToolError, UsageError
from ..paths import MACHINES, ROOT, check_output, write_output
from ..qemu import Machine
from ..ui import bad, good, say
from . import beside, boots, profile, table
from .catalogue import BENCHMARKS, Benchmark
from .compare import changes
from .others import OTHERS, Other
from .results import Report, from_json, to_json


def run(arguments) -> int:
    if arguments.list:
        width = max(map(len, BENCHMARKS))
        for each in BENCHMARKS.values():
            print(f"{each.name:<{width}}  {each.about}")
        return 0
    chosen = _chosen(arguments.names)
    before = _read(arguments.compare) if arguments.compare else None
    for path in filter(None, (arguments.json, arguments.save, arguments.html, arguments.svg)):
        check_output(path)
    if arguments.frames:
        return _frames(arguments)
    if arguments.profile:
        return _profile(arguments, chosen)
    pages = _pages() if arguments.html or arguments.svg else None

    if before and (before.machine, before.harts) != (arguments.machine, arguments.harts):
        raise UsageError(
            f"--compare {arguments.compare}: that was {before.machine} with --harts {before.harts}"
        )
    others = _others(arguments)
    report = _measure(arguments, chosen)
    found = changes(before, report) if before else None
    against = [_beside(other, image, arguments, chosen) for other, image in others]
    table.show(report, found, against)
    if before and not found:
        raise UsageError(f"--compare {arguments.compare}: it has nothing of what was measured")
    _say_what_is_odd(report)
    if arguments.json:
        write_output(arguments.json, to_json(report, whole=True))
    if arguments.save:
        write_output(arguments.save, to_json(report, whole=False))
    if arguments.html:
        write_output(arguments.html, pages.page(report, before))
    if arguments.svg:
        write_output(arguments.svg, pages.picture(report))
    return _verdict(found) if found is not None else 0


def _others(arguments) -> list[tuple[Other, Path]]:
    """Each with its kernel, fetched before anything is measured."""
    found = []
    for asked in arguments.against:
        name, named, image = asked.partition("=")
        if name not in OTHERS:
            raise UsageError(f"--against {name}: there is {', '.join(OTHERS)}")
        if arguments.machine == "hosted":
            raise UsageError(
                "--against: on the hosted machine there is no other kernel but the host's"
            )
        if named and not os.path.isfile(image):
            raise UsageError(f"--against {asked}: no such file")
        found.append((OTHERS[name], Path(image) if named else OTHERS[name].image()))
    return found


def _beside(other: Other, image: Path, arguments, chosen: list[Benchmark]) -> Report:
    kinds = [True] * (not arguments.time) + [False] * (not arguments.icount)
    machine = Machine(arguments.harts, arguments.memory)
    return beside.measure(other, image, boots.Bench(build.chosen(arguments), machine), chosen, kinds)


def _frames(arguments) -> int:
    from . import frames  # takes what reads a trace, which takes a library

    if arguments.machine == "hosted":
        raise UsageError("--frames: of the kernel for riscv64")
    if arguments.names or arguments.save and arguments.save.absolute() != frames.BUDGET:
        raise UsageError(f"--frames: of all coroutines; --save {frames.BUDGET} changes the budget")
    return frames.run(build.chosen(arguments), bool(arguments.save))


def _profile(arguments, chosen: list[Benchmark]) -> int:
    if not arguments.names:
        raise UsageError("--profile: of which? `./cotrap bench --list` names the benchmarks")
    if arguments.machine == "hosted":
        raise UsageError("--profile: only QEMU tells what it executes")
    machine = Machine(arguments.harts, arguments.memory)
    timeout = arguments.timeout or boots.TIMEOUT
    append = " ".join(arguments.append)
    bench = boots.Bench(build.chosen(arguments), machine, append, timeout)
    for each in chosen:
        profile.show(bench, each)
    return 0


def _pages():
    """Making them needs a package that nothing else does: said before anything is measured."""
    try:
        from . import page
    except ModuleNotFoundError as error:
        why = "python3-jinja2 is not installed: `./cotrap setup` does that on Debian"
        raise ToolError(why) from error
    return page


def _chosen(names: list[str]) -> list[Benchmark]:
    """A name, or the beginning of some, up to a dot: `fault` is all of `fault.*`."""
    chosen = []
    for name in names:
        found = [each for each in BENCHMARKS.values() if f"{each.name}.".startswith(f"{name}.")]
        if not found:
            raise UsageError(f"there is no benchmark '{name}' (`./cotrap bench --list` names them)")
        chosen += found
    return [each for each in BENCHMARKS.values() if each in chosen or not names]


def _read(path) -> Report:
    try:
        return from_json(path.read_text(), str(path))
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"--compare {path}: {getattr(error, 'strerror', None) or error}"
        ) from error


def _measure(arguments, chosen: list[Benchmark]) -> Report:
    hosted = arguments.machine == "hosted"
    if hosted and arguments.icount:
        raise UsageError("--icount: only QEMU counts instructions")
    preset = arguments.build or MACHINES[arguments.machine]
    built = build.chosen(arguments)
    hosted = built.is_hosted
    trampoline = None
    if any(each.trampoline for each in chosen):
        trampoline = boots.other_trap_path(preset)
    machine = Machine(arguments.harts, arguments.memory)
    timeout = arguments.timeout or boots.TIMEOUT
    bench = boots.Bench(built, machine, " ".join(arguments.append), timeout, trampoline)
    kinds = [True] * (not arguments.time and not hosted) + [False] * (not arguments.icount)
    results = {}  # memory is the same whatever is measured besides: once is enough
    for counted in kinds:
        wanted = [each for each in chosen if not counted or each.counts_on(machine.harts)]
        for each in boots.measure(bench, wanted, counted):
            results.setdefault((each.name, each.unit), each)
    name = os.path.basename(preset)
    return Report(arguments.machine, arguments.harts, name, tuple(results.values()), _facts())


def _facts() -> dict[str, str]:
    described = subprocess.run(
        ["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True
    )
    return {
        "commit": described.stdout.strip() or "unknown",
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "command": " ".join(["./cotrap", *sys.argv[1:]]),
    }


def _say_what_is_odd(report: Report) -> None:
    for each in report.results:
        if each.same is False:
            low, high = each.medians
            say(f"{each.name} was not the same twice: {low:g} and {high:g} {each.unit}")


def _verdict(found) -> int:
    worse = [each for each in found if each.is_worse]
    for each in worse:
        print(bad(each.words))
    if not worse:
        print(good(f"none of {len(found)} figures got worse"))
    return int(bool(worse))
