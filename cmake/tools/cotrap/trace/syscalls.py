"""Linux's names of system calls and errors."""

import errno
import re
from functools import cache

from ..paths import ROOT

_NUMBERS = ROOT / "trap" / "include" / "abi" / "numbers.h"


@cache
def _names() -> dict[int, str]:
    found = re.findall(r"X\((\w+), (\d+)\)", _NUMBERS.read_text())
    return {int(number): name for name, number in found}


def name(number: int) -> str:
    """Linux's name of a call, or `call N` if the number has none there. The trace has 0xffff for all larger
    numbers, which no call has."""
    return _names().get(number, "unknown call" if number == 0xFFFF else f"call {number}")


def result(value: int) -> str:
    """The result of a call: a number, or the name of its error."""
    signed = value - (1 << 64) if value >> 63 else value
    if -4096 < signed < 0:
        return errno.errorcode.get(-signed, str(signed))
    return str(signed) if abs(signed) < 1 << 32 else f"{value:#x}"
