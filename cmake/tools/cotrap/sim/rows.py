"""Runs of the simulator as rows: one for each class of each run, the same in memory and in CSV
files (csv_file.py)."""

import json
from dataclasses import dataclass, field

from .costs import NAMES as COSTS

# What a run was told: `file` is the fingerprint of the workload's.
_TOLD = ("workload", "file", "slice", *COSTS)
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

# What the runs of one sweep have in common.
SAME = (*_TOLD, "harts", "duration")
COLUMNS = (
    *_TOLD,
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
# None where nothing has run, or finished, or was late.
MAY_LACK = {
    *("slowdown", "fairness"),
    *(f"{sample} {key}" for sample, keys in _SAMPLES.items() for key in keys),
}
REALS = {*_RUN_REAL, *_CLASS_REAL, *(f"{sample} mean" for sample in _SAMPLES)}
TEXTS = {"workload", "file", "policy", "hash", "class"}


@dataclass(frozen=True)
class Row:
    values: dict  # by COLUMNS; buckets as a dict from bucket to count
    origin: str = field(default="", compare=False, repr=False)  # FILE:LINE

    def __getitem__(self, column: str):
        return self.values[column]


def of_run(workload: str, file: str, options: dict[str, int], line: str) -> list[Row]:
    """Of one line that the simulator has written, and the options that it was told."""
    told = json.loads(line)
    run = {"workload": workload, "file": file, "slice": options["slice"]}
    run |= {cost: options.get(cost, 0) for cost in COSTS}
    run |= {"policy": told["policy"], "seed": told["seed"]}
    run |= {key: told[key] for key in (*_RUN, *_RUN_REAL)}
    return [Row(run | _of_class(each)) for each in told["classes"]]


def findings(line: str) -> str:
    """What the simulator's detectors say of one run: its first of each kind."""
    return _told_of_run(line, "findings")


def unfit(line: str) -> str:
    """What did not fit into the harts' time."""
    return _told_of_run(line, "unfit")


def _told_of_run(line: str, key: str) -> str:
    told = json.loads(line)
    head = f"{told['policy']}, seed {told['seed']}: "
    return "".join(head + each for each in told[key])


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


def absent(lines: list[str]) -> str:
    """A warning, if no task of some class comes before the end."""
    names = {name: None for line in lines for name in json.loads(line)["absent"]}
    return f"no task comes within the duration of {', '.join(names)}" if names else ""


def timeline(line: str) -> tuple[str, dict] | None:
    """The policy of a run that was asked for its timeline, and that (async/sim/timeline.h)."""
    told = json.loads(line)
    return (told["policy"], told["timeline"]) if told["timeline"] else None


def _of_class(told: dict) -> dict:
    values = {"class": told["name"]} | {key: told[key] for key in (*_CLASS, *_CLASS_REAL)}
    for sample, keys in _SAMPLES.items():
        values |= {f"{sample} {key}": told[sample].get(key) for key in keys}
    for sample in _BUCKETS:
        buckets = told[sample].get("buckets", {})
        values[f"{sample} buckets"] = {int(bucket): times for bucket, times in buckets.items()}
    return values
