"""Results of benchmarks: the samples that the program prints, their percentiles, and their JSON form."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from .. import policies
from ..errors import UsageError

SCHEMA = 1
_MOST = 1e18  # a larger value in a file is an error
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "max": 1.0}

INSTRUCTIONS, COUNTED_NS, BYTES, TIME = "instructions", "counted ns", "bytes", "ns"
UNITS = (INSTRUCTIONS, COUNTED_NS, BYTES, TIME)  # in the order of their tables; each unit has its own


@dataclass(frozen=True)
class Result:
    """A benchmark's result in one unit; all values are per operation. medians: the least and the greatest
    of the runs' medians. same: whether the counted runs are equal (see combine()); None: the runs did not
    count instructions, or there is only one run."""

    name: str
    unit: str
    percentiles: dict[str, float]
    samples: int
    medians: tuple[float, float]
    same: bool | None = None
    distribution: tuple[tuple[float, int], ...] = ()  # value, how often; ascending

    @property
    def value(self) -> float:
        return self.percentiles["p50"]

    @property
    def spread(self) -> float:
        return self.medians[1] - self.medians[0]


@dataclass(frozen=True)
class Report:
    """The results of one command. facts: other facts to report, such as the commit, in this order."""

    machine: str
    harts: int
    build: str
    results: tuple[Result, ...]
    facts: dict[str, str] = field(default_factory=dict)
    policy: str = policies.DEFAULT

    @property
    def setting(self) -> str:
        """The properties that two reports must share to be compared."""
        policy = "" if self.policy == policies.DEFAULT else f" --policy {self.policy}"
        return f"{self.machine} with --harts {self.harts}{policy}"

    def find(self, name: str, unit: str) -> Result | None:
        return next((each for each in self.results if (each.name, each.unit) == (name, unit)), None)


Sample = dict[tuple[str, str], tuple[tuple[float, int], ...]]  # the samples of one run, by name and unit


def parse(text: str) -> Sample:
    """Reads the benchmark program's output (user/bench/benchmark.h describes its lines)."""
    samples: Sample = {}
    for line in text.splitlines():
        if line.startswith("#") or line.count("\t") != 3:
            continue
        name, unit, operations, values = line.split("\t")
        pairs = (value.partition("*") for value in values.split())
        samples[name, unit] = tuple(
            (int(value) / int(operations), int(times or 1)) for value, _, times in pairs
        )
    return samples


def combine(
    name: str,
    unit: str,
    runs: list[tuple[tuple[float, int], ...]],
    exact: bool,
    tail: bool = True,
) -> Result:
    """Combines several runs of one benchmark. If `exact` is true, the result is that of the first run, and
    `same` says whether all runs have the same samples or, if `tail` is false, the same median. Otherwise
    the result merges all runs."""
    merged: dict[float, int] = {}
    for run in runs[:1] if exact else runs:
        for value, times in run:
            merged[value] = merged.get(value, 0) + times
    distribution = tuple(sorted(merged.items()))
    medians = [percentile(run, 0.5) for run in runs]
    return Result(
        name,
        unit,
        {key: percentile(distribution, share) for key, share in PERCENTILES.items()},
        sum(merged.values()),
        (min(medians), max(medians)),
        _are_same(runs, medians, tail) if exact and len(runs) > 1 else None,
        distribution,
    )


def _are_same(runs: list[tuple[tuple[float, int], ...]], medians: list[float], tail: bool) -> bool:
    kept = {tuple(sorted(run)) for run in runs} if tail else set(medians)
    return len(kept) == 1


def percentile(distribution: Iterable[tuple[float, int]], share: float) -> float:
    """The smallest value that at least this share of all samples do not exceed."""
    distribution = list(distribution)
    wanted = share * sum(times for _, times in distribution)
    passed = 0
    for value, times in distribution:
        passed += times
        if passed >= wanted:
            return value
    return distribution[-1][0]


def to_json(report: Report, whole: bool, against: Iterable[Report] = ()) -> str:
    """The report as JSON, with a line for each result. whole: whether to include the fields that differ
    between runs. against: the reports of other kernels, each an object with `machine`, `build` and
    `results`."""
    head = {
        "schema": SCHEMA,
        "machine": report.machine,
        "harts": report.harts,
        "build": report.build,
    }
    if report.policy != policies.DEFAULT:
        head["policy"] = report.policy
    if whole:
        head |= report.facts
    fields = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items())
    others = [
        f'    {{"machine": {json.dumps(other.machine)}, "build": {json.dumps(other.build)}, '
        f'"results": [\n{_lines(other, whole)}\n    ]}}'
        for other in against
    ]
    if others:
        fields += ',\n  "against": [\n' + ",\n".join(others) + "\n  ]"
    return f'{{\n{fields},\n  "results": [\n{_lines(report, whole)}\n  ]\n}}\n'


def _lines(report: Report, whole: bool) -> str:
    return ",\n".join(f"    {json.dumps(_fields(each, whole))}" for each in report.results)


def _fields(result: Result, whole: bool) -> dict:
    fields = {"name": result.name, "unit": result.unit, "value": _short(result.value)}
    fields |= {key: _short(value) for key, value in result.percentiles.items()}
    fields["samples"] = result.samples
    fields["medians"] = [_short(median) for median in result.medians]
    if whole:
        if result.same is not None:
            fields["same"] = result.same
        fields["distribution"] = [[_short(value), times] for value, times in result.distribution]
    return fields


def _short(value: float) -> float:
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded


def from_json(text: str, path: str) -> Report:
    """Reads a report. A result that has only a `value` becomes one sample. Raises UsageError if the text is
    no report; the message names `path`."""
    try:
        data = json.loads(text, parse_constant=_figure)
        if data["schema"] != SCHEMA:
            raise UsageError(f"{path}: its schema is {data['schema']}, not {SCHEMA}: measure again")
        results = tuple(
            Result(
                _text(each["name"]),
                _text(each["unit"]),
                {key: float(_figure(each.get(key, each["value"]))) for key in PERCENTILES},
                int(_figure(each.get("samples", 1))),
                _pair(each.get("medians", (each["value"], each["value"]))),
                each.get("same"),
                tuple(map(_pair, each.get("distribution", ()))),
            )
            for each in data["results"]
        )
        known = ("schema", "machine", "harts", "build", "policy", "against", "results")
        facts = {key: str(value) for key, value in data.items() if key not in known}
        machine, harts, build = _text(data["machine"]), _figure(data["harts"]), _text(data["build"])
        policy = _text(data.get("policy", policies.DEFAULT))
        return Report(machine, harts, build, results, facts, policy)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path}: not a file that `./cotrap bench --save` or --json has written") from error


def _figure(value) -> float:
    """Returns a number from 0 to _MOST. Raises ValueError for any other value, such as NaN."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _MOST:
        raise ValueError(f"{value!r} is not a number from 0 to {_MOST:g}")
    return value


def _pair(values) -> tuple[float, float]:
    first, second = map(_figure, values)
    return first, second


def _text(value) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a string")
    return value
