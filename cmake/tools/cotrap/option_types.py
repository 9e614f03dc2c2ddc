"""Types of the command line's options. Each raises ArgumentTypeError with a message for the user."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from .trace import EVENTS_LIMIT

HARTS_LIMIT = 64  # hal/include/hal/hart.h: max_harts
SIMULATED_HARTS_LIMIT = 1024  # async/sim/platform/async_platform.h: max_harts


def checked(parse: Callable[[str], str]) -> Callable[[str], str]:
    """A type for argparse, made of a function that raises ValueError with a message for the user."""

    def convert(text: str) -> str:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert


def path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("an empty name: give the name of a file")
    return Path(text)


def is_number(text: str) -> bool:
    return re.fullmatch(r"[0-9]{1,9}", text) is not None


def positive(text: str) -> int:
    if not is_number(text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 up")
    return int(text)


def events(text: str) -> int:
    if not is_number(text) or not 1 <= int(text) <= EVENTS_LIMIT:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 to {EVENTS_LIMIT}")
    return int(text)


def harts(text: str, limit: int = HARTS_LIMIT) -> int:
    if not is_number(text) or not 1 <= int(text) <= limit:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 1 to {limit}")
    return int(text)


def simulated_harts(text: str) -> int:
    return harts(text, SIMULATED_HARTS_LIMIT)


class Once(argparse.Action):
    """Refuses an option that is given twice. By default argparse would use the last one silently."""

    def __call__(self, command, namespace, value, option=None):
        if getattr(namespace, self.dest) is not None:
            command.error(f"{option}: give it only once")
        setattr(namespace, self.dest, value)


_NANOSECONDS = {"nanoseconds": 1, "milliseconds": 1e6, "seconds": 1e9, "minutes": 6e10}
# The suffixes of times in workloads (docs/reference/workloads.md), and a suffix for minutes.
_SUFFIXES = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "min": 6e10}


def duration(unit: str) -> Callable[[str], float]:
    """A type for times. It takes a number in that unit, or a number with a suffix, and returns the time in
    that unit. The least time is a nanosecond: for 0 or no limit the user leaves the option out."""

    def parse(text: str) -> float:
        number, suffix = re.fullmatch(r"(.*?)(ns|us|ms|s|min|)", text, re.DOTALL).groups()
        try:
            value = float(number) if text.isascii() else 0.0
        except ValueError:
            value = 0.0
        if suffix:
            value = value * _SUFFIXES[suffix] / _NANOSECONDS[unit]
        if not 0 < value < 1e9:
            raise argparse.ArgumentTypeError(
                f"'{text}' is not a number of {unit} above 0, nor one with ns, us, ms, s or min after it"
            )
        if round(value * _NANOSECONDS[unit]) == 0:
            raise argparse.ArgumentTypeError(f"'{text}' is too short: give at least 1ns")
        return value

    return parse
