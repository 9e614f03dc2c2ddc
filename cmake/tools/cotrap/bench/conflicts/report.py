"""Prints the result in the terminal, or as JSON."""

import json
from dataclasses import asdict

from ...provenance import provenance
from ...ui import bad, faint, good
from . import summary
from .summary import GOAL, Pair

_SHOWN = 25  # variables in the terminal


def show(pairs: list[Pair]) -> None:
    """Prints a row for each call, the totals, and the variables that the most pairs share."""
    rows = summary.by_call(pairs)
    width = max(map(len, ("two processes", *rows)))
    print(faint("pairs of calls that commute, on two harts; unlocked: free but for the strand's lock"))
    print(f"  {'':<{width}}  pairs   free  percent  unlocked  percent")
    for name, row in rows.items():
        print(f"  {name:<{width}}{_figures(row)}")
    print()
    for state, row in summary.by_state(pairs).items():
        print(f"  {f'two {state}':<{width}}{_figures(row)}")
    all_ = summary.total(pairs)
    missed = all_.percent < GOAL
    verdict = bad(f"free: missed ≥ {GOAL}") if missed else good(f"free: ≥ {GOAL}")
    print(f"  {'all':<{width}}{_figures(all_)}  {verdict}")
    _show_variables(summary.shared(pairs), all_.pairs)


def _figures(row: summary.Row) -> str:
    free = f"{row.free:>5,}  {row.percent:>7.1f}"
    return f"  {row.pairs:>5,}  {free}  {row.unlocked:>8,}  {row.percent_unlocked:>7.1f}"


def _show_variables(shared: list[summary.Shared], pairs: int) -> None:
    if not shared:
        return
    print()
    print(faint("shared variables; without: pairs that are free without this variable and those above"))
    print("  pairs  alone  false  without  percent  variable")
    for each in shared[:_SHOWN]:
        share = 100 * each.free_without / pairs
        print(
            f"  {each.pairs:>5,}  {each.alone:>5,}  {each.false_sharing:>5,}  {each.free_without:>7,}  "
            f"{share:>7.1f}  {each.variable}"
        )
        [(functions, _)] = each.functions.most_common(1)
        print(faint(f"{'':40}{' / '.join(dict.fromkeys(functions))}"))
    if len(shared) > _SHOWN:
        print(faint(f"  and {len(shared) - _SHOWN} more: --json FILE writes them all"))


def to_json(pairs: list[Pair]) -> str:
    """The result as JSON: for each pair its conflicts, and the variables in the order of the table."""
    rows = summary.by_call(pairs)
    all_ = summary.total(pairs)
    data = provenance() | {
        "goal": GOAL,
        "pairs": all_.pairs,
        "free": all_.free,
        "unlocked": all_.unlocked,
        "calls": {name: asdict(row) for name, row in rows.items()},
        "variables": [
            {
                "name": str(each.variable),
                "pairs": each.pairs,
                "alone": each.alone,
                "false_sharing": each.false_sharing,
                "free_without": each.free_without,
                "functions": [[*functions, times] for functions, times in each.functions.most_common()],
            }
            for each in summary.shared(pairs)
        ],
        "results": [
            {
                "state": pair.state,
                "calls": pair.calls,
                "conflicts": [
                    {
                        "variable": str(each.variable),
                        "functions": each.functions,
                        "false_sharing": each.is_false_sharing,
                    }
                    for each in pair.conflicts
                ],
            }
            for pair in pairs
        ],
    }
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"
