"""The pages of docs/reference/ that are made from the sources: `/usr/bin/python3 cmake/tools/reference.py`
writes them, and tests/unit/tools/test_reference.py compares them with what is there."""

from pathlib import Path

from ..paths import ROOT
from . import calls, commands

FOLDER = ROOT / "docs" / "reference"
COMMAND = "/usr/bin/python3 cmake/tools/reference.py"


def pages() -> dict[Path, str]:
    """Every generated page and its text. Raises ValueError: a source lacks what its page needs."""
    return {
        FOLDER / "system-calls.md": calls.page(),
        FOLDER / "commands.md": commands.page(),
    }
