"""The names of system calls and errors: Linux's, and those of Cotrap's private calls."""

import errno
import re
from functools import cache

from ..paths import ROOT

_ABI = ROOT / "trap" / "include" / "abi"


@cache
def _names() -> dict[int, str]:
    text = "".join(header.read_text() for header in sorted(_ABI.glob("*.h")))
    first = int(re.search(r"first_private_call = (\w+);", text)[1], 0)
    linux = re.findall(r"X\((\w+), (\d+)\)", text)
    private = re.findall(r"constexpr Call (\w+){first_private_call \+ (\d+)}", text)
    return {int(number): name for name, number in linux} | {first + int(at): name for name, at in private}


def name(number: int) -> str:
    """The name of a call, or `call N` if the number has none. The trace has 0xffff for all larger numbers,
    which no call has."""
    return _names().get(number, "unknown call" if number == 0xFFFF else f"call {number}")


def result(value: int) -> str:
    """The result of a call: a number, or the name of its error."""
    signed = value - (1 << 64) if value >> 63 else value
    if -4096 < signed < 0:
        return errno.errorcode.get(-signed, str(signed))
    return str(signed) if abs(signed) < 1 << 32 else f"{value:#x}"
