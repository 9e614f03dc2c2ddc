"""The figures as a page: tables, distributions, and a timeline of each policy."""

from itertools import count
from pathlib import Path

from .. import pages
from ..provenance import provenance
from .costs import NAMES as COSTS
from .rows import Row
from .summary import Group, by_class, runs
from .table import CLASS_COLUMNS, RUN_COLUMNS, text_of, texts_of, time

_A_BUCKET = 4  # buckets for each power of two
# A chart's sample, its title, its time axis, and the noun for the samples.
_CHARTS = (
    ("latency", "Latency, from ready to running: share that is this long or longer",
     "latency", "latencies"),
    ("response", "Response, from arrival to end: share that is this long or longer",
     "response time", "responses"),
)  # fmt: skip


def page(rows: list[Row], title: str, timelines: dict[str, dict]) -> str:
    """The page as HTML. timelines: by policy; if there are none, the page shows no timeline."""
    policies = {group.policy: place for place, group in enumerate(runs(rows))}
    found = by_class(rows)
    charts, numbers = [], count()
    classes = []
    for name, mine in found.items():
        of_class = [
            _chart(mine, policies, *each) | {"number": next(numbers)}
            for each in _CHARTS
            if any(group.buckets(each[0]) for group in mine)
        ]
        charts += of_class
        classes.append(_of_class(name, mine) | {"charts": of_class})
    return pages.fill(
        Path(__file__).with_name("page.html"),
        *("charts.js", "timeline.js"),
        title=title,
        facts=_facts(rows),
        seeds=len({row["seed"] for row in rows}),
        classes=classes,
        run_titles=[title for title, _, _ in RUN_COLUMNS],
        runs=[_cells(group, RUN_COLUMNS) for group in runs(rows)],
        class_titles=[title for title, _, _ in CLASS_COLUMNS],
        charts=charts,
        timelines=timelines,
    )


def _facts(rows: list[Row]) -> dict[str, str]:
    first, seeds = rows[0], sorted({row["seed"] for row in rows})
    costs = ", ".join(f"{name} {time(first[name])}" for name in COSTS if first[name])
    return {
        "workload": f"{first['workload']} (fingerprint of the file: {first['file']})",
        "duration": f"{time(first['duration'])} on {first['harts']} virtual hart{'s' * (first['harts'] > 1)}",
        "time slice": time(first["slice"]),
        "costs": costs or "none",
        "seeds": _ranges(seeds),
        **provenance(),
    }


def _ranges(numbers: list[int]) -> str:
    """The numbers in the form of `--seeds`: 1..4, 7."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][-1] == number - 1:
            ranges[-1][1:] = [number]
        else:
            ranges.append([number])
    return ", ".join("..".join(map(str, each)) for each in ranges)


def _cells(group: Group, columns) -> dict:
    return {
        "policy": group.policy,
        "cells": [texts_of(find(group), kind) for _, find, kind in columns],
    }


def _of_class(name: str, mine: list[Group]) -> dict:
    return {
        "name": name,
        "rows": [_cells(group, CLASS_COLUMNS) for group in mine],
        "notes": list(filter(None, (group.unfinished() for group in mine))),
    }


def _chart(
    mine: list[Group], policies: dict[str, int], sample: str, title: str, axis: str, noun: str
) -> dict:
    """policies: by policy, the number of its colour."""
    curves = [
        {"policy": group.policy, "colour": policies[group.policy], **curve}
        for group in mine
        if (curve := _curve(group, sample))
    ]
    p99 = ", ".join(f"{group.policy} {text_of(group.figure(f'{sample} p99'), 'time')}" for group in mine)
    label = f"{mine[0].name}. {title}. The 99th percentile: {p99}"
    zeros = [f"{each['policy']} {each['zeros']:,} of {each['count']:,}" for each in curves if each["zeros"]]
    note = f"Not on a logarithmic time axis: {noun} of 0 to 1 ns ({', '.join(zeros)})." if zeros else ""
    return {"title": title, "axis": axis, "noun": noun, "label": label, "note": note, "curves": curves}


def _curve(group: Group, sample: str) -> dict:
    """`points`: times in nanoseconds, each with the share of the samples that are no shorter. The curve ends
    at the longest sample. `zeros`: the number of samples in bucket 0, which are 0 or 1 ns; the curve has them
    at 0. `count`: the number of all samples. The result is empty if there are none."""
    counts = group.buckets(sample)
    if not counts:
        return {}
    total = left = sum(counts.values())
    points = []
    for bucket in sorted(counts):
        if points and bucket - 1 not in counts:  # up to here there are no samples
            points.append((_begin(last + 1), _round(left / total)))
        points.append((_begin(bucket) if bucket else 0, _round(left / total)))
        left -= counts[bucket]
        last = bucket
    longest = max((row[f"{sample} max"] or 0 for row in group.rows), default=0)
    if longest > points[-1][0]:
        points.append((longest, _round(1 / total)))
    return {"points": points, "zeros": counts[0], "count": total}


def _begin(bucket: int) -> float:
    return _round(2 ** (bucket / _A_BUCKET))


def _round(value: float) -> float:
    """The value with six digits, which are more than a chart shows."""
    return float(f"{value:.6g}")
