"""Tables of the results as text, with a line for each policy."""

from .rows import Row
from .summary import Figure, Group, by_class, groups, runs

# Title, function that finds the figure, kind of text.
CLASS_COLUMNS = (
    ("done/s", lambda group: group.figure("throughput"), "number"),
    ("latency p50", lambda group: group.figure("latency p50"), "time"),
    ("p99", lambda group: group.figure("latency p99"), "time"),
    ("p99.9", lambda group: group.figure("latency p99.9"), "time"),
    ("response mean", lambda group: group.figure("response mean"), "time"),
    ("p99", lambda group: group.figure("response p99"), "time"),
    ("slowdown", lambda group: group.figure("slowdown"), "number"),
    ("Jain", lambda group: group.figure("fairness"), "share"),
    ("missed", Group.missed_share, "percent"),
    ("tardiness", lambda group: group.figure("tardiness mean"), "time"),
)
RUN_COLUMNS = (
    ("steps/s", lambda group: group.per_second("steps"), "number"),
    ("changes/s", lambda group: group.per_second("changes"), "number"),
    ("preemptions/s", lambda group: group.per_second("preemptions"), "number"),
    ("migrations/s", lambda group: group.per_second("migrations"), "number"),
    ("busy", lambda group: group.figure("utilisation"), "percent"),
    ("ready jobs", lambda group: group.figure("queue"), "number"),
)


def time(ns: float) -> str:
    for size, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if ns >= size:
            return f"{_three_digits(ns / size)} {unit}"
    return f"{ns:.0f} ns"


def _three_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def number(value: float) -> str:
    return _three_digits(value) if value else "0"


_WRITERS = {
    "time": time,
    "number": number,
    "share": lambda value: f"{value:.3f}",
    "percent": lambda value: f"{value:.2%}" if value else "0",
}


def text_of(figure: Figure | None, kind: str) -> str:
    return " ".join(filter(None, texts_of(figure, kind)))


def texts_of(figure: Figure | None, kind: str) -> tuple[str, str]:
    """The mean, and half of the confidence interval's width as a percentage of the mean. The second text is
    empty if the width is unknown or the mean is 0. Without a figure: a dash and an empty text."""
    if figure is None:
        return "–", ""
    written = _WRITERS[kind](figure.mean)
    if figure.half is None or figure.mean == 0:
        return written, ""
    return written, f"±{figure.half / abs(figure.mean):.1%}"


def tables(rows: list[Row]) -> str:
    of_classes = [["class", "policy", *(title for title, _, _ in CLASS_COLUMNS)]]
    for name, mine in by_class(rows).items():
        for group in mine:
            figures = (text_of(find(group), kind) for _, find, kind in CLASS_COLUMNS)
            of_classes.append([name, group.policy, *figures])
    by_run = [["policy", *(title for title, _, _ in RUN_COLUMNS)]]
    for group in runs(rows):
        figures = (text_of(find(group), kind) for _, find, kind in RUN_COLUMNS)
        by_run.append([group.policy, *figures])
    notes = "".join(note + "\n" for group in groups(rows) if (note := group.unfinished()))
    return aligned(of_classes, 2) + notes + "\n" + aligned(by_run, 1)


def aligned(lines: list[list[str]], left: int) -> str:
    """A table in aligned columns; the first `left` columns are aligned left, the others right."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = ""
    for line in lines:
        cells = (
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        text += "  ".join(cells).rstrip() + "\n"
    return text
