"""Generates pages of docs/reference/ from the sources, and docs/benchmarks.svg from the record of
instructions. `/usr/bin/python3 cmake/tools/reference.py` writes them, and tests/unit/tools/test_reference.py
checks that they are up to date."""

from pathlib import Path

from ..paths import ROOT
from . import calls, commands, costs

FOLDER = ROOT / "docs" / "reference"
COMMAND = "/usr/bin/python3 cmake/tools/reference.py"


def pages() -> dict[Path, str]:
    """Every generated file and its text. Raises ValueError if a source lacks a line that its page needs, and
    ToolError if a library is missing."""
    return {
        FOLDER / "system-calls.md": calls.page(),
        FOLDER / "commands.md": commands.page(),
        ROOT / "docs" / "benchmarks.svg": costs.picture(),
    }
