"""`./cotrap sim`: simulates a workload for each policy and seed, or merges earlier results."""

from dataclasses import dataclass, field
from pathlib import Path

from .. import packages
from ..errors import UsageError
from ..paths import check_output, write_output
from ..sim import csv_file, merge, modes, rows, schedules, simulator
from ..sim.table import tables
from ..symbols import explain
from ..ui import Waiting, say

_ALL = "all"
_SLICES = 20_000  # at most, in a timeline


@dataclass(frozen=True)
class _Done:
    found: list[rows.Row]
    timelines: dict[str, dict] = field(default_factory=dict)  # by policy, for a page
    is_wrong: bool = False  # a detector found an error


def run(arguments) -> int:
    modes.check(arguments)
    if arguments.list:
        simulator.list_workloads()
        return 0
    outputs = [path for path in (arguments.csv, arguments.html, arguments.record) if path]
    for path in outputs:
        check_output(path)
    if len(set(outputs)) < len(outputs):
        raise UsageError("two outputs have the same name: give each one its own")
    if arguments.replay or arguments.explore:
        return schedules.run(simulator.program_of(arguments), arguments)
    if arguments.merge:
        if arguments.html:
            packages.check_charts()
        done = _Done(merge.read(arguments.merge))
    else:
        program = simulator.program_of(arguments)
        known = _policies(program)
        if arguments.list_policies:
            width = max(map(len, known))
            print("\n".join(f"{name.ljust(width)}  {summary}" for name, summary in known.items()))
            return 0
        if arguments.html:
            packages.check_charts()
        done = _simulate(program, known, arguments)
        if arguments.record:
            schedules.record(program, arguments)
    if not done.found:
        raise UsageError("there are no runs to report")
    _report(done.found, done.timelines, arguments)
    return 1 if done.is_wrong else 0


def _policies(program: Path) -> dict[str, str]:
    """The simulator's policies with their descriptions."""
    lines = simulator.lines(simulator.output([program, "policies"]))
    return dict(line.split("\t") for line in lines)


def _simulate(program: Path, known: dict[str, str], arguments) -> _Done:
    """Simulates the workload for each policy and seed. With --html, the results include a timeline of the
    first seed for each policy."""
    if not arguments.workload:
        raise UsageError("give a WORKLOAD (`./cotrap sim --list` lists those of Cotrap)")
    path = simulator.workload(arguments.workload)
    asked = arguments.policy.split(",")
    names = list(known if arguments.policy == _ALL else dict.fromkeys(asked))  # without duplicates
    for name in names:
        if name not in known:
            alone = f"; {_ALL} stands alone" if _ALL in names else ""
            raise UsageError(f"--policy {name}: give one of {', '.join(known)}, or {_ALL}{alone}")
    seeds = _shard(arguments.seeds, arguments.shard)
    options = simulator.options(arguments)
    common = [f"{key}={value}" for key, value in options.items()]
    shown = [f"timeline={_SLICES}"] if arguments.html else []
    pieces = [
        [
            *(program, path, f"policy={name}", f"seeds={piece[0]}..{piece[-1]}", *common),
            *(shown if piece[0] == seeds[0] else []),
        ]
        for name in names
        for piece in _pieces(seeds, arguments.jobs)
    ]
    with Waiting("simulating"):
        lines = simulator.outcomes(simulator.outputs(pieces, arguments.jobs), len(names) * len(seeds))
    findings = "".join(map(rows.findings, lines))
    if wrong := findings + "".join(map(rows.unfit, lines)):
        print(explain(wrong, program))
    for warning in filter(None, (rows.unheeded(lines), rows.absent(lines))):
        say(warning)
    settings = path.stem, simulator.fingerprint(path), options
    found = [row for line in lines for row in rows.of_run(*settings, line)]
    return _Done(found, dict(filter(None, map(rows.timeline, lines))), bool(findings))


def _shard(seeds: range, shard: tuple[int, int] | None) -> range:
    """Part I of N nearly equal parts; I counts from 1. Without a shard, all seeds."""
    if shard is None:
        return seeds
    index, count = shard
    begin, end = (len(seeds) * place // count for place in (index - 1, index))
    if begin == end:
        raise UsageError(f"--shard {index}/{count} is empty: fewer seeds ({len(seeds)}) than shards")
    return seeds[begin:end]


def _pieces(seeds: range, processors: int) -> list[range]:
    """Divides the seeds into one part for each processor, or for each seed if there are fewer."""
    count = min(processors, len(seeds))
    return [_shard(seeds, (index + 1, count)) for index in range(count)]


def _report(found: list[rows.Row], timelines: dict[str, dict], arguments) -> None:
    print(tables(found), end="")
    if arguments.csv:
        csv_file.write(arguments.csv, found)
    if arguments.html:
        pages = packages.page_module("..sim.page", __package__)
        write_output(arguments.html, pages.page(found, found[0]["workload"], timelines))
