"""Writes a report as a page: bars with their spread, distributions, and for comparison the bars of another
run and of other kernels. Also writes a picture of the bars alone."""

import math
from dataclasses import dataclass
from pathlib import Path

from .. import pages
from .catalogue import BENCHMARKS
from .compare import Change, changes, number, times_as_much
from .goals import excess, goal, has_goals, is_missed
from .results import COUNTED_NS, TIME, UNITS, Report, Result
from .table import TITLES

_WIDTH = 380  # of a bar in the picture
_TICKS_MOST = 12
_AXES = {TIME: "time by the clock", COUNTED_NS: "counted time"}  # titles, if not the unit itself


@dataclass(frozen=True)
class Scale:
    """A logarithmic scale from `low` to `high` on a line of `width`. Values of one unit can differ by a
    factor of a hundred thousand."""

    low: float
    high: float
    width: float

    def x(self, value: float) -> float:
        share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return round(share * self.width, 2)

    @staticmethod
    def of(values: list[float], width: float) -> "Scale":
        """The scale for these values, from one power of ten to another. The least value is at least 1.5 times
        the scale's low end."""
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


def _chart(rows: list[dict], unit: str, before: bool, against: list[Report]) -> dict:
    """The data of a section's bars and distributions. Each list has an entry for each of `names`; None: there
    is no such value."""
    compared = [(other.machine, [_value(row["theirs"][place]) for row in rows])
                for place, other in enumerate(against)]  # fmt: skip
    if before:
        old = [row["change"].before if row["change"] else None for row in rows]
        compared.insert(0, ("before", list(map(_value, old))))
    results = [row["result"] for row in rows]
    return {
        "unit": "time" if unit in (TIME, COUNTED_NS) else unit,
        "axis": _AXES.get(unit, unit),
        "names": [each.name for each in results],
        "missed": [bool(row["missed"]) for row in rows],
        "medians": list(map(_value, results)),
        "reach": [[_least(each), each.percentiles["p99"]] for each in results],
        "most": [each.percentiles["max"] for each in results],
        "goals": [row["most"] for row in rows],
        "compared": compared,
        "distributions": {
            each.name: _short_distribution(each) for each in results if len(each.distribution) > 1
        },
    }


def _value(result: Result | None) -> float | None:
    return result.value if result else None


def _least(result: Result) -> float:
    return result.distribution[0][0] if result.distribution else result.medians[0]


def _short_distribution(result: Result) -> list[tuple[float, int]]:
    """The distribution with five digits of each value, which are more than a chart shows."""
    merged: dict[float, int] = {}
    for value, times in result.distribution:
        value = float(f"{value:.5g}")
        merged[value] = merged.get(value, 0) + times
    return list(merged.items())


def _label(rows: list[dict], unit: str) -> str:
    """A chart's values as text, for a reader who cannot see the chart."""
    texts = (
        f"{row['result'].name}: {row['numbers']['p50']} {unit}"
        + (f", goal {row['goal']} missed" if row["missed"] else "")
        for row in rows
    )
    return "Bars of the medians. " + "; ".join(texts)


def page(report: Report, before: Report | None, against: list[Report]) -> str:
    """The page as HTML. before: the report of an earlier run. against: the reports of other kernels."""
    sections = _sections(report, before, against)
    for section in sections:
        rows, unit = section["rows"], section["unit"]
        bars = 1 + bool(before) + len(against)
        section |= {"label": _label(rows, unit), "height": 110 + (14 + 11 * bars) * len(rows)}
    return pages.fill(
        Path(__file__).with_name("page.html"),
        "charts.js",
        report=report,
        facts=report.facts,
        before=before,
        against=against,
        sections=sections,
        charts=[_chart(each["rows"], each["unit"], bool(before), against) for each in sections],
        timed=TIME,
    )


def picture(report: Report) -> str:
    """The bars of one unit, the first that was measured, as SVG."""
    section = _sections(report, None, [])[0]
    values = [value for row in section["rows"] for value in row["result"].percentiles.values()]
    goals = [row["most"] for row in section["rows"] if row["most"]]
    return pages.fill(
        Path(__file__).with_name("picture.svg"),
        report=report,
        section=section,
        scale=Scale.of([*values, *goals], _WIDTH),
        width=_WIDTH,
        left=205,
        right=190,
    )


def _sections(report: Report, before: Report | None, against: list[Report]) -> list[dict]:
    compared = changes(before, report) if before else []
    found = {(each.after.name, each.after.unit): each for each in compared}
    sections = []
    for unit in UNITS:
        results = [each for each in report.results if each.unit == unit]
        if not results:
            continue
        rows = [
            _row(
                each,
                found.get((each.name, unit)),
                [other.find(each.name, unit) for other in against],
                report,
            )
            for each in results
        ]
        shows_goals = has_goals(results, report)
        sections.append({"unit": unit, "title": TITLES[unit], "rows": rows, "has_goals": shows_goals})
    return sections


def _row(
    result: Result, change: Change | None, theirs: list[Result | None], report: Report
) -> dict:
    """theirs: for each other kernel its result of that name, None if it has none."""
    most = goal(result, report)
    return {
        "result": result,
        "about": BENCHMARKS[result.name].about if result.name in BENCHMARKS else "",
        "change": change,
        "before": number(change.before.value) if change else "",
        "theirs": theirs,
        "others": [
            {"value": number(other.value), "times": times_as_much(other, result)} if other else None
            for other in theirs
        ],
        "most": most,
        "goal": number(most) if most else "",
        "missed": excess(result, report) if is_missed(result, report) else "",
        "numbers": {key: number(each) for key, each in result.percentiles.items()},
        "spread": number(result.spread / 2),
    }
