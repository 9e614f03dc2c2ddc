"""Reads and writes rows as CSV files, for sweeps over many machines. Reading checks every cell, because
copying can truncate a file, and people edit files."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import UsageError
from ..option_types import SIMULATED_HARTS_LIMIT
from ..paths import write_output
from .rows import COLUMNS, MAY_LACK, REALS, TEXTS, Row

_WHOLE = re.compile(r"[0-9]{1,20}")
_REAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?(e[+-]?[0-9]{1,3})?")
_MOST = 2**64  # a larger number is an error
_LAST_BUCKET = 64 * 4  # the highest number of a histogram's bucket


def write(path: Path, rows: list[Row]) -> None:
    text = io.StringIO(newline="")
    out = csv.writer(text)
    out.writerow(COLUMNS)
    for row in rows:
        out.writerow(_to_text(row[column]) for column in COLUMNS)
    write_output(path, text.getvalue())


def read(path: Path) -> list[Row]:
    """The rows, each with its file and line as `origin`. Raises UsageError, which names both."""
    if path.exists() and not path.is_file():
        raise _format_error(path)
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return list(_rows(path, list(file)))
    except UnicodeDecodeError as error:
        raise _format_error(path) from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error


def _format_error(path: Path) -> UsageError:
    return UsageError(f"{path}: not a file that `./cotrap sim --csv` has written")


def _rows(path: Path, texts: list[str]) -> Iterator[Row]:
    lines = csv.reader(texts, strict=True)
    try:
        if tuple(next(lines, ())) != COLUMNS:
            raise _format_error(path)
        for line in lines:
            if lines.line_num == len(texts) and not texts[-1].endswith("\n"):
                raise ValueError("the file is cut short: copy it again")
            yield Row(_of_line(line), f"{path}:{lines.line_num}")
    except (ValueError, csv.Error) as error:
        if lines.line_num <= 1:
            raise _format_error(path) from error
        raise UsageError(f"{path}:{lines.line_num}: {error}") from error


def _of_line(line: list[str]) -> dict:
    if len(line) != len(COLUMNS):
        raise ValueError(f"{len(line)} cells instead of {len(COLUMNS)}")
    values = {}
    for column, text in zip(COLUMNS, line, strict=True):
        try:
            values[column] = _of_text(column, text)
        except ValueError as error:
            raise ValueError(f"{column}: {error}") from error
    if values["duration"] == 0 or not 1 <= values["harts"] <= SIMULATED_HARTS_LIMIT:
        raise ValueError(f"duration is 0, or harts is not from 1 to {SIMULATED_HARTS_LIMIT}")
    return values


def _to_text(value) -> str:
    if isinstance(value, dict):
        return " ".join(f"{bucket}:{times}" for bucket, times in sorted(value.items()))
    return "" if value is None else str(value)


def _of_text(column: str, text: str):
    if column in TEXTS:
        if not text or "\n" in text or "\r" in text:
            raise ValueError(f"{text[:40]!r} is not a name")
        return text
    if column.endswith("buckets"):
        pairs = [_bucket(pair) for pair in text.split()]
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a bucket appears twice")
        return dict(pairs)
    if column in MAY_LACK and not text:
        return None
    return _real(text) if column in REALS else _whole(text)


def _bucket(text: str) -> tuple[int, int]:
    bucket, colon, times = text.partition(":")
    if not colon or _whole(bucket) > _LAST_BUCKET or _whole(times) == 0:
        raise ValueError(f"'{text[:40]}' is not BUCKET:TIMES with a BUCKET from 0 to {_LAST_BUCKET}")
    return int(bucket), int(times)


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"'{text[:40]}' is not a whole number")
    return _checked(int(text))


def _real(text: str) -> int | float:
    """A number without a sign, in the form that the simulator writes."""
    if not _REAL.fullmatch(text):
        raise ValueError(f"'{text[:40]}' is not a number")
    return _checked(int(text) if _WHOLE.fullmatch(text) else float(text))


def _checked(value: int | float) -> int | float:
    if value > _MOST:
        raise ValueError(f"{value} is larger than 2^64")
    return value
