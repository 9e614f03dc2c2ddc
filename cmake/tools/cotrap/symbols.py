"""Finds the functions and source lines of addresses in the kernel's reports."""

import re
import subprocess
from pathlib import Path

from .llvm import find_llvm_tool
from .paths import ROOT

# An address of the kernel's code has 16 digits, in its direct map, or on the hosted machine 6 digits:
# there the kernel is a program of the host, linked at a fixed address.
_KERNEL_ADDRESS = re.compile(r"0x(?:ffffffc0[0-9a-f]{8}|ffff8000[0-9a-f]{8}|[0-9a-f]{6})\b")


def addresses(report: str) -> list[str]:
    """The addresses in the report that may be kernel code, as written there, without duplicates."""
    return list(dict.fromkeys(_KERNEL_ADDRESS.findall(report)))


def names(wanted: list[str], kernel: Path) -> dict[str, tuple[str, str]]:
    """By address: its function, and its file and line. Addresses without a function are left out; all are
    if no symbolizer is installed."""
    symbolizer = find_llvm_tool("symbolizer")
    if not wanted or not symbolizer:
        return {}
    answer = subprocess.run(
        [symbolizer, "--obj", str(kernel), "--output-style=GNU", "--no-inlines", *wanted],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.replace(f"{ROOT}/", "").splitlines()
    found = zip(wanted, answer[::2], answer[1::2])
    return {at: (name, place) for at, name, place in found if name != "??"}


def explain(report: str, kernel: Path) -> str:
    """The report, followed by a line for each address in it: function, file and line."""
    found = names(addresses(report), kernel)
    known = [f"  {at}  {name} ({place})" for at, (name, place) in found.items()]
    return "\n".join([report, *(["the addresses are:"] if known else []), *known])
