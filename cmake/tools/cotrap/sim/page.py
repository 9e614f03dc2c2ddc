"""The figures as one page that needs nothing else to be looked at: tables, distributions, and who
ran when."""

import math
from pathlib import Path

import jinja2
from markupsafe import Markup

from ..pages import in_script, timeline
from .rows import Row
from .summary import Group, by_class, runs
from .table import CLASS_COLUMNS, RUN_COLUMNS, text_of, time

_WIDTH = 640.0
_HEIGHT = 180.0
_A_BUCKET = 4  # to each power of two


def page(rows: list[Row], title: str, timelines: dict[str, dict]) -> str:
    """HTML. Without timelines the page has none."""
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(Path(__file__).with_name("page.html").read_text())
    return template.render(
        title=title,
        seeds=len({row["seed"] for row in rows}),
        harts=rows[0]["harts"],
        classes=[_of_class(name, mine) for name, mine in by_class(rows).items()],
        run_titles=[title for title, _, _ in RUN_COLUMNS],
        runs=[_cells(group, RUN_COLUMNS) for group in runs(rows)],
        class_titles=[title for title, _, _ in CLASS_COLUMNS],
        width=_WIDTH,
        height=_HEIGHT,
        timelines=Markup(in_script(timelines)) if timelines else "",
        timeline_script=Markup(timeline()),
    )


def _cells(group: Group, columns) -> dict:
    return {
        "policy": group.policy,
        "cells": [text_of(find(group), kind) for _, find, kind in columns],
    }


def _of_class(name: str, mine: list[Group]) -> dict:
    return {
        "name": name,
        "rows": [_cells(group, CLASS_COLUMNS) for group in mine],
        "notes": list(filter(None, (group.unfinished() for group in mine))),
        "pictures": [
            {"title": title, **_curves(mine, sample)}
            for sample, title in (
                ("latency", "from ready to running"),
                ("response", "from arrival to end"),
            )
        ],
    }


def _curves(mine: list[Group], sample: str) -> dict:
    """For each policy how many are longer than t: both axes by their logarithm, so that the rare
    ones are seen."""
    counted = {group.policy: group.buckets(sample) for group in mine}
    counted = {policy: counts for policy, counts in counted.items() if counts}
    if not counted:
        return {"curves": [], "ticks": []}
    low = min(min(counts) for counts in counted.values())
    high = max(max(counts) for counts in counted.values()) + 1
    decades = 4  # down to one in ten thousand

    def x(bucket: float) -> float:
        return round((bucket - low) / max(high - low, 1) * _WIDTH, 1)

    curves = []
    for policy, counts in counted.items():
        total = left = sum(counts.values())
        points = [(0.0, 0.0)]
        for bucket in sorted(counts):
            depth = -math.log10(left / total)
            left -= counts[bucket]
            points.append((x(bucket), round(min(depth / decades, 1) * _HEIGHT, 1)))
        points.append((x(max(counts) + 1), _HEIGHT))
        curves.append({"policy": policy, "points": " ".join(f"{px},{py}" for px, py in points)})
    step = max((high - low) // 8, 1)
    ticks = [(x(bucket), time(2 ** (bucket / _A_BUCKET))) for bucket in range(low, high, step)]
    return {"curves": curves, "ticks": ticks}

