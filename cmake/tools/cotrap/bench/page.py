"""A report as one page that needs nothing else to be looked at: bars with their spread,
distributions, and beside them another run's and other kernels'. And a picture of the bars alone."""

import math
from dataclasses import dataclass
from pathlib import Path

import jinja2

from .catalogue import BENCHMARKS
from .compare import Change, changes, number, times_as_much
from .goals import excess, goal, is_missed
from .results import TIME, UNITS, Report, Result
from .table import TITLES

_WIDTH = 380  # of a bar
_BINS = 48  # of a distribution's picture
_TICKS_MOST = 12


@dataclass(frozen=True)
class Scale:
    """Values on a line of `width`, by their logarithm: of one unit some are a hundred thousand
    times as large as others."""

    low: float
    high: float
    width: float

    def x(self, value: float) -> float:
        share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return round(share * self.width, 2)

    @staticmethod
    def of(values: list[float], width: float) -> "Scale":
        """From a power of ten to another, the least value a bit above the first."""
        low = min((value for value in values if value > 0), default=1.0)
        high = max([*values, low])
        low, high = 10 ** math.floor(math.log10(low / 1.5)), 10 ** math.ceil(math.log10(high))
        return Scale(low, high if high > low else low * 10, width)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        first, last = round(math.log10(self.low)), round(math.log10(self.high))
        step = -(-(last - first) // _TICKS_MOST)
        return [
            (self.x(10.0**power), _short(10.0**power)) for power in range(first, last + 1, step)
        ]


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"


def _bar(result: Result, scale: Scale) -> dict:
    """To the median, and a line from the least sample to p99 and the most."""
    least = result.distribution[0][0] if result.distribution else result.medians[0]
    at = {key: scale.x(value) for key, value in result.percentiles.items()}
    return {"least": scale.x(least), **at, "value": number(result.value)}


def _distribution(result: Result, width: float, height: float) -> dict | None:
    """How many samples in each of equal pieces of the range, on a line of its own.
    None: all are the same, which needs no picture."""
    if len(result.distribution) < 2:
        return None
    low, high = result.distribution[0][0], result.distribution[-1][0]
    is_wide = 0 < 4 * low < high
    counts = [0] * _BINS
    for value, times in result.distribution:
        if is_wide:
            share = math.log(value / low) / math.log(high / low)
        else:
            share = (value - low) / (high - low)
        counts[min(int(share * _BINS), _BINS - 1)] += times
    # Rare ones are what one looks for: the square root shows them.
    top = math.sqrt(max(counts))
    step = width / _BINS
    columns = [
        (round(i * step, 2), round(step * 0.9, 2), round(height * math.sqrt(count) / top, 2))
        for i, count in enumerate(counts)
        if count
    ]
    return {"columns": columns, "low": number(low), "high": number(high), "is_wide": is_wide}


def page(report: Report, before: Report | None, against: list[Report]) -> str:
    """HTML. before: an earlier run; against: other kernels."""
    sections = _sections(report, before, against)
    has_missed = any(row["missed"] for section in sections for row in section["rows"])
    return _fill(
        "page.html",
        report=report,
        before=before,
        against=against,
        sections=sections,
        timed=TIME,
        has_missed=has_missed,
    )


def picture(report: Report) -> str:
    """The bars of one unit, the first that was measured, as SVG."""
    return _fill("picture.svg", report=report, section=_sections(report, None, [])[0], left=205, right=190)


def _fill(name: str, **values) -> str:
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(Path(__file__).with_name(name).read_text())
    return template.render(width=_WIDTH, **values)


def _sections(report: Report, before: Report | None, against: list[Report]) -> list[dict]:
    compared = changes(before, report) if before else []
    found = {(each.after.name, each.after.unit): each for each in compared}
    sections = []
    for unit in UNITS:
        results = [each for each in report.results if each.unit == unit]
        if not results:
            continue
        old = [found[each.name, unit].before for each in results if (each.name, unit) in found]
        goals = {each.name: goal(each) for each in results if goal(each)} if report.has_goals else {}
        theirs = {each.name: [other.find(each.name, unit) for other in against] for each in results}
        medians = [other.value for others in theirs.values() for other in others if other]
        values = [value for each in [*results, *old] for value in each.percentiles.values()]
        scale = Scale.of([*values, *medians, *goals.values()], _WIDTH)
        rows = [
            _row(each, found.get((each.name, unit)), theirs[each.name], goals.get(each.name), scale)
            for each in results
        ]
        sections.append({"unit": unit, "title": TITLES[unit], "scale": scale, "rows": rows})
    return sections


def _row(
    result: Result,
    change: Change | None,
    others: list[Result | None],
    most: float | None,
    scale: Scale,
) -> dict:
    """others: what each other kernel has, None where it has nothing of that name. most: the goal."""
    return {
        "result": result,
        "about": BENCHMARKS[result.name].about if result.name in BENCHMARKS else "",
        "bar": _bar(result, scale),
        "before": _bar(change.before, scale) if change else None,
        "change": change,
        "others": [
            {**_bar(other, scale), "place": place, "times": times_as_much(other, result)}
            if other
            else None
            for place, other in enumerate(others)
        ],
        "goal": {"x": scale.x(most), "value": number(most)} if most else None,
        "missed": excess(result) if most and is_missed(result) else "",
        "picture": _distribution(result, 300, 44),
        "numbers": {key: number(each) for key, each in result.percentiles.items()},
        "spread": number(result.spread / 2),
    }
