"""Merges the files of a sweep. All runs must be of one workload with the same options, each policy and seed
may appear only once, and each run must have all classes. Otherwise the means would make no sense."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from ..errors import UsageError
from ..ui import say
from . import csv_file
from .rows import SAME, Row

_GAPS = 5  # a message names at most so many


def read(paths: list[Path]) -> list[Row]:
    """The rows of all files. Raises UsageError, which names the file and the line, or two of them. Prints a
    warning if seeds are missing."""
    rows = [row for path in paths for row in csv_file.read(path)]
    for row in rows:
        _check_same(rows[0], row)
    runs = _runs(rows)
    _check_classes(runs)
    for warning in filter(None, (_uneven(runs), _missing(runs))):
        say(warning)
    return rows


def _check_same(first: Row, row: Row) -> None:
    for column in SAME:
        if row[column] != first[column]:
            what = "workload's file" if column == "file" else column
            raise UsageError(
                f"{row.origin}: {what} is {row[column]}, but {first[column]} in {first.origin}: "
                "merge only files of one sweep"
            )


def _runs(rows: list[Row]) -> dict[tuple[str, int], dict[str, Row]]:
    """By policy and seed: the rows of the run, by class."""
    runs: dict[tuple[str, int], dict[str, Row]] = {}
    for row in rows:
        run = runs.setdefault((row["policy"], row["seed"]), {})
        if before := run.get(row["class"]):
            raise UsageError(
                f"{row.origin}: {_name(row)}, class {row['class']}, is also in {before.origin}: give it once"
            )
        run[row["class"]] = row
    return runs


def _name(row: Row) -> str:
    return f"{row['policy']}, seed {row['seed']}"


def _check_classes(runs: dict[tuple[str, int], dict[str, Row]]) -> None:
    known = dict.fromkeys(name for run in runs.values() for name in run)
    for run in runs.values():
        for name in known:
            if name not in run:
                last = list(run.values())[-1]
                raise UsageError(f"{last.origin}: {_name(last)}, has no row of class {name}")


def _uneven(runs: dict[tuple[str, int], dict[str, Row]]) -> str:
    """A warning if the policies have different seeds; otherwise empty."""
    seeds: dict[str, set[int]] = {}
    for policy, seed in runs:
        seeds.setdefault(policy, set()).add(seed)
    if len(set(map(frozenset, seeds.values()))) <= 1:
        return ""
    return f"policies have different seeds ({', '.join(_counts(seeds))}), so their arrivals differ"


def _missing(runs: dict[tuple[str, int], dict[str, Row]]) -> str:
    """A warning if a part of the sweep may be missing; otherwise empty."""
    seeds = sorted({seed for _, seed in runs})
    gaps = [
        f"{before + 1}..{after - 1}" if after - before > 2 else f"{before + 1}"
        for before, after in pairwise(seeds)
        if after - before > 1
    ]
    if not gaps:
        return ""
    more = f" and {len(gaps) - _GAPS} more" if len(gaps) > _GAPS else ""
    return f"there is no run with seed {', '.join(gaps[:_GAPS])}{more}: is a shard missing?"


def _counts(seeds: dict[str, set[int]]) -> Iterator[str]:
    for policy, mine in seeds.items():
        yield f"{policy} {len(mine)}"
