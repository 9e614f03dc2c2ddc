"""Names for the kernel's addresses in a panic's report."""

import re
import shutil
import subprocess
from pathlib import Path

from .paths import ROOT

SYMBOLIZERS = ("llvm-symbolizer-22", "llvm-symbolizer-21", "llvm-symbolizer-20", "llvm-symbolizer")
# Where the direct map has the kernel, and where a program of the host's is that is not moved.
_KERNEL_ADDRESS = re.compile(r"0x(?:ffffffc0[0-9a-f]{8}|[0-9a-f]{6})\b")


def explain(report: str, kernel: Path) -> str:
    """The report, with a line for each address in the kernel's code: function, file and line.
    The report alone where no symbolizer is installed."""
    addresses = list(dict.fromkeys(_KERNEL_ADDRESS.findall(report)))
    symbolizer = next(filter(None, map(shutil.which, SYMBOLIZERS)), None)
    if not addresses or not symbolizer:
        return report
    answer = subprocess.run(
        [symbolizer, "--obj", str(kernel), "--output-style=GNU", "--no-inlines", *addresses],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.replace(f"{ROOT}/", "").splitlines()
    names = zip(addresses, answer[::2], answer[1::2])
    known = [f"  {at}  {name} ({place})" for at, name, place in names if name != "??"]
    return "\n".join([report, *(["where that is:"] if known else []), *known])
