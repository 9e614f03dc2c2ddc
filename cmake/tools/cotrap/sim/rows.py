"""The simulator's results as rows, one for each class of each run. CSV files have the same rows
(csv_file.py)."""

import json
from dataclasses import dataclass, field

from .costs import NAMES as COSTS

# The settings of a run. `file` is the fingerprint of the workload's file.
_SETTINGS = ("workload", "file", "slice", *COSTS)
# The results of the whole run, as cotrap_sim names them.
_RUN = ("harts", "duration", "hash", "steps", "changes", "preemptions", "migrations")
_RUN_REAL = ("utilisation", "queue")
# The results of a class. Times are in nanoseconds.
_CLASS = ("arrived", "finished", "missed")
_CLASS_REAL = ("throughput", "slowdown", "fairness")
_SAMPLES = {
    "latency": ("p50", "p90", "p99", "p99.9", "max"),
    "response": ("mean", "p50", "p90", "p99", "p99.9", "max"),
    "tardiness": ("mean", "max"),
}
_BUCKETS = ("latency", "response")

# The columns that are equal in all runs of a sweep.
SAME = (*_SETTINGS, "harts", "duration")
COLUMNS = (
    *_SETTINGS,
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
# Columns that are None if no task has run, finished or been late.
MAY_LACK = {
    *("slowdown", "fairness"),
    *(f"{sample} {key}" for sample, keys in _SAMPLES.items() for key in keys),
}
REALS = {*_RUN_REAL, *_CLASS_REAL, *(f"{sample} mean" for sample in _SAMPLES)}
TEXTS = {"workload", "file", "policy", "hash", "class"}


@dataclass(frozen=True)
class Row:
    values: dict  # by column; a histogram is a dict from the bucket's number to the count
    origin: str = field(default="", compare=False, repr=False)  # FILE:LINE

    def __getitem__(self, column: str):
        return self.values[column]


def of_run(workload: str, file: str, options: dict[str, int], line: str) -> list[Row]:
    """The rows of one run. line: the simulator's output for it, as JSON. options: the simulator's options."""
    outcome = json.loads(line)
    run = {"workload": workload, "file": file, "slice": options["slice"]}
    run |= {cost: options.get(cost, 0) for cost in COSTS}
    run |= {"policy": outcome["policy"], "seed": outcome["seed"]}
    run |= {key: outcome[key] for key in (*_RUN, *_RUN_REAL)}
    return [Row(run | _of_class(each)) for each in outcome["classes"]]


def findings(line: str) -> str:
    """The reports of the simulator's detectors in one run, the first of each kind."""
    return _messages(line, "findings")


def unfit(line: str) -> str:
    """The reports of reservations that the run refused, because they exceed the harts' time."""
    return _messages(line, "unfit")


def _messages(line: str, key: str) -> str:
    outcome = json.loads(line)
    head = f"{outcome['policy']}, seed {outcome['seed']}: "
    return "".join(head + each for each in outcome[key])


def unheeded(lines: list[str]) -> str:
    """A warning if the workload has reservations and a policy of these runs ignores them."""
    found = {}
    for line in lines:
        outcome = json.loads(line)
        if outcome["unheeded"]:
            found[outcome["policy"]] = outcome["unheeded"]
    if not found:
        return ""
    classes = ", ".join(next(iter(found.values())))  # equal for all policies
    return f"the reservations of {classes} have no effect under {', '.join(found)}: use --policy edf"


def absent(lines: list[str]) -> str:
    """A warning if no task of some class arrives before the end."""
    names = {name: None for line in lines for name in json.loads(line)["absent"]}
    return f"no task of {', '.join(names)} arrives within the duration" if names else ""


def timeline(line: str) -> tuple[str, dict] | None:
    """The policy and the timeline (async/sim/timeline.h) of a run; None: the run has no timeline."""
    outcome = json.loads(line)
    return (outcome["policy"], outcome["timeline"]) if outcome["timeline"] else None


def _of_class(outcome: dict) -> dict:
    values = {"class": outcome["name"]} | {key: outcome[key] for key in (*_CLASS, *_CLASS_REAL)}
    for sample, keys in _SAMPLES.items():
        values |= {f"{sample} {key}": outcome[sample].get(key) for key in keys}
    for sample in _BUCKETS:
        buckets = outcome[sample].get("buckets", {})
        values[f"{sample} buckets"] = {int(bucket): times for bucket, times in buckets.items()}
    return values
