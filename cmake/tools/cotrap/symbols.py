"""Names for the kernel's addresses in what it reports."""

import re
import shutil
import subprocess
from pathlib import Path

from .paths import ROOT

SYMBOLIZERS = ("llvm-symbolizer-22", "llvm-symbolizer-21", "llvm-symbolizer-20", "llvm-symbolizer")
# Where the direct map has the kernel, and where a program of the host's is that is not moved.
_KERNEL_ADDRESS = re.compile(r"0x(?:ffffffc0[0-9a-f]{8}|[0-9a-f]{6})\b")


def addresses(report: str) -> list[str]:
    """Those in the kernel's code, as they are written, each once."""
    return list(dict.fromkeys(_KERNEL_ADDRESS.findall(report)))


def names(wanted: list[str], kernel: Path) -> dict[str, tuple[str, str]]:
    """Function, and file and line, of each that has any; none where no symbolizer is installed."""
    symbolizer = next(filter(None, map(shutil.which, SYMBOLIZERS)), None)
    if not wanted or not symbolizer:
        return {}
    answer = subprocess.run(
        [symbolizer, "--obj", str(kernel), "--output-style=GNU", "--no-inlines", *wanted],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.replace(f"{ROOT}/", "").splitlines()
    told = zip(wanted, answer[::2], answer[1::2])
    return {at: (name, place) for at, name, place in told if name != "??"}


def explain(report: str, kernel: Path) -> str:
    """The report, with a line for each address in the kernel's code: function, file and line."""
    found = names(addresses(report), kernel)
    known = [f"  {at}  {name} ({place})" for at, (name, place) in found.items()]
    return "\n".join([report, *(["where that is:"] if known else []), *known])
