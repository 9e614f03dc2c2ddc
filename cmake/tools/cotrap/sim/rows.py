"""Runs of the simulator as rows: one for each class of each run, the same in memory and in CSV
files, so that a sweep over many machines is put together by reading theirs."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

from ..errors import ToolError, UsageError

# What is the whole run's, as cotrap_sim names it.
_RUN = ("harts", "duration", "hash", "steps", "changes", "preemptions", "migrations")
_RUN_REAL = ("utilisation", "queue")
# … and of the class; times in nanoseconds.
_CLASS = ("arrived", "finished", "missed")
_CLASS_REAL = ("throughput", "slowdown", "fairness")
_SAMPLES = {
    "latency": ("p50", "p90", "p99", "p99.9", "max"),
    "response": ("mean", "p50", "p90", "p99", "p99.9", "max"),
    "tardiness": ("mean", "max"),
}
_BUCKETS = ("latency", "response")

COLUMNS = (
    "workload",
    "policy",
    "seed",
    *_RUN,
    *_RUN_REAL,
    "class",
    *_CLASS,
    *_CLASS_REAL,
    *(f"{sample} {key}" for sample, keys in _SAMPLES.items() for key in keys),
    *(f"{sample} buckets" for sample in _BUCKETS),
)
_TEXTS = {"workload", "policy", "hash", "class"}


@dataclass(frozen=True)
class Row:
    values: dict  # by COLUMNS; buckets as a dict from bucket to count

    def __getitem__(self, column: str):
        return self.values[column]


def of_run(workload: str, line: str) -> list[Row]:
    """Of one line that the simulator has written."""
    told = json.loads(line)
    run = {"workload": workload, "policy": told["policy"], "seed": told["seed"]}
    run |= {key: told[key] for key in (*_RUN, *_RUN_REAL)}
    return [Row(run | _of_class(each)) for each in told["classes"]]


def findings(line: str) -> str:
    """What the simulator's detectors say of one run: its first of each kind."""
    told = json.loads(line)
    head = f"{told['policy']}, seed {told['seed']}: "
    return "".join(head + finding for finding in told["findings"])


def unheeded(lines: list[str]) -> str:
    """A warning, if there are reservations that a policy of these runs knows nothing of."""
    found = {}
    for line in lines:
        told = json.loads(line)
        if told["unheeded"]:
            found[told["policy"]] = told["unheeded"]
    if not found:
        return ""
    classes = ", ".join(next(iter(found.values())))  # the same of all
    return f"reservations (of {classes}) mean nothing under {', '.join(found)}: edf has them"


def timeline(line: str) -> tuple[str, dict] | None:
    """The policy of a run that was asked for its timeline, and that (async/sim/timeline.h)."""
    told = json.loads(line)
    return (told["policy"], told["timeline"]) if told["timeline"] else None


def _of_class(told: dict) -> dict:
    values = {"class": told["name"]} | {key: told[key] for key in (*_CLASS, *_CLASS_REAL)}
    for sample, keys in _SAMPLES.items():
        values |= {f"{sample} {key}": told[sample][key] for key in keys}
    for sample in _BUCKETS:
        buckets = told[sample].get("buckets", {})
        values[f"{sample} buckets"] = {int(bucket): times for bucket, times in buckets.items()}
    return values


def write(path: Path, rows: list[Row]) -> None:
    try:
        with open(path, "w", newline="") as file:
            out = csv.writer(file)
            out.writerow(COLUMNS)
            for row in rows:
                out.writerow(_to_text(row[column]) for column in COLUMNS)
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror}") from error


def read(path: Path) -> list[Row]:
    try:
        with open(path, newline="") as file:
            lines = csv.reader(file)
            if tuple(next(lines, ())) != COLUMNS:
                raise UsageError(f"{path}: not what `./cotrap sim --csv` writes")
            return [_of_line(line) for line in lines]
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from error


def _of_line(line: list[str]) -> Row:
    named = zip(COLUMNS, line, strict=True)
    return Row({column: _of_text(column, text) for column, text in named})


def _to_text(value) -> str:
    if isinstance(value, dict):
        return " ".join(f"{bucket}:{times}" for bucket, times in sorted(value.items()))
    return str(value)


def _of_text(column: str, text: str):
    if column in _TEXTS:
        return text
    if column.endswith("buckets"):
        pairs = (pair.split(":") for pair in text.split())
        return {int(bucket): int(times) for bucket, times in pairs}
    return float(text) if "." in text or "e" in text else int(text)
