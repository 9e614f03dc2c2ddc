"""Prints the results in the terminal, one table for each unit."""

from ..policies import DEFAULT
from ..ui import bad, faint, good
from .catalogue import BASELINE, BENCHMARKS
from .compare import Change, number, times_as_much
from .goals import excess, goal, has_goals, is_missed
from .results import BYTES, COUNTED_NS, INSTRUCTIONS, TIME, UNITS, Report, Result

TITLES = {
    INSTRUCTIONS: "instructions, counted",
    COUNTED_NS: "counted time, ns: an instruction takes 1 ns",
    BYTES: "bytes of the kernel's memory",
    TIME: "time by the clock, ns",
}


def show(report: Report, changes: list[Change] | None, against: list[Report]) -> None:
    """Prints the report. changes: the comparison with an earlier report. against: the reports of other
    kernels; the table shows each of their results, and its ratio to Cotrap's."""
    by_result = {(each.after.name, each.after.unit): each for each in changes or ()}
    compared = changes is not None
    for unit in UNITS:
        results = [each for each in report.results if each.unit == unit]
        if not results:
            continue
        base = report.find(BASELINE, unit)
        goals = report if has_goals(results, report) else None
        rows = [_head(unit, compared, base is not None, against, goals is not None)]
        for each in results:
            change = by_result.get((each.name, each.unit))
            rows.append(_row(each, compared, change, base, against, goals))
        policy = "" if report.policy == DEFAULT else f", policy {report.policy}"
        _print(TITLES[unit] + policy, rows)


def _head(
    unit: str, compared: bool, has_base: bool, against: list[Report], goals: bool
) -> list[str]:
    more = ["before", "ratio"] if compared else [f"× {BASELINE}"] if has_base else []
    last = ["spread"] if unit == TIME else ["goal"] * goals
    others = [word for other in against for word in (other.machine, "×")]
    return ["", "p50", "p99", "max", *more, *others, *last]


def _row(
    result: Result,
    compared: bool,
    change: Change | None,
    base: Result | None,
    against: list[Report],
    goals: Report | None,
) -> list[str]:
    """goals: the report, whose goals the row shows; None: it shows none."""
    row = [result.name, *(number(result.percentiles[key]) for key in ("p50", "p99", "max"))]
    if compared:
        row += [number(change.before.value), change.ratio_text] if change else ["", "new"]
    elif base:
        row.append(number(result.value / base.value) if base.value else "")
    for other in against:
        theirs = other.find(result.name, result.unit)
        row += [number(theirs.value), times_as_much(theirs, result)] if theirs else ["", ""]
    if result.unit == TIME:
        row.append(f"± {number(result.spread / 2)}")
    elif goals:
        row.append(_goal(result, goals))
    missed = goals and is_missed(result, goals)
    remarks = [_remark(result, change), bad(excess(result, goals)) if missed else ""]
    row.append("; ".join(filter(None, remarks)))
    return row


def _goal(result: Result, report: Report) -> str:
    most = goal(result, report)
    return f"{'missed ' * is_missed(result, report)}≤ {number(most)}" if most else ""


def _remark(result: Result, change: Change | None) -> str:
    if change and change.is_worse:
        return bad("larger" if result.unit == BYTES else "slower")
    if change and change.is_better:
        return good("smaller" if result.unit == BYTES else "faster")
    if result.same is False:
        return faint("two runs differ")
    if result.same and (benchmark := BENCHMARKS.get(result.name)) and benchmark.disk:
        return faint("two runs have the same median")
    return ""


def _print(title: str, rows: list[list[str]]) -> None:
    columns = len(rows[0])
    widths = [max(len(row[i]) for row in rows) for i in range(columns)]
    print(faint(title))
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:columns], widths[1:])]
        print("  " + "  ".join([*cells, *row[columns:]]).rstrip())
    print()
